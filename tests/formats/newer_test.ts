/** An old program and what a newer one has written. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { FakeWorld, runIn } from "../cli/fake_world.ts";
import { hashBytes } from "../../src/core/digest.ts";
import { JobWorld } from "../support/job_world.ts";
import { CHECK, serveIn } from "../support/serving.ts";

/**
 * Paths with what they hold and when they were changed. Of `tmp` itself the time says nothing: SQLite has one directory
 * for temporary files in a process, so those of another test may come and go there.
 */
function everythingIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
    const path = `${directory}/${name}`, { mtime, ino, nlink, isFile } = Deno.lstatSync(path);
    const line = `${path} ${name === "tmp" ? "" : mtime?.getTime()} ${ino} ${nlink}`;
    if (isDirectory) return [line, ...everythingIn(path)];
    return [isFile ? `${line} ${hashBytes("sha256", Deno.readFileSync(path))}` : line];
  }).sort();
}

/** A storage with a snapshot, whose settings say that a newer program wrote them. */
async function newerWorld(): Promise<JobWorld> {
  const world = new JobWorld();
  world.write("a", "1");
  await world.backup();
  const path = `${world.storagePath}/db/main`, text = Deno.readTextFileSync(path);
  Deno.chmodSync(path, 0o600);
  Deno.writeTextFileSync(path, text.replace(/"version": ?1/, '"version":2'));
  return world;
}

const COMMANDS: readonly (readonly string[])[] = [
  ["backup", "SOURCE"],
  ["snapshots"],
  ["ls", "latest"],
  ["restore", "latest", "--target", "TARGET"],
  ["cat", "latest", "a"],
  ["find", "a"],
  ["forget", "--keep-last", "1"],
  ["prune"],
  ["tag", "latest", "--add", "x"],
  ["tree", "build", "latest"],
  ["check", "--read-data"],
  ["repair"],
  ["rebuild"],
  ["stats"],
];

for (const command of COMMANDS) {
  Deno.test(`${command[0]} refuses a storage of a newer format, and changes nothing in it`, async () => {
    using world = await newerWorld();
    const before = everythingIn(world.storagePath), fake = new FakeWorld();
    const words = command.map((word) => word.replace("SOURCE", world.source).replace("TARGET", `${world.base}/back`));
    const { status } = await runIn(fake, ...words, "--json", "-s", world.storagePath);
    strictEqual(status === 0, false, fake.stdout.text);
    match(fake.stderr.text, /"newer-format"/, fake.stderr.text);
    deepStrictEqual(everythingIn(world.storagePath), before);
  });
}

Deno.test("serve leaves jobs where they are while the storage is of a newer format", async () => {
  using world = await newerWorld();
  const before = everythingIn(world.storagePath);
  world.put("a.json", CHECK);
  const code = await serveIn(world).then(({ postponed }) => postponed?.code, ({ code }) => code);
  strictEqual(code, "newer-format");
  strictEqual([...Deno.readDirSync(world.jobs)].some(({ name }) => name === "a.json"), true);
  deepStrictEqual(everythingIn(world.storagePath), before);
});
