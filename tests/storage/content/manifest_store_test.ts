import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { DamagedManifest } from "../../../src/snapshot/entry_line.ts";
import { ForeignSnapshot, type Root } from "../../../src/snapshot/root.ts";
import { TestMonitor, World } from "../../support/world.ts";

Deno.test("readRoot() refuses a root of another storage, and one whose ids are of another algorithm", async () => {
  using world = new World({ inMemory: true });
  world.write("f", "text");
  const { snapshot } = await world.backup();
  using storage = world.open();
  const own = storage.manifests.readRoot(snapshot.id);
  const put = (changes: Partial<Root["storage"]>) =>
    storage.manifests.writeRoot({ ...own, storage: { ...own.storage, ...changes } });
  const other = "00000000-0000-4000-8000-000000000000";
  const foreign = put({ id: other }), mixed = put({ algorithm: "blake3" });
  throws(() => storage.manifests.readRoot(foreign), (error) => {
    ok(error instanceof ForeignSnapshot);
    deepStrictEqual(error.storage, other);
    return true;
  });
  throws(() => storage.manifests.readRoot(mixed), (error) => {
    ok(error instanceof DamagedManifest && !(error instanceof ForeignSnapshot));
    return true;
  });
});

Deno.test("a root of another storage is no snapshot: it is named as a problem and changes nothing", async () => {
  using world = new World({ inMemory: true });
  world.write("f", "text");
  const { snapshot } = await world.backup();
  {
    using storage = world.open();
    const { storage: origin, ...own } = storage.manifests.readRoot(snapshot.id);
    const id = "00000000-0000-4000-8000-000000000000";
    storage.manifests.writeRoot({ ...own, storage: { ...origin, id }, sequence: own.sequence + 1 });
  }
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  deepStrictEqual(storage.catalog().snapshots(), [snapshot]);
  ok(monitor.problems.some((problem) => problem instanceof ForeignSnapshot), monitor.problems.join());
});
