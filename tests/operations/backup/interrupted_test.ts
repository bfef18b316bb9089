/** A backup that is interrupted, and gone on with. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Interrupted } from "../../../src/core/fault.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import type { BackupRequest } from "../../../src/operations/backup/backup_request.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import type { SnapshotInfo } from "../../../src/snapshot/snapshot_info.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";

/** Files of a source that makes several hunks. */
const MANY = 3000;

function fillMany(world: World): void {
  for (let i = 0; i < MANY; i++) world.write(`d${String(i % 30).padStart(2, "0")}/f${i}`, `content ${i}`);
}

/** Runs a backup that is stopped when so many files have been opened. */
async function stoppedBackup(
  world: World,
  opened: number,
  stop: () => void,
  request: Partial<BackupRequest> = {},
  count = { opened: 0 },
): Promise<void> {
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "open" && path.startsWith(world.source) && ++count.opened === opened) stop();
    world.clock.ms += 1;
    return proceed();
  });
  using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
  await backup(storage, { ...world.request(), ...request }, new TestMonitor());
}

function partials(world: World): SnapshotInfo[] {
  using storage = world.open();
  return storage.snapshots().filter(({ complete }) => !complete);
}

class Killed extends Error {}

for (const way of ["interrupted", "killed after a checkpoint"] as const) {
  Deno.test(`a first backup that is ${way} is shown as partial, restores, and is not done again by the next run`, async () => {
    using world = new World({ inMemory: true });
    fillMany(world);
    const controller = new AbortController();
    const stop = way === "interrupted" ? () => controller.abort() : () => {
      throw new Killed();
    };
    const request = way === "interrupted" ? { signal: controller.signal } : { checkpointMs: 500 };
    const stopped = stoppedBackup(world, 2200, stop, request);
    await rejects(stopped, way === "interrupted" ? Interrupted : Killed);
    const [partial, ...others] = partials(world);
    deepStrictEqual(others, [], "a checkpoint replaces the one before it");
    ok(partial!.files > 500 && partial!.files < MANY, `${partial!.files} files`);
    strictEqual(partial!.tree, null);
    const { target } = await world.restore(partial!.id);
    strictEqual(run("find", target, "-type", "f").trim().split("\n").length, partial!.files);
    strictEqual((await world.check()).damaged, 0);

    const { snapshot, monitor } = await world.backup();
    strictEqual(monitor.of("unchangedFiles"), partial!.files);
    strictEqual(monitor.of("readFiles"), MANY - partial!.files);
    ok(monitor.of("reusedHunks") > 0);
    ok(snapshot.complete);
    strictEqual(snapshot.files, MANY);
    deepStrictEqual(partials(world), [], "a complete snapshot replaces what interrupted runs have left");
    strictEqual(differences(world.source, (await world.restore(snapshot.id)).target), "");
    strictEqual(run("diff", "-r", world.source, `${world.storagePath}/${snapshot.tree}`), "");
    strictEqual((await world.backup()).monitor.of("readFiles"), 0);
    strictEqual((await world.check()).damaged, 0);
  });
}

Deno.test("after an interrupted backup the catalog knows what was kept, and still when each content was checked", async () => {
  using world = new World({ inMemory: true });
  fillMany(world);
  await world.backup();
  await world.check();
  for (let i = 0; i < MANY; i++) world.write(`d${String(i % 30).padStart(2, "0")}/f${i}`, `content ${i + 1}`);
  const stop = new AbortController();
  await rejects(stoppedBackup(world, 2200, () => stop.abort(), { signal: stop.signal }), Interrupted);
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const [snapshots, { all, never }] = storage.query((catalog) => [
    catalog.snapshots().map(({ complete }) => complete),
    catalog.verifications.status([]),
  ]);
  deepStrictEqual(snapshots, [true, false]);
  deepStrictEqual([all.contents, never.contents], [MANY, 0]);
  deepStrictEqual(monitor.notices, [], "no catalog had to be made for this question");
});

Deno.test("a backup that is killed in a large directory has kept what came before the last checkpoint", async () => {
  using world = new World({ inMemory: true });
  const files = 900, size = 1000, killedAt = 700, filesBetween = 200;
  for (let i = 0; i < files; i++) world.write(`film ${i}`, `${i}`.padEnd(size));
  const stop = () => {
    throw new Killed();
  };
  await rejects(stoppedBackup(world, killedAt, stop, { checkpointBytes: filesBetween * size }), Killed);
  const [partial] = partials(world);
  // What a parcel holds comes at once.
  ok(partial!.files >= killedAt - 2 * filesBetween && partial!.files < killedAt, `${partial!.files} files`);
  const { monitor } = await world.backup();
  deepStrictEqual([monitor.of("unchangedFiles"), monitor.of("readFiles")], [partial!.files, files - partial!.files]);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("an interrupted incremental backup goes on from both the partial snapshot and the complete one before it", async () => {
  using world = new World({ inMemory: true });
  fillMany(world);
  await world.backup();
  for (let i = 0; i < MANY; i += 2) world.write(`d${String(i % 30).padStart(2, "0")}/f${i}`, `changed ${i}`);
  const controller = new AbortController();
  await rejects(stoppedBackup(world, 1000, () => controller.abort(), { signal: controller.signal }), Interrupted);
  const [partial] = partials(world);
  const changedInPartial = await countChanged(world, partial!.id);
  ok(changedInPartial > 300, `${changedInPartial}`);
  const { monitor } = await world.backup();
  strictEqual(monitor.of("readFiles"), MANY / 2 - changedInPartial);
  strictEqual(monitor.of("unchangedFiles"), MANY / 2 + changedInPartial);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
});

async function countChanged(world: World, id: string): Promise<number> {
  const { target } = await world.restore(id);
  return Number(run("sh", "-c", `grep -rl '^changed' ${target} | wc -l`));
}

Deno.test("a backup interrupted again and again makes progress each time, and ends whole", async () => {
  using world = new World({ inMemory: true });
  fillMany(world);
  const done: number[] = [];
  for (let round = 0; round < 20; round++) {
    const controller = new AbortController();
    const request = { signal: controller.signal };
    const finished = await stoppedBackup(world, 1500, () => controller.abort(), request).then(() => true, (error) => {
      ok(error instanceof Interrupted, String(error.stack));
      return false;
    });
    if (finished) break;
    done.push(partials(world).at(-1)!.files);
  }
  ok(done.length >= 1 && done.length < 10, done.join());
  ok(done.every((files, i) => i === 0 || files > done[i - 1]!), done.join());
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("a backup killed ten times repeats at most one checkpoint's work per kill", async () => {
  using world = new World({ inMemory: true });
  fillMany(world);
  const kills = 10, filesPerRun = 330;
  // A disk call is a millisecond here, and a file some ten of them; what is under way at a checkpoint isn't part of it.
  const checkpointMs = 500, mostRepeated = checkpointMs / 5 + 300;
  let opens = 0, killed = 0;
  for (let finished = false; !finished;) {
    const limit = killed < kills ? filesPerRun : Infinity;
    const stop = () => {
      throw new Killed();
    };
    const count = { opened: 0 };
    finished = await stoppedBackup(world, limit, stop, { checkpointMs }, count).then(() => true, (error) => {
      ok(error instanceof Killed, String(error.stack));
      return false;
    });
    if (!finished) killed++;
    opens += count.opened;
  }
  strictEqual(killed, kills);
  ok(opens <= MANY + killed * mostRepeated, `${opens} files read, killed ${killed} times`);
  deepStrictEqual(partials(world), []);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
  strictEqual((await world.check()).damaged, 0);
});
