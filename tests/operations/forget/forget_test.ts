import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { forget, type ForgetRequest, type ForgetResult } from "../../../src/operations/forget/forget.ts";
import { setPolicy } from "../../../src/operations/forget/policy.ts";
import { prune } from "../../../src/operations/forget/prune.ts";
import { restore } from "../../../src/operations/restore/restore.ts";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import type { RootId } from "../../../src/core/content_id.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { differences, TestMonitor, World } from "../../support/world.ts";

const DAY_MINUTES = 24 * 60;

/** A world with one snapshot a day, and in each a file that no other has. */
async function withDays(days: number, world = new World()): Promise<World> {
  for (let day = 1; day <= days; day++) {
    world.write("same", "same");
    world.write("today", `day ${day}`);
    await world.backup();
    world.clock.pass(DAY_MINUTES - 1);
  }
  return world;
}

async function forgetIn(world: World, request: Partial<ForgetRequest> & object): Promise<ForgetResult> {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const result = await forget(
    storage,
    { among: {}, policy: undefined, dryRun: false, ...request } as ForgetRequest,
    monitor,
  );
  deepStrictEqual(monitor.problems, []);
  return result;
}

function trees(world: World): string[] {
  const path = `${world.storagePath}/2026`;
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function snapshotIds(world: World): string[] {
  using storage = world.open();
  return storage.snapshots().map(({ id }) => id);
}

Deno.test("forget() removes what no rule keeps, with its trees, and says why the others stay", async () => {
  using world = await withDays(5);
  const before = snapshotIds(world);
  const { decisions, removed } = await forgetIn(world, { policy: { last: 2, tag: ["x"] } });
  deepStrictEqual(decisions.map(({ reasons }) => reasons), [["last 1"], ["last 2"], [], [], []]);
  deepStrictEqual(removed, [before[2], before[1], before[0]]);
  deepStrictEqual(snapshotIds(world), before.slice(3));
  strictEqual(trees(world).length, 2);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/latest/source/today`), "day 5");
  strictEqual((await world.check()).damaged, 0);
  const { target } = await world.restore(before[4]!);
  strictEqual(differences(world.source, target), "");
});

Deno.test("forget() in a dry run takes no lock and changes nothing", async () => {
  using world = await withDays(3);
  const before = [snapshotIds(world), trees(world), [...world.items().keys()].sort()];
  using storage = world.open();
  using _writer = storage.write("somebody else");
  strictEqual((await forgetIn(world, { policy: { last: 1 }, dryRun: true })).removed.length, 2);
  deepStrictEqual([snapshotIds(world), trees(world), [...world.items().keys()].sort()], before);
});

Deno.test("forget() without rules follows the storage's policy, and refuses where there is none", async () => {
  using world = await withDays(3);
  await rejects(forgetIn(world, {}), { code: "bad-usage", message: "No retention rules given" });
  await rejects(forgetIn(world, { policy: { last: 0 } }), { code: "bad-usage" });
  {
    using storage = world.open();
    await setPolicy(storage, { daily: 2 });
  }
  strictEqual((await forgetIn(world, { dryRun: true })).removed.length, 1);
  strictEqual((await forgetIn(world, { policy: { last: 1 }, dryRun: true })).removed.length, 2);
  {
    using storage = world.open();
    deepStrictEqual(storage.policy(), { daily: 2 });
    await setPolicy(storage, undefined);
  }
  await rejects(forgetIn(world, {}), { code: "bad-usage" });
});

Deno.test("forget() refuses a policy file that is damaged or newer, rather than to guess", async () => {
  using world = await withDays(2);
  for (
    const [text, code] of [
      ["{", "damaged-policy"],
      [`{"format":"something else"}`, "damaged-policy"],
      [`{"format":"backup-tool policy","version":2,"keep":{"last":1}}`, "newer-format"],
      [`{"format":"backup-tool policy","version":1,"keep":{"lust":1}}`, "damaged-policy"],
      [`{"format":"backup-tool policy","version":1}`, "damaged-policy"],
      ["null", "damaged-policy"],
    ]
  ) {
    Deno.writeTextFileSync(`${world.storagePath}/db/policy`, text!);
    await rejects(forgetIn(world, {}), { code }, text);
  }
  strictEqual(snapshotIds(world).length, 2);
});

Deno.test("forget() of named snapshots removes even the last one, and its latest link", async () => {
  using world = await withDays(2);
  const [first] = snapshotIds(world);
  await forgetIn(world, { snapshots: ["latest"] });
  deepStrictEqual(snapshotIds(world), [first]);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/latest/source/today`), "day 1");
  await forgetIn(world, { snapshots: [first!.slice(0, 10)] });
  deepStrictEqual([snapshotIds(world), trees(world)], [[], []]);
  deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/latest`)], []);
  await rejects(forgetIn(world, { snapshots: ["latest"] }), { code: "no-snapshot" });
});

Deno.test("forget() asks only the series that is meant", async () => {
  using world = await withDays(2);
  for (const name of ["other", "other"]) await world.backup({ name });
  for (const host of ["elsewhere", "elsewhere"]) await world.backup({ host });
  const names = (result: ForgetResult) => result.decisions.map(({ snapshot: { host, name } }) => `${host}:${name}`);
  const policy = { last: 1 }, dryRun = true;
  deepStrictEqual(names(await forgetIn(world, { policy, dryRun, among: { name: "other" } })), [
    "testhost:other",
    "testhost:other",
  ]);
  deepStrictEqual(names(await forgetIn(world, { policy, dryRun, among: { host: "elsewhere" } })), [
    "elsewhere:source",
    "elsewhere:source",
  ]);
  strictEqual((await forgetIn(world, { policy, dryRun })).removed.length, 3);
  // latest/source is shared by two hosts: it goes back to the newest tree that is left.
  await forgetIn(world, { snapshots: ["latest", "latest~1"] });
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/latest/source/today`), "day 2");
});

