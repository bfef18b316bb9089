/** When contents were last verified is known also when the catalog is lost. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { parseSubset } from "../../src/core/subset.ts";
import { check } from "../../src/operations/check/check.ts";
import { verificationStatus } from "../../src/operations/check/verification_status.ts";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { CuttingDisk, PowerCut } from "../support/cutting_disk.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const DAY_MINUTES = 24 * 60;
const { signal } = new AbortController();

async function withFiles(count: number): Promise<World> {
  const world = new World({ inMemory: true });
  for (let i = 0; i < count; i++) world.write(`f${i}`, `${i};`.repeat(100));
  await world.backup({ tree: false });
  return world;
}

async function checkPart(world: World, part: string): Promise<void> {
  using storage = world.open();
  await check(storage, { readData: false, subset: parseSubset(part), workers: 0, signal }, () => {}, new TestMonitor());
}

async function statusOf(world: World, monitor = new TestMonitor()): Promise<unknown> {
  using storage = world.open(monitor);
  return await verificationStatus(storage);
}

function loseCatalog(world: World): void {
  run("rm", "-f", ...["catalog.sqlite", "catalog.agreed"].map((name) => `${world.storagePath}/db/${name}`));
}

function recordOf(world: World): string[] {
  return [...Deno.readDirSync(`${world.storagePath}/db/verified`)].map(({ name }) => name).sort();
}

function rebuild(world: World, monitor = new TestMonitor()): void {
  using storage = world.open(monitor);
  rebuildCatalog(storage, monitor);
}

Deno.test("a catalog that was lost and made again knows when each content was verified, and what was damaged", async () => {
  using world = await withFiles(20);
  for (let night = 0; night < 5; night++) {
    world.clock.pass(DAY_MINUTES);
    await checkPart(world, "15%");
  }
  const [, path = ""] = [...world.items()].find(([id]) => id.length === 64) ?? [];
  Deno.chmodSync(path, 0o600);
  Deno.writeTextFileSync(path, "0;".repeat(100).replace("0", "1"));
  world.clock.pass(DAY_MINUTES);
  await world.check();
  world.clock.pass(DAY_MINUTES);
  await checkPart(world, "15%");
  const before = await statusOf(world);
  match(JSON.stringify(before), /"damaged":\{"contents":1,/);
  loseCatalog(world);
  // Who only looks makes one in memory.
  deepStrictEqual(await statusOf(world), before);
  rebuild(world);
  deepStrictEqual(await statusOf(world), before);
  deepStrictEqual(await statusOf(world), before);
});

Deno.test("what an older version noted in the catalog alone is recorded with the next check", async () => {
  using world = await withFiles(10);
  await checkPart(world, "50%");
  Deno.removeSync(`${world.storagePath}/db/verified`, { recursive: true });
  world.clock.pass(DAY_MINUTES);
  await checkPart(world, "20%");
  const before = await statusOf(world);
  loseCatalog(world);
  rebuild(world);
  deepStrictEqual(await statusOf(world), before);
});

Deno.test("what an older version made again without the record is not forgotten when the record is written anew", async () => {
  using world = await withFiles(10);
  await checkPart(world, "50%");
  world.clock.pass(DAY_MINUTES);
  const hidden = `${world.base}/hidden`, record = `${world.storagePath}/db/verified`;
  Deno.renameSync(record, hidden);
  loseCatalog(world);
  rebuild(world);
  Deno.renameSync(hidden, record);
  // Something to forget has the record written anew.
  for (let i = 0; i < 2; i++) world.write(`f${i}`, "changed");
  await checkPart(world, "1/1");
  world.write("f9", "changed, too");
  const { snapshot } = await world.backup({ tree: false });
  using storage = world.open();
  {
    using writer = storage.write("test");
    writer.forget(storage.snapshots().filter(({ id }) => id !== snapshot.id).map(({ id }) => id));
    const plan = await writer.planRemoval({ workers: 0, signal }, new TestMonitor());
    await plan.execute(new TestMonitor(), signal);
  }
  const before = await statusOf(world);
  loseCatalog(world);
  rebuild(world);
  deepStrictEqual(await statusOf(world), before);
});

Deno.test("the record stays short, however often is checked", async () => {
  using world = await withFiles(30);
  const ids = [...world.items().keys()].filter((id) => id.length === 64);
  let most = 0;
  {
    using storage = world.open();
    using writer = storage.write("test");
    for (let night = 0; night < 150; night++) {
      world.clock.pass(DAY_MINUTES);
      const part = [0, 1, 2].map((i) => ({ id: ids[(3 * night + i) % ids.length] ?? "", state: "ok" } as const));
      writer.recordVerified(part, world.clock.nowMs());
      most = Math.max(most, recordOf(world).length);
    }
  }
  ok(most > 20 && most <= 66, `${most} files`);
  const before = await statusOf(world);
  loseCatalog(world);
  rebuild(world);
  deepStrictEqual(await statusOf(world), before);
});

Deno.test("a check of everything replaces the record, and none of less does", async () => {
  using world = await withFiles(20);
  for (const [part, files] of [["1/3", 1], ["2/3", 2], ["3/3", 3], ["1/1", 1], ["1/3", 2]] as const) {
    world.clock.pass(DAY_MINUTES);
    await checkPart(world, part);
    strictEqual(recordOf(world).length, files, part);
  }
  const before = await statusOf(world);
  match(JSON.stringify(before), /"never":\{"contents":0,/);
  loseCatalog(world);
  rebuild(world);
  deepStrictEqual(await statusOf(world), before);
});

Deno.test("a file of the record that is damaged is reported, and costs what it says alone", async () => {
  using world = await withFiles(10);
  for (const part of ["1/3", "2/3", "3/3"]) {
    world.clock.pass(DAY_MINUTES);
    await checkPart(world, part);
  }
  const [, second = ""] = recordOf(world), path = `${world.storagePath}/db/verified/${second}`;
  Deno.chmodSync(path, 0o600);
  Deno.writeTextFileSync(path, "no gzip");
  loseCatalog(world);
  const monitor = new TestMonitor();
  rebuild(world, monitor);
  deepStrictEqual(monitor.notices.filter((text) => text.includes("verification")), [
    `Some dates of verification are lost: db/verified/${second} can't be read: it is damaged`,
  ]);
  const { never, all } = await statusOf(world) as { never: { contents: number }; all: { contents: number } };
  ok(never.contents > 0 && never.contents < all.contents, JSON.stringify({ never, all }));
});

Deno.test("something else in the place of the record costs nothing but the dates", async () => {
  using world = await withFiles(3);
  Deno.writeTextFileSync(`${world.storagePath}/db/verified`, "");
  const { damaged, monitor } = await world.check();
  strictEqual(damaged, 0);
  match(monitor.notices.join("\n"), /Dates of verification are in the catalog alone/);
  match(JSON.stringify(await statusOf(world)), /"never":\{"contents":0,/);
});

Deno.test("a check that is cut off at any change leaves a record that can be read", async () => {
  using world = await withFiles(6);
  await checkPart(world, "2/3");
  for (let cut = 0, isFinished = false; !isFinished; cut++) {
    ok(cut < 200);
    world.clock.pass(DAY_MINUTES);
    const cutting = new CuttingDisk(openDisk(), cut);
    try {
      using storage = openStorage(
        { ...world.machine, disk: cutting.disk },
        rawOf(world.storagePath),
        new TestMonitor(),
      );
      await check(storage, { readData: true, workers: 0, signal }, () => {}, new TestMonitor());
      isFinished = true;
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
    }
    const monitor = new TestMonitor(), before = await statusOf(world);
    loseCatalog(world);
    rebuild(world, monitor);
    deepStrictEqual(monitor.notices.filter((text) => text.includes("verification")), []);
    // The catalog may have been told just before, and the record no more.
    if (isFinished) deepStrictEqual(await statusOf(world), before);
  }
  match(JSON.stringify(await statusOf(world)), /"never":\{"contents":0,/);
});
