/** How many threads do the work is nobody's business: what they leave is the same, byte for byte. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { rawOf } from "../../../src/core/raw.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { rounds } from "../../support/effort.ts";
import { run, TestMonitor, World } from "../../support/world.ts";

const FILES = rounds(2500, 2500), DIRECTORIES = 40, LARGE_BYTES = 1_500_000;

/** Several names of one content, files alike, links, empty ones, large ones. */
function fill(world: World): void {
  for (let i = 0; i < FILES; i++) world.write(`d${i % DIRECTORIES}/f${i}`, `content ${i % (FILES - 300)}`);
  for (let i = 0; i < 4; i++) world.write(`large/${i}`, new Uint8Array(LARGE_BYTES).fill(i % 3));
  world.write("empty", "");
  Deno.linkSync(`${world.source}/d1/f1`, `${world.source}/d2/linked`);
  Deno.symlinkSync("d1", `${world.source}/symlink`);
}

function change(world: World): void {
  for (let i = 0; i < FILES; i += 7) world.write(`d${i % DIRECTORIES}/f${i}`, `changed ${i}`);
  Deno.removeSync(`${world.source}/d3`, { recursive: true });
  world.write("new/directory/file", "new");
}

/** Digests of everything in content/, by id. */
function digests(world: World): Map<string, string> {
  const sorted = [...world.items()].sort(([a], [b]) => a < b ? -1 : 1);
  return new Map(sorted.map(([id, path]) => [id, createHash("sha256").update(Deno.readFileSync(path)).digest("hex")]));
}

/** Not the times of files: a content that several files have shows that of whichever was stored first. */
function listing(world: World, tree: string): string[] {
  const find = `find . -type d -printf '%P %y %m %T@\\n' -o -printf '%P %y %m %s %l\\n'`;
  return run("sh", "-c", `cd "${world.storagePath}/${tree}" && ${find}`).split("\n").sort();
}

/** What is not in both: easier to read than both. */
function onlyInOne(a: Map<string, string>, b: Map<string, string>): string[] {
  const only = (one: Map<string, string>, other: Map<string, string>) =>
    [...one].filter(([id, digest]) => other.get(id) !== digest).map(([id]) => id);
  return [...only(a, b), ...only(b, a)];
}

Deno.test("no worker, one, and four leave the same roots, hunks, contents and trees", async () => {
  using source = new World({ inMemory: true });
  const worlds = [0, 1, 4].map((workers) => new World({ workers, inMemory: true }));
  try {
    for (const alter of [fill, change]) {
      alter(source);
      const made = [];
      for (const world of worlds) {
        const { snapshot, monitor } = await world.backup({ sources: [rawOf(source.source)] });
        deepStrictEqual(monitor.problems, []);
        made.push({ id: snapshot.id, digests: digests(world), tree: listing(world, snapshot.tree!) });
      }
      ok(made[0]!.digests.size > FILES - 500);
      for (const other of made.slice(1)) {
        deepStrictEqual(onlyInOne(other.digests, made[0]!.digests), []);
        deepStrictEqual(other, made[0]);
      }
    }
    for (const world of worlds) strictEqual((await world.check()).damaged, 0);
  } finally {
    for (const world of worlds) world[Symbol.dispose]();
  }
});

/** A backup whose threads fail at once, if it starts any: it does without them. */
async function backupWithoutThreads(world: World): Promise<{ monitor: TestMonitor; hasStartedThreads: boolean }> {
  const monitor = new TestMonitor();
  const trace = `${world.base}/thread`;
  const script = `Deno.writeTextFileSync(${JSON.stringify(trace)}, ""); throw new Error("no threads here");`;
  const machine = { ...world.machine, workerScript: new URL(`data:text/javascript,${encodeURIComponent(script)}`) };
  world.clock.pass(1);
  using storage = openStorage(machine, rawOf(world.storagePath), monitor);
  await backup(storage, world.request(), monitor);
  const hasStartedThreads = [...Deno.readDirSync(world.base)].some(({ name }) => name === "thread");
  if (hasStartedThreads) Deno.removeSync(trace);
  return { monitor, hasStartedThreads };
}

Deno.test("unchanged files are linked by threads if they are many, and by the main thread if they are few", async () => {
  using world = new World({ workers: 2, inMemory: true });
  // So few that they take no time on any machine: time counts as well.
  for (let i = 0; i < 300; i++) world.write(`d${i % 9}/f${i}`, `content ${i % 50}`);
  const first = (await world.backup()).snapshot;
  const few = await backupWithoutThreads(world);
  deepStrictEqual([few.monitor.of("linkedFiles"), few.hasStartedThreads], [300, false]);
  for (let i = 0; i < 5700; i++) world.write(`e${i % 9}/f${i}`, `content ${i % 50}`);
  const second = (await world.backup()).snapshot;
  const many = await backupWithoutThreads(world);
  deepStrictEqual([many.monitor.of("linkedFiles"), many.hasStartedThreads], [6000, true]);
  const { snapshot: third, monitor } = await world.backup();
  deepStrictEqual([monitor.of("linkedFiles"), monitor.of("unchangedFiles")], [6000, 6000]);
  deepStrictEqual(listing(world, third.tree!), listing(world, second.tree!));
  ok(listing(world, first.tree!).length > 300);
});
