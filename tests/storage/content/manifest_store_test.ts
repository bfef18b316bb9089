import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { DamagedManifest } from "../../../src/snapshot/entry_line.ts";
import type { Root } from "../../../src/snapshot/root.ts";
import { TestMonitor, World } from "../../support/world.ts";

const OTHER = "00000000-0000-4000-8000-000000000000";

Deno.test("readRoot() takes a root of another storage, but none whose ids are of another algorithm", async () => {
  using world = new World({ inMemory: true });
  world.write("f", "text");
  const { snapshot } = await world.backup();
  using storage = world.open();
  const own = storage.manifests.readRoot(snapshot.id);
  const put = (changes: Partial<Root["storage"]>) =>
    storage.manifests.writeRoot({ ...own, storage: { ...own.storage, ...changes } });
  strictEqual(storage.manifests.readRoot(put({ id: OTHER })).storage.id, OTHER);
  const mixed = put({ algorithm: "blake3" });
  throws(() => storage.manifests.readRoot(mixed), (error) => error instanceof DamagedManifest);
});

Deno.test("snapshots of another storage come in the order of their moments, in a catalog brought up to date too", async () => {
  using world = new World({ inMemory: true });
  world.write("f", "text");
  const first = (await world.backup()).snapshot, last = (await world.backup()).snapshot;
  const between = new Date((Date.parse(first.time) + Date.parse(last.time)) / 2).toISOString();
  {
    using storage = world.open();
    const root = storage.manifests.readRoot(first.id);
    // Their numbers say nothing here, and one is later than another by its storage's clock alone.
    const foreign = { ...root, storage: { ...root.storage, id: OTHER }, name: "elsewhere" };
    storage.manifests.writeRoot({ ...foreign, sequence: 500, start: between });
    storage.manifests.writeRoot({ ...foreign, sequence: 501, start: first.time });
  }
  const order = (snapshots: readonly { name: string; time: string }[]) =>
    snapshots.map(({ name, time }) => name === "elsewhere" ? time : "own");
  const expected = ["own", between, first.time, "own"], monitor = new TestMonitor();
  {
    using storage = world.open(monitor);
    deepStrictEqual(order(storage.snapshots()), expected);
  }
  const { snapshot } = await world.backup();
  using storage = world.open();
  deepStrictEqual(order(storage.snapshots()), [...expected, "own"]);
  strictEqual(storage.snapshots().at(-1)?.id, snapshot.id);
  deepStrictEqual(monitor.problems, []);
  ok(storage.catalog().isRenumbered);
});
