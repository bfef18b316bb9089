import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
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
