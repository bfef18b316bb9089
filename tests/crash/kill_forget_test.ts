/** Killing the real process while it forgets and prunes, again and again: kept snapshots stay whole, the next run ends the work. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { PROGRAM } from "../cli/program.ts";
import { neededItems } from "../support/needed_items.ts";
import { differences, World } from "../support/world.ts";

const ROUNDS = Deno.env.get("SLOW") ? 40 : 5;

Deno.test("forget --prune killed at any moment, many times, harms no kept snapshot, and the next run ends the work", async () => {
  using world = new World();
  const [file = "", ...first] = PROGRAM;
  const args = [...first, "forget", "-s", world.storagePath, "--keep-last", "1", "--prune"];
  const program = () => new Deno.Command(file, { args, stdout: "null", stderr: "null" });
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < 400; i++) world.write(`d${i % 20}/f${i}`, `${i} ${i % 2 === 0 ? round : ""}`);
    await world.backup();
    const child = program().spawn();
    await new Promise((wake) => setTimeout(wake, 150 + (round * 97) % 400));
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it had ended
    }
    await child.status;
    strictEqual((await world.check()).damaged, 0, `round ${round}`);
    strictEqual(differences(world.source, (await world.restore("latest")).target), "");
  }
  strictEqual((await program().output()).code, 0);
  deepStrictEqual([...world.items().keys()].sort(), neededItems(world));
  strictEqual([...Deno.readDirSync(`${world.storagePath}/2026`)].length, 1);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
});
