import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { TestMonitor, World } from "../../support/world.ts";

Deno.test("a root that could not be read for a while comes back beside the one that took its sequence", async () => {
  using world = new World();
  const write = async (text: string) => {
    world.write("file", text);
    return (await world.backup()).snapshot;
  };
  const snapshots = [await write("1"), await write("2")];
  const path = world.items().get(snapshots[1]!.id)!;
  const bytes = Deno.readFileSync(path);
  Deno.chmodSync(path, 0o600);
  Deno.truncateSync(path, 10);
  Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
  snapshots.push(await write("3"));
  deepStrictEqual(snapshots.map(({ sequence }) => sequence), [1, 2, 2]);

  Deno.writeFileSync(path, bytes);
  Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
  snapshots.push(await write("4"));
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ id }) => id), snapshots.map(({ id }) => id));
  deepStrictEqual(storage.snapshots().map(({ sequence }) => sequence), [1, 2, 3, 4]);
  const live = [...storage.catalog().dump()];
  rebuildCatalog(storage, new TestMonitor());
  deepStrictEqual([...storage.catalog().dump()], live);
  for (const [i, { id }] of snapshots.entries()) {
    strictEqual(Deno.readTextFileSync(`${(await world.restore(id)).target}/file`), `${i + 1}`);
  }
});

/** Takes the catalog's file away from whoever has it open: a copy that holds one more snapshot comes in its place. */
async function replaceCatalog(world: World, text: string): Promise<void> {
  using storage = world.open();
  rebuildCatalog(storage, new TestMonitor());
  world.write("file", text);
  await world.backup();
}

const idsIn = (storage: Storage) => storage.query((catalog) => catalog.snapshots().map(({ id }) => id));

Deno.test("a reader that goes on for long sees what is in another file that takes the place of its own", async () => {
  using world = new World();
  world.write("file", "1");
  await world.backup();
  using reader = world.open();
  strictEqual(reader.snapshots().length, 1);
  const all = reader.query((catalog) => [...catalog.dump()]), rows = reader.queryEach((catalog) => catalog.dump());
  const first = rows.next().value;
  await replaceCatalog(world, "2");
  // What is being read stays open, and as it was.
  strictEqual(idsIn(reader).length, 1);
  deepStrictEqual([first, ...rows], all);
  strictEqual(idsIn(reader).length, 2);
  strictEqual(reader.snapshots().length, 2);
  await replaceCatalog(world, "3");
  deepStrictEqual(reader.snapshots().map(({ id }) => id), idsIn(reader));
  strictEqual(idsIn(reader).length, 3);
  deepStrictEqual(deletedFilesBelow(world.storagePath), []);
});

Deno.test("a reader that had no usable catalog takes the one that a writer makes, and then sees all its changes", async () => {
  using world = new World();
  world.write("file", "1");
  await world.backup();
  Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
  using reader = world.open();
  strictEqual(idsIn(reader).length, 1);
  for (const count of [2, 3, 4]) {
    world.write("file", `${count}`);
    await world.backup();
    strictEqual(idsIn(reader).length, count);
    strictEqual(reader.snapshots().length, count);
  }
  deepStrictEqual(deletedFilesBelow(world.storagePath), []);
});

/** Files of this process that have no name any more; none where there is no /proc. */
function deletedFilesBelow(path: string): string[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const to = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return to.startsWith(path) && to.endsWith("(deleted)") ? [to] : [];
    } catch {
      return [];
    }
  });
}
