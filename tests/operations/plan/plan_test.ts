import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import { type Plan, plan, type PlanRequest } from "../../../src/operations/plan/plan.ts";
import { run, TestMonitor, World } from "../../support/world.ts";
import { IS_ROOT } from "../../support/needs.ts";

/** Bytes that don't compress. */
function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed * 7919 + 1;
  return Uint8Array.from({ length }, () => (state = (state * 48271) % 0x7fffffff) >> 8 & 0xff);
}

async function planned(
  world: World,
  changes: Partial<PlanRequest> = {},
): Promise<{ plan: Plan; monitor: TestMonitor }> {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  return { plan: await plan(storage, { ...world.request(), ...changes }, monitor), monitor };
}

/** That two amounts differ by a share of the first at most. */
function near(actual: number, expected: number, share: number, what: string): void {
  ok(Math.abs(actual - expected) <= share * Math.max(1, expected), `${what}: ${actual}, expected about ${expected}`);
}

function diskUsage(path: string): number {
  return Number(run("du", "-s", "--block-size=1", path).split("\t")[0]);
}

Deno.test("plan() tells what is new, changed, unchanged and gone, and writes nothing", async () => {
  using world = new World();
  for (let i = 0; i < 20; i++) world.write(`d/f${i}`, `content ${i}`);
  world.write("old/gone", "gone");
  await world.backup();
  world.write("d/f3", "something longer than before");
  world.write("d/new", "12345");
  Deno.removeSync(`${world.source}/old`, { recursive: true });
  Deno.symlinkSync("f1", `${world.source}/d/link`);
  // SQLite has one directory for temporary files, whichever database of this process asks.
  const state = () => run("find", world.storagePath, "-not", "-name", "tmp", "-printf", "%p %s %T@\n");
  const before = state();
  const { plan } = await planned(world);
  deepStrictEqual(plan.new, { files: 1, bytes: 5, others: 1 });
  deepStrictEqual(plan.changed, { files: 1, bytes: 28, others: 2 });
  strictEqual(plan.unchanged.files, 19);
  deepStrictEqual(plan.gone, { files: 1, bytes: 4, others: 1 });
  deepStrictEqual([plan.readFiles, plan.readBytes], [2, 33]);
  deepStrictEqual(plan.largest.map(({ path, state }) => [textOf(path), state]), [["/d/f3", "changed"], [
    "/d/new",
    "new",
  ]]);
  strictEqual(state(), before);
});