Deno.test("forget() takes the whole id of a root that can't be read", async () => {
  using world = await withDays(2);
  const [id = ""] = snapshotIds(world);
  const path = world.items().get(id)!;
  Deno.chmodSync(path, 0o600);
  Deno.writeTextFileSync(path, "no root");
  Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
  await rejects(forgetIn(world, { snapshots: [id.slice(0, 12)] }), { code: "no-snapshot" });
  using storage = world.open();
  await forget(storage, { snapshots: [id], dryRun: false }, new TestMonitor());
  strictEqual(world.items().has(id), false);
});

Deno.test("forget() leaves a snapshot alone while somebody reads it, with all it needs, and removes the others", async () => {
  using world = await withDays(3);
  const [oldest = "", middle = ""] = snapshotIds(world);
  using reader = world.open();
  {
    using _held = reader.lockForReading(oldest as RootId);
    using _heldTwice = reader.lockForReading(oldest as RootId);
    using storage = world.open();
    const monitor = new TestMonitor();
    const request = { policy: { last: 1 }, among: {}, dryRun: false };
    deepStrictEqual((await forget(storage, request, monitor)).removed, [middle]);
    deepStrictEqual(monitor.problems.map(({ name }) => name), ["snapshot-in-use"]);
    await prune(storage, { dryRun: false, workers: 0, signal: new AbortController().signal }, () => {}, monitor);
    await world.restore(oldest);
  }
  deepStrictEqual((await forgetIn(world, { policy: { last: 1 } })).removed, [oldest]);
  throws(() => reader.lockForReading(oldest as RootId), { code: "no-snapshot" });
});

Deno.test("restore() holds its snapshot from the start to the end", async () => {
  using world = await withDays(2);
  using looking = world.open();
  const { id: rootId } = looking.resolve("latest~1");
  let refused = 0;
  const disk = hookedDisk(openDisk(), ({ operation }, proceed) => {
    if (operation === "create") {
      using storage = world.open();
      using writer = storage.write("forget");
      if (writer.forget([rootId]).length === 0) refused++;
    }
    return proceed();
  });
  using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
  const target = Deno.makeTempDirSync({ dir: world.base });
  await restore(storage, world.restoreRequest(storage.resolve(rootId), target), new TestMonitor());
  strictEqual(Deno.readTextFileSync(`${target}/today`), "day 1");
  ok(refused > 0);
});

Deno.test("forget() leaves a catalog like one made anew", async () => {
  using world = await withDays(6);
  await forgetIn(world, { policy: { daily: 1, last: 3 } });
  await forgetIn(world, { snapshots: ["latest~1"] });
  using storage = world.open();
  const live = [...storage.catalog().dump()];
  rebuildCatalog(storage, new TestMonitor());
  deepStrictEqual([...storage.catalog().dump()], live);
});

Deno.test("forget() works where there is no room for a link before something is removed", async () => {
  using world = await withDays(2);
  const latest = snapshotIds(world)[1]!;
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "symlink" && world.items().has(latest)) throw new DiskFault("ENOSPC", "create", rawOf(path));
    return proceed();
  });
  using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
  deepStrictEqual((await forget(storage, { snapshots: ["latest"], dryRun: false }, new TestMonitor())).removed, [
    latest,
  ]);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/latest/source/today`), "day 1");
});
