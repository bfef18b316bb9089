import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { RootId } from "../../../src/core/content_id.ts";
import { Interrupted } from "../../../src/core/fault.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import { forget } from "../../../src/operations/forget/forget.ts";
import { prune, type PruneRequest, type PruneResult } from "../../../src/operations/forget/prune.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { collidingPair } from "../../support/collision.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";

async function pruneIn(world: World, changes: Partial<PruneRequest> = {}): Promise<PruneResult> {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const request = { dryRun: false, workers: 0, signal: new AbortController().signal, ...changes };
  let told: unknown;
  const result = await prune(storage, request, (plan) => told = plan, monitor);
  const { removedItems: _, ...plan } = result;
  deepStrictEqual(told, plan);
  deepStrictEqual(monitor.problems, []);
  return result;
}

async function forgetIn(world: World, ...snapshots: string[]): Promise<void> {
  using storage = world.open();
  await forget(storage, { snapshots, dryRun: false }, new TestMonitor());
}

function ids(world: World): string[] {
  return [...world.items().keys()].sort();
}

/** Bytes that no other call gives. */
function unique(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Two snapshots: `shared` is in both, `first` in the first, `second` in the second. */
async function withTwo(world = new World()): Promise<World> {
  world.write("shared", "shared");
  world.write("first", unique(50_000));
  await world.backup();
  Deno.removeSync(`${world.source}/first`);
  world.write("second", "second");
  await world.backup();
  return world;
}

Deno.test("prune() removes what only forgotten snapshots needed, and tells before what it frees", async () => {
  using world = await withTwo();
  const nothing = await pruneIn(world);
  deepStrictEqual([nothing.contents, nothing.hunks, nothing.bytes, nothing.removedItems], [0, 0, 0, 0]);
  const before = ids(world);
  await forgetIn(world, "latest~1");
  strictEqual(ids(world).length, before.length - 1);
  const plan = await pruneIn(world, { dryRun: true });
  strictEqual(plan.removedItems, 0);
  strictEqual(ids(world).length, before.length - 1);
  const result = await pruneIn(world);
  const { contents, hunks, bytes, removedItems, neededItems, snapshots } = result;
  deepStrictEqual([contents, hunks, removedItems, neededItems, snapshots], [1, 1, 2, 3, 1]);
  ok(bytes >= 50_000 && bytes < 70_000, `${bytes}`);
  deepStrictEqual({ ...plan, removedItems: 2 }, result);
  strictEqual((await world.check()).damaged, 0);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
  deepStrictEqual((await pruneIn(world)).removedItems, 0);
});

Deno.test("prune() in a dry run can tell what forgetting would free", async () => {
  using world = await withTwo();
  using storage = world.open();
  const without = new Set<RootId>([storage.resolve("latest~1").id]);
  const { contents, hunks, snapshots } = await pruneIn(world, { dryRun: true, without });
  deepStrictEqual([contents, hunks, snapshots], [1, 1, 1]);
});

Deno.test("prune() counts no bytes of contents that stand in other trees too, and leaves these their files", async () => {
  using world = await withTwo();
  using storage = world.open();
  const { tree } = storage.resolve("latest~1");
  const archive = `${world.storagePath}/archive`;
  Deno.mkdirSync(archive);
  run("cp", "-al", `${world.storagePath}/${tree}`, `${archive}/kept`);
  const bytes = Deno.readFileSync(`${archive}/kept/first`);
  await forgetIn(world, "latest~1");
  const result = await pruneIn(world);
  deepStrictEqual([result.contents, result.linkedContents], [1, 1]);
  ok(result.bytes < 10_000, `${result.bytes}`);
  deepStrictEqual(Deno.readFileSync(`${archive}/kept/first`), bytes);
});

Deno.test("prune() removes what crashed runs left behind", async () => {
  using world = await withTwo();
  const orphan = `${world.storagePath}/content/ab/${"c".repeat(62)}`;
  Deno.writeTextFileSync(orphan, "half a conte");
  const hunk = `${world.storagePath}/content/ab/${"d".repeat(62)}f1`;
  Deno.writeTextFileSync(hunk, "a hunk that no root lists");
  Deno.mkdirSync(`${world.storagePath}/tmp/tree/sub`, { recursive: true });
  Deno.writeFileSync(`${world.storagePath}/tmp/tree/sub/file`, unique(9000));
  Deno.writeTextFileSync(`${world.storagePath}/tmp/t1-0`, "x");
  const { contents, hunks, leftovers, leftoverBytes } = await pruneIn(world);
  deepStrictEqual([contents, hunks, leftovers], [1, 1, 2]);
  ok(leftoverBytes >= 9000, `${leftoverBytes}`);
  deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)], []);
  strictEqual(world.items().has(`ab${"c".repeat(62)}`), false);
});

