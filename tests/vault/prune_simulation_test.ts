/** Histories of many machines that write to a vault, forget and prune at once. Long with SLOW=1. */
import { strictEqual } from "node:assert/strict";
import { history } from "../support/prune_history.ts";

Deno.test("whatever comes between the steps of writers, forgets and prunes, nothing is lost that was said to be saved", async () => {
  for (let seed = 0; seed < 5; seed++) strictEqual((await history(seed, {})).broken, 0, `history ${seed}`);
});
