/** Checks that read a part of the data: the storage remembers what was read when. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Interrupted } from "../../../src/core/fault.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { parseSubset } from "../../../src/core/subset.ts";
import { check, type CheckResult, type Finding } from "../../../src/operations/check/check.ts";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import { verificationStatus } from "../../../src/operations/check/verification_status.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { TestMonitor, World } from "../../support/world.ts";

const DAY_MINUTES = 24 * 60;

/** Checks that part, with the ids of all contents that were read. */
async function checkPart(
  world: World,
  part: string,
): Promise<{ result: CheckResult; read: string[]; findings: Finding[] }> {
  const read: string[] = [], findings: Finding[] = [];
  const content = `${world.storagePath}/content/`;
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    const id = path.slice(content.length).replaceAll("/", "");
    if (operation === "open" && path.startsWith(content) && id.length === 64) read.push(id);
    return proceed();
  });
  using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
  const request = { readData: false, subset: parseSubset(part), workers: 0, signal: new AbortController().signal };
  const result = await check(storage, request, (finding) => findings.push(finding), new TestMonitor());
  return { result, read, findings };
}

/** A world with so many files, of 1000 different bytes each. */
async function withFiles(count: number): Promise<World> {
  const world = new World({ inMemory: true });
  for (let i = 0; i < count; i++) world.write(`f${i}`, `${i};`.repeat(1000).slice(0, 1000));
  await world.backup();
  return world;
}

function contents(world: World): string[] {
  return [...world.items().keys()].filter((id) => id.length === 64).sort();
}

Deno.test("a share of the data each night reaches every content, each as often as any other", async () => {
  using world = await withFiles(100);
  const times = new Map(contents(world).map((id) => [id, 0]));
  for (let night = 1; night <= 60; night++) {
    world.clock.pass(DAY_MINUTES);
    const { read, result } = await checkPart(world, "5%");
    strictEqual(read.length, 5);
    strictEqual(result.readItems, 5);
    strictEqual(result.bytes, 5000);
    for (const id of read) times.set(id, times.get(id)! + 1);
    if (night % 20 === 0) deepStrictEqual(new Set(times.values()), new Set([night / 20]));
  }
});

Deno.test("a budget of bytes each night reaches every content while new ones come, if these are fewer than it reads", async () => {
  using world = await withFiles(60);
  const old = new Set(contents(world));
  for (let night = 1; night <= 15; night++) {
    world.clock.pass(DAY_MINUTES);
    for (let i = 0; i < 4; i++) world.write(`new-${night}-${i}`, `${night}-${i};`.repeat(1000).slice(0, 1000));
    await world.backup({ tree: false });
    for (const id of (await checkPart(world, "oldest:10K")).read) old.delete(id);
    using storage = world.open();
    // Never read comes first: the new ones of this night are read in it, and some of the old ones beside them.
    strictEqual((await verificationStatus(storage)).never.contents, Math.max(0, 60 - 11 * night + 4 * night));
  }
  deepStrictEqual([...old], []);
});

Deno.test("a budget smaller than the largest content reads that content too, when its turn comes", async () => {
  using world = await withFiles(3);
  world.write("large", "x".repeat(500_000));
  await world.backup();
  const seen = new Set<string>();
  for (let night = 0; night < 4; night++) {
    const { read } = await checkPart(world, "1000B");
    deepStrictEqual(read.length, 1);
    read.forEach((id) => seen.add(id));
    world.clock.pass(DAY_MINUTES);
  }
  strictEqual(seen.size, 4);
});

Deno.test("the parts 1/n to n/n read every content once, whatever is remembered", async () => {
  using world = await withFiles(50);
  const read: string[] = [];
  for (let part = 1; part <= 4; part++) read.push(...(await checkPart(world, `${part}/4`)).read);
  deepStrictEqual(read.sort(), contents(world));
});

