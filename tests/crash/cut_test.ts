/** A backup that ends between any two changes of the disk: what was there stays, and the next run makes all good. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { backup } from "../../src/operations/backup/backup.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { rawOf } from "../../src/core/raw.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { atLeast, stride } from "../support/effort.ts";
import { CuttingDisk, PowerCut } from "../support/cutting_disk.ts";
import { differences, run, TestMonitor, World } from "../support/world.ts";

/** Every n-th change is cut; SLOW=1 cuts at each. */
const STRIDE = stride(5);

function prepare(): World {
  const world = new World();
  for (const name of ["a", "sub/b", "sub/deep/c", "z"]) world.write(name, `content of ${name}`);
  world.write("large", new Uint8Array(600_000).fill(3));
  return world;
}

/** Runs a second backup that is cut before change number `cut`. @returns the changes it made, and whether it got through */
async function cutBackup(world: World, cut: number): Promise<{ changes: number; finished: boolean }> {
  const cutting = new CuttingDisk(openDisk(), cut);
  const monitor = new TestMonitor();
  try {
    using storage = openStorage({ ...world.machine, disk: cutting.disk }, rawOf(world.storagePath), monitor);
    await backup(storage, world.request(), monitor);
    return { changes: cutting.changes, finished: true };
  } catch (error) {
    ok(error instanceof PowerCut, String(error));
    return { changes: cutting.changes, finished: false };
  }
}

Deno.test("backup() cut before any change loses nothing, and the next run makes all good", async () => {
  let cuts = 0;
  for (let cut = 0, finished = false; !finished; cut += STRIDE) {
    using world = prepare();
    const first = (await world.backup()).snapshot;
    const copy = `${world.base}/copy`;
    run("cp", "-a", world.source, copy);
    world.write("a", "changed");
    world.write("sub/new", "new");
    world.write("large", new Uint8Array(700_000).fill(4));
    world.clock.pass(1);
    ({ finished } = await cutBackup(world, cut));
    cuts++;
    const afterwards = await world.restore(first.id);
    strictEqual(differences(copy, afterwards.target), "", `after cut ${cut}`);
    const { monitor } = await world.backup();
    deepStrictEqual(monitor.problems, []);
    strictEqual((await world.check()).damaged, 0, `after cut ${cut}`);
    const { target } = await world.restore("latest");
    strictEqual(differences(world.source, target), "", `after cut ${cut}`);
    deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)].map(({ name }) => name), []);
  }
  ok(cuts > atLeast(5), `${cuts} cuts`);
});
