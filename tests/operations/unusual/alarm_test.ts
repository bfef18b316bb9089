import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { backup } from "../../../src/operations/backup/backup.ts";
import { forget } from "../../../src/operations/forget/forget.ts";
import { tag } from "../../../src/operations/forget/tag.ts";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import { acknowledge, openAlarms } from "../../../src/operations/unusual/acknowledge.ts";
import type { SnapshotInfo } from "../../../src/snapshot/snapshot_info.ts";
import { noise } from "../../support/units.ts";
import { KINDS, VaultPlace } from "../../support/vault_place.ts";
import { TestMonitor, World } from "../../support/world.ts";

const FILES = 60;
const textOf = (n: number) => `Dear reader, this is letter ${n}. ${"All is well here. ".repeat(60)}`;

/** Letters, of which one has changed from backup to backup. */
async function withLetters(backups: number): Promise<World> {
  const world = new World({ inMemory: true });
  for (let i = 0; i < FILES; i++) world.write(`docs/letter${i}`, textOf(i));
  for (let round = 0; round < backups; round++) {
    world.write("docs/letter0", `${textOf(0)} ${round}`);
    await next(world);
  }
  return world;
}

async function next(world: World): Promise<{ snapshot: SnapshotInfo; problems: readonly string[] }> {
  world.clock.pass(24 * 60);
  const { snapshot, monitor } = await world.backup();
  return { snapshot, problems: monitor.problems.map(({ name }) => name) };
}

async function forgetIn(world: World): Promise<readonly string[]> {
  using storage = world.open();
  await forget(storage, { policy: { last: 1 }, among: {}, dryRun: false }, new TestMonitor());
  return storage.snapshots().map(({ id }) => id);
}

Deno.test("A backup of encrypted files tells so, and forget keeps what was before until that is acknowledged", async () => {
  using world = await withLetters(2);
  using before = world.open();
  const good = before.resolve("latest").id;
  for (let i = 0; i < 30; i++) world.write(`docs/letter${i}`, noise(1000, i));
  const { snapshot, problems } = await next(world);
  deepStrictEqual(problems, ["unusual-change"]);
  const { reasons, sampled, scrambled, acknowledged } = snapshot.alarm!;
  deepStrictEqual([reasons, sampled, scrambled, acknowledged], [["scrambled"], sampled, sampled, false]);
  ok(sampled >= 10);
  deepStrictEqual(snapshot.change, { files: FILES, changed: 30, gone: 0, renamed: 0 });
  strictEqual(snapshot.problems, 0, "all of it was kept");
  const { snapshot: later, problems: none } = await next(world);
  deepStrictEqual(none, []);
  deepStrictEqual(await forgetIn(world), [good, snapshot.id, later.id]);
  {
    // Also where the alarm is not among those that are thought about.
    using storage = world.open();
    const [{ id: tagged } = { id: good }] = await tag(storage, { snapshots: [good], set: ["x"], add: [], remove: [] });
    await tag(storage, { snapshots: [later.id], set: ["x"], add: [], remove: [] });
    const among = { tags: ["x"] }, policy = { last: 1 };
    deepStrictEqual((await forget(storage, { policy, among, dryRun: true }, new TestMonitor())).removed, []);
    await tag(storage, { snapshots: [tagged, "latest"], set: [], add: [], remove: [] });
  }
  {
    using storage = world.open();
    deepStrictEqual((await openAlarms(storage)).map(({ id }) => id), [snapshot.id]);
    await rejects(acknowledge(storage, ["latest~2"]), { code: "bad-usage" });
    const [{ former, id } = { former: "", id: "" }] = await acknowledge(storage, undefined);
    deepStrictEqual([former, storage.resolve(id).alarm?.acknowledged], [snapshot.id, true]);
    deepStrictEqual(await acknowledge(storage, [id]), []);
    const live = [...storage.catalog().dump()];
    rebuildCatalog(storage, new TestMonitor());
    deepStrictEqual([...storage.catalog().dump()], live);
  }
  strictEqual((await forgetIn(world)).length, 1);
});