Deno.test("known damage is read again each time, beside the budget, until it is healed", async () => {
  using world = await withFiles(20);
  const [victim = ""] = contents(world);
  const path = world.items().get(victim)!;
  Deno.chmodSync(path, 0o600);
  Deno.writeTextFileSync(path, "y".repeat(1000));
  const first = await checkPart(world, "10%");
  strictEqual(first.result.damaged, 1);
  for (let night = 0; night < 9; night++) {
    world.clock.pass(DAY_MINUTES);
    const { read, findings } = await checkPart(world, "10%");
    strictEqual(read.length, 3);
    deepStrictEqual(findings.map(({ where }) => where), [victim]);
  }
  using storage = world.open();
  const { never, damaged, all } = await verificationStatus(storage);
  deepStrictEqual([never.contents, damaged.contents, all.contents], [0, 1, 20]);
});

Deno.test("a missing content is told as missing, by a part too", async () => {
  using world = await withFiles(4);
  const [victim = ""] = contents(world);
  Deno.removeSync(world.items().get(victim)!);
  const { findings } = await checkPart(world, "100%");
  deepStrictEqual(findings.map(({ where, what }) => [where, what]), [[victim, "Content is damaged: it is missing"]]);
});

Deno.test("an interrupted check remembers what it has read", async () => {
  using world = await withFiles(400);
  const stop = new AbortController();
  let opened = 0;
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "open" && path.startsWith(`${world.storagePath}/content/`) && ++opened === 250) stop.abort();
    world.clock.ms += 1;
    return proceed();
  });
  using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
  const request = { readData: true, workers: 0, signal: stop.signal };
  await rejects(check(storage, request, () => {}, new TestMonitor()), Interrupted);
  const { never } = await verificationStatus(storage);
  ok(never.contents > 0 && never.contents < 400, `${never.contents}`);
});

Deno.test("a long check notes now and then what it has read", async () => {
  using world = await withFiles(300);
  class Killed extends Error {}
  let opened = 0;
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "open" && path.startsWith(`${world.storagePath}/content/`)) {
      world.clock.pass(1);
      if (++opened === 250) throw new Killed();
    }
    if (opened >= 250 && operation === "openOrCreate") throw new Killed();
    return proceed();
  });
  {
    using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
    const request = { readData: true, workers: 0, signal: new AbortController().signal };
    await rejects(check(storage, request, () => {}, new TestMonitor()), Killed);
  }
  using storage = world.open();
  const { never } = await verificationStatus(storage);
  ok(never.contents < 150, `${never.contents}`);
});

Deno.test("verificationStatus() tells how much was read how long ago, and when the content was read that was not for the longest time", async () => {
  using world = await withFiles(10);
  const status = async () => {
    using storage = world.open();
    return await verificationStatus(storage);
  };
  const before = await status();
  deepStrictEqual([before.all, before.never], [{ contents: 10, bytes: 10_000 }, { contents: 10, bytes: 10_000 }]);
  strictEqual(before.oldest, null);
  world.clock.pass(3 * DAY_MINUTES);
  const read = world.clock.ms;
  await checkPart(world, "40%");
  const after = await status();
  deepStrictEqual(after.within.map(({ days, contents }) => [days, contents]), [[1, 4], [7, 4], [30, 4], [90, 4], [
    365,
    4,
  ]]);
  strictEqual(Date.parse(after.oldest!), read);
  world.clock.pass(10 * DAY_MINUTES);
  await checkPart(world, "60%");
  const last = await status();
  deepStrictEqual(last.within.map(({ days, contents }) => [days, contents]), [[1, 6], [7, 6], [30, 10], [90, 10], [
    365,
    10,
  ]]);
  deepStrictEqual(last.never, { contents: 0, bytes: 0 });
  strictEqual(Date.parse(last.oldest!), read);
  using storage = world.open();
  rebuildCatalog(storage, new TestMonitor());
  deepStrictEqual(await verificationStatus(storage), last);
});

Deno.test("verificationStatus() of an empty storage has no age", async () => {
  using world = new World();
  using storage = world.open();
  const { all, oldest } = await verificationStatus(storage);
  deepStrictEqual([all, oldest], [{ contents: 0, bytes: 0 }, null]);
});