Deno.test("prune() leaves names alone that are no items, and what is no file", async () => {
  using world = await withTwo();
  const leaf = `${world.storagePath}/content/ab`;
  Deno.writeTextFileSync(`${leaf}/README`, "mine");
  Deno.writeTextFileSync(`${leaf}/${"C".repeat(62)}`, "not lower case");
  Deno.writeTextFileSync(`${leaf}/${"c".repeat(62)}f2`, "a suffix that means nothing");
  Deno.mkdirSync(`${leaf}/${"e".repeat(62)}`);
  const { removedItems } = await pruneIn(world);
  strictEqual(removedItems, 0);
  strictEqual([...Deno.readDirSync(leaf)].filter(({ name }) => /README|C{9}|f2$|e{9}/.test(name)).length, 4);
});

Deno.test("prune() keeps what partial snapshots need", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 3000; i++) world.write(`d${i % 30}/f${i}`, `content ${i}`);
  const stop = new AbortController();
  let opened = 0;
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "open" && path.startsWith(world.source) && ++opened === 2200) stop.abort();
    return proceed();
  });
  {
    using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
    await rejects(backup(storage, { ...world.request(), signal: stop.signal }, new TestMonitor()), Interrupted);
  }
  const { snapshots, neededItems, contents } = await pruneIn(world);
  strictEqual(snapshots, 1);
  ok(neededItems > 500 && contents < 2500, `${neededItems} needed, ${contents} not`);
  strictEqual((await world.check()).damaged, 0);
  const { snapshot } = await world.backup();
  strictEqual(snapshot.files, 3000);
  strictEqual((await world.check()).damaged, 0);
});

for (const what of ["hunk", "root"] as const) {
  Deno.test(`prune() removes nothing while a ${what} can't be read, and says of which snapshot`, async () => {
    using world = await withTwo();
    await forgetIn(world, "latest~1");
    using other = world.open();
    const { id } = other.resolve("latest");
    const damaged = what === "root" ? id : other.manifest(id).root.hunks[0]!.id;
    const path = world.items().get(damaged)!;
    const bytes = Deno.readFileSync(path);
    Deno.chmodSync(path, 0o600);
    Deno.writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    const before = ids(world);
    for (const dryRun of [true, false]) {
      using storage = world.open();
      const request = { dryRun, workers: 0, signal: new AbortController().signal };
      await rejects(prune(storage, request, () => {}, new TestMonitor()), (error: Error & { code: string }) => {
        strictEqual(error.code, "unknown-references");
        return error.message.includes(id);
      });
    }
    deepStrictEqual(ids(world), before);
    await forgetIn(world, id);
    ok((await pruneIn(world)).removedItems > 0);
    deepStrictEqual(ids(world), []);
  });
}

Deno.test("prune() keeps a content with a collision suffix when the plain one goes, and the other way round", async () => {
  for (const keptFirst of [true, false]) {
    using world = new World({ algorithm: "md5" });
    const [one, two] = collidingPair();
    world.write("one", one);
    world.write("two", two);
    await world.backup();
    Deno.removeSync(`${world.source}/${keptFirst ? "two" : "one"}`);
    await world.backup();
    await forgetIn(world, "latest~1");
    strictEqual((await pruneIn(world)).contents, 1);
    const check = async () => {
      strictEqual((await world.check()).damaged, 0);
      strictEqual(differences(world.source, (await world.restore("latest")).target), "");
    };
    await check();
    // The name that was freed may be taken by either of them.
    world.write("one", one);
    world.write("two", two);
    world.write("three", two);
    await world.backup();
    await check();
  }
});

Deno.test("prune() is refused while another run writes, and warns in a dry run", async () => {
  using world = await withTwo();
  using storage = world.open();
  using _writer = storage.write("a backup");
  await rejects(pruneIn(world), { code: "locked" });
  const monitor = new TestMonitor();
  using reader = world.open(monitor);
  await prune(reader, { dryRun: true, workers: 0, signal: new AbortController().signal }, () => {}, monitor);
  ok(monitor.notices.some((notice) => notice.includes("Another run is writing")), monitor.notices.join());
});

Deno.test("prune() with threads does the same as without", async () => {
  using world = new World();
  for (let i = 0; i < 9000; i++) world.write(`d${i % 30}/f${i}`, `${i % 500}`);
  await world.backup({ tree: false, workers: 2 });
  for (let i = 0; i < 300; i++) world.write(`d${i % 30}/f${i}`, `changed ${i}`);
  await world.backup({ tree: false, workers: 2 });
  await forgetIn(world, "latest~1");
  const alone = await pruneIn(world, { dryRun: true });
  const together = await pruneIn(world, { workers: 2 });
  deepStrictEqual({ ...together, removedItems: 0 }, alone);
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("prune() forgets when contents were verified that are no more", async () => {
  using world = await withTwo();
  await world.check();
  await forgetIn(world, "latest~1");
  const gone = ids(world);
  await pruneIn(world);
  using storage = world.open();
  using writer = storage.write("test");
  const removed = gone.filter((id) => !world.items().has(id) && id.length === 64);
  writer.recordVerified(removed.map((id) => ({ id, state: "damaged" })), 1);
  strictEqual(storage.damaged().length, 1);
  const signal = new AbortController().signal;
  const plan = await writer.planRemoval({ workers: 0, signal }, new TestMonitor());
  await plan.execute(new TestMonitor(), signal);
  deepStrictEqual(storage.damaged(), []);
});
