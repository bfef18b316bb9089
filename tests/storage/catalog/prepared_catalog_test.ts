/** A snapshot with so much in it that the catalog is made while the disk writes: before its root is there, for after it. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { RootId } from "../../../src/core/content_id.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import type { Root } from "../../../src/snapshot/root.ts";
import { openStorage, type Storage } from "../../../src/storage/storage.ts";
import { picked } from "../../support/effort.ts";
import { type Hook, hookedDisk } from "../../support/hooked_disk.ts";
import { makeManySnapshots } from "../../support/many_snapshots.ts";
import { run, TestMonitor, World } from "../../support/world.ts";

/** More than are taken up in place. */
const FILES = 21_000;

interface Prepared {
  readonly known: readonly RootId[];
  readonly root: Root;
}

/** Made once for each of the two: it takes long. */
const made = new Map<boolean, Prepared & { readonly world: World }>();
globalThis.addEventListener("unload", () => {
  for (const { world } of made.values()) world[Symbol.dispose]();
});

/** A storage with one snapshot, or without, and the root of another that isn't there yet. */
async function prepared(world: World, isFirst: boolean): Promise<{ known: RootId[]; root: Root }> {
  let one = made.get(isFirst);
  if (one === undefined) {
    const first = new World({ inMemory: true });
    one = { world: first, ...await prepare(first, isFirst) };
    made.set(isFirst, one);
  }
  run("rm", "-rf", world.storagePath);
  run("cp", "-a", one.world.storagePath, world.storagePath);
  return { known: [...one.known], root: one.root };
}

async function prepare(world: World, isFirst: boolean): Promise<Prepared> {
  using storage = world.open();
  const [id] = await makeManySnapshots(storage, { files: FILES, snapshots: 1, changed: 0 });
  const root = storage.manifests.readRoot(id!);
  if (isFirst) storage.manifests.remove(id!);
  // Only a writer brings the catalog on the disk up to date.
  using _writer = storage.write("test");
  storage.catalog();
  strictEqual(storage.snapshots().length, isFirst ? 0 : 1);
  return { known: isFirst ? [] : [id!], root: { ...root, sequence: 2, name: "another" } };
}

function openHooked(world: World, hook: Hook): { storage: Storage; monitor: TestMonitor } {
  const monitor = new TestMonitor();
  return {
    storage: openStorage({ ...world.machine, disk: hookedDisk(openDisk(), hook) }, rawOf(world.storagePath), monitor),
    monitor,
  };
}

const pathsOf = (world: World) => ({
  newRoot: `${world.storagePath}/tmp/manifest`,
  newCatalog: `${world.storagePath}/tmp/catalog.sqlite`,
});

async function commit(storage: Storage, root: Root): Promise<RootId> {
  using writer = storage.write("test");
  return await writer.commit(root, undefined);
}

/** Making a large one from nothing takes long. */
let compared = 0;

/** That the catalog on the disk knows just these, and says what one made from nothing says. */
function assertKnown(world: World, ids: readonly RootId[]): void {
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ id }) => id), ids);
  const live = [...storage.catalog().dump()];
  ok(live.length >= ids.length * FILES);
  if (picked([live], compared++).length === 0) return;
  rebuildCatalog(storage, new TestMonitor());
  deepStrictEqual([...storage.catalog().dump()], live);
}

