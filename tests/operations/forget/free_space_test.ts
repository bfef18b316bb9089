import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { Policy } from "../../../src/core/policy.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { fewest, removableBytes } from "../../../src/operations/forget/free_space.ts";
import { forget } from "../../../src/operations/forget/forget.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { TestMonitor, World } from "../../support/world.ts";

const MIB = 1024 ** 2;

/** Two series by turns: each snapshot has a file of a MiB that no other one has. */
async function withSeries(world: World, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) {
    world.write("today", new Uint8Array(MIB).fill(i));
    await world.backup({ name: i % 2 === 0 ? "even" : "odd", tags: i === 3 ? ["pinned"] : [] });
  }
}

/** What goes by a policy on a disk with so many bytes free. @returns sequences */
async function removed(world: World, freeBytes: number | undefined, policy: Policy) {
  const disk = hookedDisk(openDisk(), ({ operation }, proceed) => operation === "freeBytes" ? freeBytes : proceed());
  const monitor = new TestMonitor();
  using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), monitor);
  const result = await forget(storage, { policy, among: {}, dryRun: true }, monitor);
  const gone = result.decisions.filter(({ keep }) => !keep);
  const reasons = [...new Set(gone.flatMap((decision) => decision.reasons))];
  return { gone: gone.map(({ snapshot }) => snapshot.sequence).sort(), reasons, notices: monitor.notices, result };
}

Deno.test("for free space the oldest go, of whatever series, but no pinned one and never the newest of a series", async () => {
  using world = new World({ inMemory: true });
  await withSeries(world, 8);
  const sequences = async (free: string, freeBytes = 10 * MIB) => (await removed(world, freeBytes, { free })).gone;
  deepStrictEqual(await sequences("10M"), []);
  deepStrictEqual(await sequences("10.5M"), [1]);
  deepStrictEqual(await sequences("12M"), [1, 2]);
  deepStrictEqual(await sequences("13M"), [1, 2, 4]);
  const most = await removed(world, 10 * MIB, { free: 100 * MIB });
  deepStrictEqual([most.gone, most.reasons], [[1, 2, 4, 5, 6], [`to keep ${100 * MIB} free`]]);
  deepStrictEqual(most.notices, [
    "Only 15 MiB can be made free, less than 100 MiB: each series keeps its newest snapshot",
  ]);
});

Deno.test("what other rules remove, and what a prune could free already, counts as free", async () => {
  using world = new World({ inMemory: true });
  await withSeries(world, 8);
  // Rules let 1, 2 and 4 go: three MiB.
  deepStrictEqual((await removed(world, 10 * MIB, { last: 2, free: "13M" })).gone, [1, 2, 4]);
  deepStrictEqual((await removed(world, 10 * MIB, { last: 2, free: "14M" })).gone, [1, 2, 4, 5]);
  {
    using storage = world.open();
    await forget(storage, { policy: { last: 2 }, among: {}, dryRun: false }, new TestMonitor());
    const { signal } = new AbortController();
    strictEqual(Math.floor(await removableBytes(storage, [], signal, new TestMonitor()) / MIB), 3);
  }
  deepStrictEqual((await removed(world, 10 * MIB, { free: "13M" })).gone, [], "nothing goes again until it is pruned");
  await rejects(removed(world, undefined, { free: "1M" }), { code: "bad-usage" });
});

Deno.test("fewest() finds the smallest number that is enough, with few questions", async () => {
  await fc.assert(fc.asyncProperty(fc.nat(1000), fc.nat(1200), async (most, needed) => {
    let asked = 0;
    const isEnough = (count: number) => Promise.resolve((asked++, count >= needed));
    strictEqual(await fewest(most, isEnough), Math.min(most, needed));
    strictEqual(asked <= Math.ceil(Math.log2(most + 1)), true);
  }));
});