Deno.test("plan() names every rule that leaves something out, and how much", async () => {
  using world = new World();
  for (const name of ["a.tmp", "b.tmp", "d/c.tmp", "keep", "d/.backupignore", "d/noise", "large"]) {
    world.write(name, name === "d/.backupignore" ? "noise\n" : name.padEnd(name === "large" ? 5000 : 10));
  }
  world.write("cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
  world.write("cache/1", "1");
  const { plan } = await planned(world, { excludes: ["*.tmp"], largestBytes: 4000, excludeCaches: true });
  const rules = plan.excluded.map(({ rule, entries, bytes }) => {
    return [rule.by === "pattern" ? `${rule.decision.pattern} ${rule.decision.from ?? ""}` : rule.by, entries, bytes];
  });
  deepStrictEqual(rules.sort(), [
    ["*.tmp ", 3, 30],
    ["cache", 1, 0],
    [`noise ${world.source}/d/.backupignore`, 1, 10],
    ["size", 1, 5000],
  ]);
});

Deno.test("plan() says which files can't be read", { ignore: IS_ROOT }, async () => {
  using world = new World();
  world.write("a", "1");
  world.write("b", "1");
  Deno.chmodSync(`${world.source}/a`, 0);
  const { plan, monitor } = await planned(world);
  deepStrictEqual([plan.unreadable, plan.readFiles], [1, 1]);
  strictEqual(monitor.problems.length, 1);
});

Deno.test("plan() counts a file whose content the storage has lost as one to read again", async () => {
  using world = new World();
  world.write("a", "precious");
  world.write("b", "other");
  await world.backup();
  const [, path] = [...world.items()].find(([, path]) => Deno.readTextFileSync(path) === "precious")!;
  Deno.removeSync(path);
  const { plan } = await planned(world);
  deepStrictEqual(plan.again, { files: 1, bytes: 8, others: 0 });
  strictEqual(plan.unchanged.files, 1);
  strictEqual(plan.readFiles, 1);
});

Deno.test("plan() refuses what a backup refuses, and stops when it is told to", async () => {
  using world = new World();
  world.write("a", "1");
  await rejects(planned(world, { sources: [rawOf(`${world.base}/missing`)] }), { code: "no-source" });
  await rejects(planned(world, { sources: [rawOf(world.storagePath)] }), { code: "source-in-storage" });
  await rejects(planned(world, { signal: AbortSignal.abort() }), { code: "interrupted" });
});

/** A plan, and what the backup then did. */
async function compare(world: World, changes: Partial<PlanRequest> = {}) {
  const { plan } = await planned(world, changes);
  const before = diskUsage(world.storagePath);
  const { monitor, snapshot } = await world.backup(changes);
  run("sync", "-f", world.storagePath);
  strictEqual(plan.readFiles, monitor.of("readFiles"));
  strictEqual(plan.readBytes, monitor.of("readBytes"));
  strictEqual(plan.unchanged.files, monitor.of("unchangedFiles"));
  const entries = [plan.new, plan.changed, plan.again, plan.unchanged].reduce((sum, { files, others }) => {
    return sum + files + others;
  }, 0);
  strictEqual(entries, snapshot.entries);
  return { plan, monitor, growth: diskUsage(world.storagePath) - before };
}

Deno.test("plan() of a few thousand files is exact in files and bytes, and near in space", async () => {
  using world = new World();
  for (let i = 0; i < 900; i++) world.write(`a/f${i}`, noise(200 + i * 7, i));
  for (let i = 0; i < 100; i++) world.write(`copies/f${i}`, noise(200 + i * 7, i));
  for (let i = 0; i < 30; i++) world.write(`text/f${i}`, `all work and no play ${i} `.repeat(2000));
  world.write("large", noise(3_000_000, 5));
  const first = await compare(world);
  strictEqual(first.plan.store.contents, first.monitor.of("storedItems"));
  strictEqual(first.plan.store.bytes, first.monitor.of("storedBytes"));
  near(first.plan.storageBytes, first.growth, 0.1, "growth of the first backup");
  ok(first.plan.store.packedBytes < first.plan.store.bytes);
  Deno.renameSync(`${world.source}/a`, `${world.source}/moved`);
  for (let i = 0; i < 50; i++) world.write(`moved/f${i}`, noise(500 + i, i + 5000));
  Deno.copyFileSync(`${world.source}/large`, `${world.source}/large-copy`);
  const second = await compare(world);
  strictEqual(second.plan.store.contents, second.monitor.of("storedItems"));
  strictEqual(second.plan.store.bytes, second.monitor.of("storedBytes"));
  near(second.plan.storageBytes, second.growth, 0.25, "growth of the second backup");
});

Deno.test("plan() guesses from samples where there are too many files to look into, and is not far off", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 9000; i++) world.write(`d${i % 40}/f${i}`, noise(100 + (i * 37) % 2500, i % 6000));
  const { plan, monitor } = await compare(world, { tree: false });
  near(plan.store.bytes, monitor.of("storedBytes"), 0.1, "bytes");
  near(plan.store.contents, monitor.of("storedItems"), 0.1, "contents");
});

Deno.test("plan() measures how well files compress", async () => {
  using world = new World();
  for (let i = 0; i < 50; i++) world.write(`noise/${i}`, noise(20_000, i + 1));
  for (let i = 0; i < 50; i++) world.write(`zeros/${i}`, new Uint8Array(20_000 + i));
  const { plan } = await planned(world);
  near(plan.store.packedBytes, 1_000_000, 0.05, "packed");
});
