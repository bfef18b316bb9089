/** Killing the real process at random moments, again and again: the next run makes everything good. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { countOf, killedWhen, namesIn } from "../../support/killing.ts";
import { differences, run, World } from "../../support/world.ts";

const ROUNDS = Deno.env.get("SLOW") ? 60 : 3;

/** The program as a user starts it. */
function program(...args: string[]): Deno.Command {
  const exe = Deno.env.get("BACKUP_TOOL_EXE");
  const main = new URL("../../../main.ts", import.meta.url).pathname;
  const [file, first] = exe ? [exe, []] : [Deno.execPath(), ["run", "-A", main]];
  return new Deno.Command(file, { args: [...first, ...args], stdout: "null", stderr: "null" });
}

Deno.test("a backup killed at any moment, many times, leaves a storage that the next run completes", async () => {
  using world = new World();
  for (let i = 0; i < 1600; i++) world.write(`d${i % 40}/f${i}`, `content ${i} `.repeat(i % 50));
  world.write("large", new Uint8Array(20_000_000).fill(7));
  const args = ["backup", "-s", world.storagePath, world.source, "--workers", "2"];
  let hits = 0;
  for (let round = 0; round < ROUNDS; round++) {
    world.write(`d${round % 40}/changed`, `round ${round}`);
    const begun = [`d${(round * 7) % 40}`, "d0", "d25"][round % 3]!;
    const tree = () => namesIn(`${world.storagePath}/tmp`).find((name) => name.includes("tree"));
    // Half of its files are there.
    if (await killedWhen(program(...args), () => countOf(`${world.storagePath}/tmp/${tree()}/${begun}`) > 20)) hits++;
  }
  ok(hits >= ROUNDS / 2, `${hits} of ${ROUNDS} kills found work half done`);
  strictEqual((await program(...args).output()).code, 0);
  const { damaged, findings } = await world.check();
  deepStrictEqual(findings.filter(({ severity }) => severity === "damage"), []);
  strictEqual(damaged, 0);
  deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)].map(({ name }) => name), []);
  const { target } = await world.restore("latest");
  strictEqual(differences(world.source, target), "");
  using storage = world.open();
  const tree = storage.resolve("latest").tree;
  strictEqual(run("diff", "-r", world.source, `${world.storagePath}/${tree}`), "");
});
