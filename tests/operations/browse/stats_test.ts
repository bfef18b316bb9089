import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { RootId } from "../../../src/core/content_id.ts";
import { textOf } from "../../../src/core/raw.ts";
import { type Stats, stats } from "../../../src/operations/browse/stats.ts";
import { copy } from "../../../src/operations/copy/copy.ts";
import type { OpenedRepository } from "../../../src/operations/opened.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { noise } from "../../support/units.ts";
import { KINDS, VaultPlace } from "../../support/vault_place.ts";
import { TestMonitor, World } from "../../support/world.ts";

const { signal } = new AbortController();

async function statsOf(repository: OpenedRepository, largest = 10): Promise<Stats> {
  return await stats(repository, { largest, signal }, new TestMonitor());
}

/** New and unique contents of each snapshot, from all manifests. */
function expected(storage: Storage): number[][] {
  const held = storage.snapshots().map(({ id }) => {
    const sizes = new Map<string, number>();
    for (const { content, size } of storage.manifest(id).entries()) if (content !== undefined) sizes.set(content, size);
    return sizes;
  });
  const total = (contents: readonly [string, number][]) => contents.reduce((sum, [, size]) => sum + size, 0);
  return held.map((own, at) => {
    const fresh = [...own].filter(([id]) => !held.slice(0, at).some((other) => other.has(id)));
    const unique = [...own].filter(([id]) => held.every((other) => other === own || !other.has(id)));
    return [fresh.length, total(fresh), unique.length, total(unique)];
  });
}

Deno.test("stats() says what each snapshot added and what only it has, as all manifests do", async () => {
  const write = fc.record({ name: fc.constantFrom("a", "b", "c", "dir/d"), value: fc.integer({ min: 0, max: 5 }) });
  const round = fc.record({ series: fc.constantFrom("one", "two"), writes: fc.array(write, { maxLength: 4 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 6 }), async (rounds) => {
      using world = new World({ inMemory: true });
      for (const { series, writes } of rounds) {
        for (const { name, value } of writes) {
          if (value === 5) await Deno.remove(`${world.source}/${name}`).catch(() => {});
          else world.write(name, "x".repeat(value));
        }
        await world.backup({ name: series, tree: false });
      }
      using storage = world.open();
      const { snapshots, contents, contentBytes } = await statsOf(storage);
      const found = snapshots.map(({ newContents, newBytes, uniqueContents, uniqueBytes }) => {
        return [newContents, newBytes, uniqueContents, uniqueBytes];
      });
      deepStrictEqual(found, expected(storage));
      strictEqual(contents, found.reduce((sum, [count]) => sum + count!, 0));
      strictEqual(contentBytes, found.reduce((sum, [, bytes]) => sum + bytes!, 0));
    }),
    { numRuns: 15 },
  );
});

Deno.test("stats() adds up contents, manifests and what sharing saves, and names the largest contents once", async () => {
  using world = new World({ inMemory: true });
  world.write("large", "l".repeat(5000));
  world.write("copy of large", "l".repeat(5000));
  world.write("small", "s");
  await world.backup();
  Deno.renameSync(`${world.source}/large`, `${world.source}/large two`);
  await world.backup();
  Deno.writeTextFileSync(`${world.storagePath}/content/00/${"0".repeat(62)}`, "leftover");
  using storage = world.open();
  const { largest, ...found } = await statsOf(storage, 1);
  deepStrictEqual(largest.map(({ path, size }) => [textOf(path), size]), [["/copy of large", 5000]]);
  deepStrictEqual([found.contents, found.contentBytes, found.logicalBytes], [2, 5001, 20_002]);
  strictEqual(found.unneededContents, 1);
  strictEqual(found.manifestItems, 4);
  ok(found.manifestBytes > 1000);
  ok(found.freeBytes! > 0);
  strictEqual((await statsOf(storage, 100)).largest.length, 2);
});

Deno.test("stats() of an empty storage is nothing but zeros", async () => {
  using world = new World({ inMemory: true });
  using storage = world.open();
  const { freeBytes: _, verification, ...found } = await statsOf(storage);
  deepStrictEqual(verification.all, { contents: 0, bytes: 0 });
  deepStrictEqual(found, {
    snapshots: [],
    contents: 0,
    contentBytes: 0,
    logicalBytes: 0,
    manifestItems: 0,
    manifestBytes: 0,
    unneededContents: 0,
    largest: [],
  });
});

Deno.test("stats() of a vault counts what was stored twice once, and never takes parts of large files for contents", async () => {
  using world = new World({ inMemory: true });
  for (const name of ["one", "other"]) world.write(name, noise(3000, name.length));
  const place = await VaultPlace.make(world, KINDS[0]), ids: RootId[] = [];
  const backup = async () => void ids.push((await world.backup()).snapshot.id);
  const copyOne = async (into: OpenedRepository, id: RootId) => {
    using storage = world.open();
    const request = { workers: 0, signal, clock: world.clock, snapshots: [id] };
    await copy(storage, into, request, new TestMonitor());
  };
  const counted = async () => {
    await using vault = await place.open();
    const { contents, unneededContents } = await statsOf(vault);
    const units = [...vault.index.unitNames()].filter((name) => vault.index.unit(name)?.unitClass === "data");
    return { contents, unneededContents, items: units.reduce((sum, name) => sum + vault.index.countOf(name), 0) };
  };
  await backup();
  world.write("three", "3");
  await backup();
  {
    await using vault = await place.open(), other = await place.open();
    // Neither knows of the other's units.
    await copyOne(vault, ids[0]!);
    await copyOne(other, ids[1]!);
  }
  deepStrictEqual(await counted(), { contents: 3, unneededContents: 0, items: 5 });
  {
    await using vault = await place.open();
    await using writer = vault.write();
    await writer.forget([ids[1]!]);
  }
  deepStrictEqual((await counted()).unneededContents, 1);
  world.write("large", noise(100_000, 9));
  await backup();
  {
    await using vault = await place.open();
    await copyOne(vault, ids[2]!);
  }
  deepStrictEqual((await counted()).unneededContents, undefined);
});
