/** Killing a restore at random moments, again and again: the same command goes on with it, and in the end all is there. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { countOf, killedWhen } from "../../support/killing.ts";
import { differences, run, World } from "../../support/world.ts";

const ROUNDS = Deno.env.get("SLOW") ? 40 : 2;
const FILES = Deno.env.get("SLOW") ? 4000 : 2000;

/** The program as a user starts it. */
function program(args: readonly string[], output: "piped" | "null" = "null"): Deno.Command {
  const exe = Deno.env.get("BACKUP_TOOL_EXE");
  const main = new URL("../../../main.ts", import.meta.url).pathname;
  const [file, first] = exe ? [exe, []] : [Deno.execPath(), ["run", "-A", main]];
  return new Deno.Command(file, { args: [...first, ...args], stdout: output, stderr: output });
}

/** Starts it, and kills it when so many names are in a directory of the target. @returns true if it was killed */
function killed(args: readonly string[], target: string, names: number): Promise<boolean> {
  return killedWhen(program(args), () => countOf(target) >= names);
}

async function makeWorld(): Promise<World> {
  const world = new World();
  for (let i = 0; i < FILES; i++) world.write(`d/f${i}`, `content ${i} `.repeat(i % 60));
  for (let i = 0; i < 50; i++) Deno.linkSync(`${world.source}/d/f${i * 7}`, `${world.source}/d/again-${i}`);
  world.write("large", new Uint8Array(30_000_000).fill(7));
  run("sh", "-c", `find ${world.source} -exec touch -h -d 2010-03-04T05:06:07.123456789Z {} +`);
  await world.backup();
  return world;
}

Deno.test("a restore that was killed is continued by the same command, as often as it takes", async () => {
  using world = await makeWorld();
  const target = `${world.base}/target`;
  const args = ["restore", "latest", "-s", world.storagePath, "--target", target, "--workers", "2"];
  let kills = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    if (!await killed(args, `${target}/d`, round * FILES / (ROUNDS + 2))) break;
    kills++;
    ok(countOf(`${target}/d`) >= round * FILES / (ROUNDS + 2), "what is done stays done");
  }
  ok(kills >= ROUNDS / 2, `${kills} of ${ROUNDS} were killed`);
  const { code, stderr, stdout } = await program(args, "piped").output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  match(new TextDecoder().decode(stdout), /kept +\d[\d,]* files? as they were/);
  strictEqual(differences(world.source, target), "");
});

Deno.test("a restore in place that was killed left every file whole, and the same command completes it", async () => {
  using world = await makeWorld();
  const copy = `${world.base}/copy`;
  run("cp", "-a", world.source, copy);
  for (let i = 0; i < FILES; i += 2) Deno.removeSync(`${world.source}/d/f${i}`);
  for (let i = 1; i < FILES; i += 2) Deno.writeTextFileSync(`${world.source}/d/f${i}`, "older");
  run("sh", "-c", `find ${world.source} -exec touch -h -d 2009-01-01 {} +`);
  const args = ["restore", "latest", "-s", world.storagePath, "--in-place", "--workers", "2"];
  let kills = 0;
  for (let round = 1; round <= 2; round++) {
    if (await killed(args, `${world.source}/d`, FILES / 2 + round * FILES / 6)) kills++;
  }
  ok(kills > 0, "nothing was killed");
  const half = [...Deno.readDirSync(`${world.source}/d`)].filter(({ name }) => /^f\d+$/.test(name)).filter(
    ({ name }) => {
      const text = Deno.readTextFileSync(`${world.source}/d/${name}`);
      return text !== "older" && text !== Deno.readTextFileSync(`${copy}/d/${name}`);
    },
  );
  deepStrictEqual(half, []);
  const { code, stderr } = await program(args, "piped").output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  strictEqual(differences(copy, world.source), "");
});
