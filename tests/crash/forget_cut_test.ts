/** Forgetting and pruning that end between any two changes of the disk. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { forget } from "../../src/operations/forget/forget.ts";
import { prune } from "../../src/operations/forget/prune.ts";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { openStorage, type Storage } from "../../src/storage/storage.ts";
import { atLeast, stride } from "../support/effort.ts";
import { CuttingDisk, PowerCut } from "../support/cutting_disk.ts";
import { neededItems } from "../support/needed_items.ts";
import { differences, run, TestMonitor, World } from "../support/world.ts";

/** Every n-th change is cut; SLOW=1 cuts at each. */
const STRIDE = stride(3);
const KEPT = 2;

/** Four snapshots, of which two will stay. @returns copies of the source as those two have it */
async function prepare(world: World): Promise<Map<string, string>> {
  const copies = new Map<string, string>();
  for (let round = 0; round < 4; round++) {
    for (const name of ["same", `sub/only-${round}`, "changing"]) world.write(name, `${name} ${round}`);
    world.write("same", "same");
    const { snapshot } = await world.backup();
    const copy = `${world.base}/copy-${round}`;
    run("cp", "-a", world.source, copy);
    if (round >= 4 - KEPT) copies.set(snapshot.id, copy);
    Deno.removeSync(`${world.source}/sub/only-${round}`);
  }
  return copies;
}

async function forgetAndPrune(storage: Storage, monitor: TestMonitor): Promise<void> {
  await forget(storage, { policy: { last: KEPT }, among: {}, dryRun: false }, monitor);
  await prune(storage, { dryRun: false, workers: 0, signal: new AbortController().signal }, () => {}, monitor);
}

/** @returns false if it was cut */
async function cutForget(world: World, cut: number): Promise<boolean> {
  const disk = new CuttingDisk(openDisk(), cut).disk, monitor = new TestMonitor();
  try {
    using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), monitor);
    await forgetAndPrune(storage, monitor);
    return true;
  } catch (error) {
    ok(error instanceof PowerCut, String(error));
    return false;
  }
}

Deno.test("forget() and prune() cut before any change harm no kept snapshot, and the next run ends the work", async () => {
  let cuts = 0;
  for (let cut = 0, finished = false; !finished; cut += STRIDE) {
    using world = new World({ inMemory: true, hexSplit: [1] });
    const copies = await prepare(world);
    finished = await cutForget(world, cut);
    cuts++;
    for (const [id, copy] of copies) {
      strictEqual(differences(copy, (await world.restore(id)).target), "", `after cut ${cut}`);
    }
    strictEqual((await world.check()).damaged, 0, `after cut ${cut}`);
    const monitor = new TestMonitor();
    using storage = world.open(monitor);
    await forgetAndPrune(storage, monitor);
    deepStrictEqual(monitor.problems, []);
    deepStrictEqual([...world.items().keys()].sort(), neededItems(world), `after cut ${cut}`);
    deepStrictEqual(storage.snapshots().map(({ id }) => id), [...copies.keys()]);
    const trees = [...Deno.readDirSync(`${world.storagePath}/2026`)].map(({ name }) => `2026/${name}`).sort();
    deepStrictEqual(trees, storage.snapshots().map(({ tree }) => tree).sort(), `after cut ${cut}`);
    const live = [...storage.catalog().dump()];
    rebuildCatalog(storage, new TestMonitor());
    deepStrictEqual([...storage.catalog().dump()], live);
    deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)].map(({ name }) => name), []);
  }
  ok(cuts > atLeast(5), `${cuts} cuts`);
});
