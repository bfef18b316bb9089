/**
 * Random histories of many machines that back up into a vault, copy to it, forget and prune, all at once: some crash, some
 * sleep for longer than the grace, deletions fail, an index object is lost. Ten thousand with SLOW=1.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { IS_SLOW, rounds } from "../support/effort.ts";
import { history, type Situation } from "../support/prune_history.ts";

/** In requests: most readers and writers would be done in it, but not those that sleep. */
const GRACE = 20;
/** Somebody may store, forget and prune for so long before an index object is lost. */
const MIDDLE = 200;

const SITUATIONS: readonly [what: string, changes: Partial<Situation>, slow: number][] = [
  ["nothing else happens, and there is no grace", {}, 3000],
  ["everybody may crash", { crash: 0.01 }, 1500],
  ["deletions fail", { deleteFails: 0.2 }, 1000],
  ["what was stored a moment ago is in no list", { listsLate: 8, grace: GRACE }, 500],
  ["writers sleep for longer than the grace", { sleepers: "wb", grace: GRACE }, 1500],
  ["an index object is lost", { loseIndexAt: MIDDLE }, 1000],
  [
    "all of that happens, and whoever prunes sleeps, too",
    { crash: 0.005, deleteFails: 0.1, sleepers: "wbpr", grace: GRACE, loseIndexAt: MIDDLE },
    1500,
  ],
];

Deno.test("with SLOW=1, these are ten thousand histories", () => {
  strictEqual(SITUATIONS.reduce((sum, [, , slow]) => sum + slow, 0), 10_000);
});

for (const [what, changes, slow] of SITUATIONS) {
  const histories = rounds(1, slow);
  Deno.test(`nothing is lost that was said to be saved, in histories (${histories}) where ${what}`, async () => {
    let saved = 0, pruned = 0;
    for (let seed = 0; seed < histories; seed++) {
      const { broken, world } = await history(seed, changes);
      strictEqual(broken, 0, `history ${seed}`);
      const ends = [...world.ends.keys()].filter((code) => code !== "no-snapshot"); // somebody forgot it at once
      if (Object.keys(changes).length === 0) deepStrictEqual(ends, [], `history ${seed}`);
      if (changes.loseIndexAt === undefined) ok(!ends.includes("damaged-content"), `history ${seed}: a writer gave up`);
      saved += world.saved.size;
      pruned += world.pruned;
    }
    ok(saved > 0 && pruned > 0);
  });
}

/** Which rules random histories miss soon; for the others it takes a certain sequence: see prune_rules_test.ts. */
const MISSED: readonly [what: string, changes: Partial<Situation>][] = [
  ["writers don't look again", { sleepers: "wb", grace: GRACE, rules: { w3: false, w5: false } }],
  ["tombstones are dropped", { sleepers: "wb", grace: GRACE, rules: { tombstones: false } }],
  ["prune doesn't stop", { loseIndexAt: MIDDLE, rules: { tails: false, stop: false } }],
];

for (const [what, changes] of MISSED) {
  Deno.test({
    name: `something is lost soon if a rule isn't kept: ${what}`,
    ignore: !IS_SLOW,
    async fn() {
      for (let seed = 0; seed < 100; seed++) if ((await history(seed, changes)).broken > 0) return;
      throw new Error("a hundred histories, and nothing was lost");
    },
  });
}
