/** Killing the real process while it forgets and prunes, again and again: kept snapshots stay whole, the next run ends the work. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { PROGRAM } from "../../cli/program.ts";
import { countOf, killedWhen, namesIn } from "../../support/killing.ts";
import { neededItems } from "../../support/needed_items.ts";
import { differences, World } from "../../support/world.ts";

const ROUNDS = Deno.env.get("SLOW") ? 40 : 4;

/** What is to be seen when the kill comes: a tree taken away, some of it removed, or contents that went. */
function evidence(world: World, round: number): () => boolean {
  const trees = countOf(`${world.storagePath}/2026`), items = world.items().size;
  const seen = [
    () => countOf(`${world.storagePath}/2026`) < trees,
    () => {
      const [tree] = namesIn(`${world.storagePath}/tmp`);
      const left = tree === undefined ? 0 : countOf(`${world.storagePath}/tmp/${tree}`);
      return left > 0 && left < 18;
    },
    () => world.items().size < items - 20,
  ];
  // The first round has nothing to forget.
  return round === 0 ? () => countOf(`${world.storagePath}/tmp`) > 0 : seen[round % seen.length]!;
}

Deno.test("forget --prune killed at any moment, many times, harms no kept snapshot, and the next run ends the work", async () => {
  using world = new World();
  const [file = "", ...first] = PROGRAM;
  const args = [...first, "forget", "-s", world.storagePath, "--keep-last", "1", "--prune"];
  const program = () => new Deno.Command(file, { args, stdout: "null", stderr: "null" });
  let hits = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < 400; i++) world.write(`d${i % 20}/f${i}`, `${i} ${i % 2 === 0 ? round : ""}`);
    await world.backup();
    if (await killedWhen(program(), evidence(world, round))) hits++;
    strictEqual((await world.check()).damaged, 0, `round ${round}`);
    strictEqual(differences(world.source, (await world.restore("latest")).target), "");
  }
  ok(hits >= ROUNDS / 2, `${hits} of ${ROUNDS} kills found work half done`);
  strictEqual((await program().output()).code, 0);
  deepStrictEqual([...world.items().keys()].sort(), neededItems(world));
  strictEqual([...Deno.readDirSync(`${world.storagePath}/2026`)].length, 1);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
});