for (const isFirst of [true, false]) {
  const which = isFirst ? "the first snapshot" : "another snapshot";

  Deno.test(`the catalog of ${which} is durable before the root is made, and takes its place after that`, async () => {
    using world = new World({ inMemory: true });
    const { known, root } = await prepared(world, isFirst);
    const { newRoot, newCatalog } = pathsOf(world);
    const order: string[] = [];
    const { storage, monitor } = openHooked(world, ({ operation, path }, proceed) => {
      if (path === newCatalog && ["sync", "rename"].includes(operation)) order.push(`${operation} catalog`);
      if (path === newRoot && operation === "rename") order.push("root");
      return proceed();
    });
    const id = await commit(storage, root);
    storage[Symbol.dispose]();
    deepStrictEqual(order, ["sync catalog", "root", "rename catalog"]);
    deepStrictEqual(monitor.notices, []);
    assertKnown(world, [...known, id]);
  });

  Deno.test(`a disk on which the root of ${which} fits only without the new catalog keeps the snapshot`, async () => {
    using world = new World({ inMemory: true });
    const { known, root } = await prepared(world, isFirst);
    const { newRoot, newCatalog } = pathsOf(world);
    let refused = 0;
    const { storage } = openHooked(world, ({ operation, path }, proceed) => {
      if (operation === "create" && path === newRoot && isThere(newCatalog)) {
        refused++;
        throw new DiskFault("ENOSPC", operation, rawOf(path));
      }
      return proceed();
    });
    const id = await commit(storage, root);
    storage[Symbol.dispose]();
    strictEqual(refused, 1);
    assertKnown(world, [...known, id]);
  });

  Deno.test(`a crash between the catalog of ${which} and its root leaves what was there`, async () => {
    using world = new World({ inMemory: true });
    const { known, root } = await prepared(world, isFirst);
    const { newRoot, newCatalog } = pathsOf(world);
    const { storage } = openHooked(world, ({ operation, path }, proceed) => {
      if (operation === "create" && path === newRoot) throw new Error("crash");
      return proceed();
    });
    await rejects(commit(storage, root), /crash/);
    storage[Symbol.dispose]();
    ok(isThere(newCatalog));
    assertKnown(world, known);
    using again = world.open();
    const id = await commit(again, root);
    ok(!isThere(newCatalog));
    assertKnown(world, [...known, id]);
  });
}

Deno.test("a catalog that doesn't fit on the disk leaves its space to the root", async () => {
  using world = new World({ inMemory: true });
  const { known, root } = await prepared(world, false);
  const { newRoot, newCatalog } = pathsOf(world);
  let isFull = true;
  const { storage, monitor } = openHooked(world, ({ operation, path }, proceed) => {
    const isRefused = operation === "sync" ? path === newCatalog && isFull : path === newRoot && isThere(newCatalog);
    if (["sync", "create"].includes(operation) && isRefused) throw new DiskFault("ENOSPC", operation, rawOf(path));
    if (path === newRoot && operation === "rename") isFull = false;
    return proceed();
  });
  const id = await commit(storage, root);
  storage[Symbol.dispose]();
  deepStrictEqual(monitor.notices, []);
  assertKnown(world, [...known, id]);
});

Deno.test("what was prepared for a commit that failed is not taken for that of another", async () => {
  using world = new World({ inMemory: true });
  const { known, root } = await prepared(world, false);
  const { newRoot, newCatalog } = pathsOf(world);
  let commits = 0;
  const { storage, monitor } = openHooked(world, ({ operation, path }, proceed) => {
    if (operation === "create" && path === newRoot && commits === 1) throw new DiskFault("EIO", operation, rawOf(path));
    if (operation === "sync" && path === newCatalog && commits === 2) {
      commits++;
      Deno.writeTextFileSync(newCatalog, "half of it");
      throw new DiskFault("EIO", operation, rawOf(path));
    }
    return proceed();
  });
  {
    using writer = storage.write("test");
    commits = 1;
    await rejects(writer.commit(root, undefined), /EIO|input\/output/i);
    commits = 2;
    deepStrictEqual(storage.snapshots().map(({ id }) => id), known);
    const id = await writer.commit(root, undefined);
    strictEqual(commits, 3);
    known.push(id);
    deepStrictEqual(monitor.notices, []);
    deepStrictEqual(storage.snapshots().map(({ id }) => id), known);
  }
  storage[Symbol.dispose]();
  assertKnown(world, known);
});

Deno.test("a prepared catalog that can't take its place costs no snapshot", async () => {
  using world = new World({ inMemory: true });
  const { known, root } = await prepared(world, false);
  const { newCatalog } = pathsOf(world);
  const { storage, monitor } = openHooked(world, ({ operation, path }, proceed) => {
    if (operation === "rename" && path === newCatalog) throw new DiskFault("ENOSPC", operation, rawOf(path));
    return proceed();
  });
  const id = await commit(storage, root);
  storage[Symbol.dispose]();
  match(monitor.notices.join("\n"), /ENOSPC/);
  assertKnown(world, [...known, id]);
});

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