Deno.test("Files that come back encrypted under longer names are an alarm, those that are compressed or moved none", async () => {
  using world = await withLetters(2);
  const rename = (suffix: string, bytes: (i: number) => Uint8Array | string) => {
    for (let i = 0; i < 30; i++) {
      Deno.removeSync(`${world.source}/docs/letter${i}`);
      world.write(`docs/letter${i}${suffix}`, bytes(i));
    }
  };
  rename(".gz", (i) => noise(1000, i));
  const compressed = await next(world);
  deepStrictEqual(
    [compressed.problems, compressed.snapshot.change?.renamed],
    [["unusual-change"], 0],
    "half of all is gone",
  );
  Deno.renameSync(`${world.source}/docs`, `${world.source}/moved`);
  const moved = await next(world);
  deepStrictEqual([moved.problems, moved.snapshot.change?.gone], [[], 0]);
  for (let i = 30; i < 55; i++) {
    Deno.removeSync(`${world.source}/moved/letter${i}`);
    world.write(`moved/letter${i}.locked`, noise(1000, 100 + i));
  }
  const { snapshot: { alarm, change } } = await next(world);
  deepStrictEqual([alarm?.reasons, change?.renamed], [["renamed"], 25]);
});

Deno.test("Most files gone are an alarm, but not those that are excluded from now on", async () => {
  using world = await withLetters(2);
  world.clock.pass(60);
  const excluded = await world.backup({ excludes: ["letter*"] });
  deepStrictEqual(excluded.monitor.problems, []);
  const included = await next(world);
  deepStrictEqual(included.problems, []);
  Deno.removeSync(`${world.source}/docs`, { recursive: true });
  const { problems, snapshot } = await next(world);
  deepStrictEqual([problems, snapshot.alarm?.reasons], [["unusual-change"], ["gone"]]);
  ok((await forgetIn(world)).includes(included.snapshot.id));
});

Deno.test("Text that is rewritten, and pictures with other tags, are no alarm", async () => {
  using world = await withLetters(2);
  const jpeg = (i: number, tag: number) => new Uint8Array([0xff, 0xd8, 0xff, 0xe1, tag, ...noise(2000, i)]);
  for (let i = 0; i < 40; i++) world.write(`pictures/${i}.jpg`, jpeg(i, 1));
  await next(world);
  for (let i = 0; i < 40; i++) world.write(`pictures/${i}.jpg`, jpeg(i + 1000, 2));
  for (let i = 0; i < 25; i++) world.write(`docs/letter${i}`, textOf(i + 1000));
  const { problems, snapshot } = await next(world);
  deepStrictEqual([problems, snapshot.change?.changed], [[], 65]);
});

Deno.test("Vaults have alarms too", async () => {
  using world = await withLetters(1);
  const place = await VaultPlace.make(world, KINDS[1]);
  const into = async () => {
    await using vault = await place.open();
    world.clock.pass(24 * 60);
    const monitor = new TestMonitor();
    return { snapshot: await backup(vault, world.request(), monitor), monitor };
  };
  await into();
  for (let i = 0; i < 30; i++) world.write(`docs/letter${i}`, noise(1000, i));
  const { snapshot, monitor } = await into();
  deepStrictEqual([monitor.problems.map(({ name }) => name), snapshot.alarm?.reasons], [["unusual-change"], [
    "scrambled",
  ]]);
  await using vault = await place.open();
  await forget(vault, { policy: { last: 1 }, among: {}, dryRun: false }, new TestMonitor());
  strictEqual((await vault.snapshots()).length, 2);
  strictEqual((await acknowledge(vault, undefined)).length, 1);
  await using later = await place.open();
  deepStrictEqual((await later.snapshots()).map(({ alarm }) => alarm?.acknowledged), [undefined, true]);
});
