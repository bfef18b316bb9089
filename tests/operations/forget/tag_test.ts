import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { RootId } from "../../../src/core/content_id.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import { tag, type Tagged, type TagRequest } from "../../../src/operations/forget/tag.ts";
import { buildTree, removeTree } from "../../../src/storage/tree/build_tree.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { CuttingDisk, PowerCut } from "../../support/cutting_disk.ts";
import { differences, TestMonitor, World } from "../../support/world.ts";

async function withTwo(): Promise<World> {
  // Few directories: making each of them counts as a change of the disk.
  const world = new World({ inMemory: true, hexSplit: [1] });
  for (const text of ["one", "two"]) {
    world.write("f", text);
    await world.backup({ tags: ["a"] });
  }
  return world;
}

async function tagIn(world: World, request: Partial<TagRequest>): Promise<Tagged[]> {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const tagged = await tag(storage, { snapshots: ["latest"], set: undefined, add: [], remove: [], ...request });
  deepStrictEqual([monitor.problems, monitor.notices], [[], []]);
  return tagged;
}

function assertLikeRebuilt(world: World): void {
  using storage = world.open();
  const live = [...storage.catalog().dump()];
  rebuildCatalog(storage, new TestMonitor());
  deepStrictEqual([...storage.catalog().dump()], live);
}

Deno.test("tag() adds, removes and sets tags, and changes nothing else of the snapshot", async () => {
  using world = await withTwo();
  using before = world.open();
  const { id, ...info } = before.resolve("latest");
  const { replaces: _, ...root } = before.manifest(id).root;
  for (
    const [request, tags] of [
      [{ add: ["b", "c"] }, ["a", "b", "c"]],
      [{ add: ["d"], remove: ["a", "c"] }, ["b", "d"]],
      [{ set: ["x", "y", "x"] }, ["x", "y"]],
      [{ set: [], add: ["z"] }, ["z"]],
      [{ remove: ["z"] }, []],
    ] as const
  ) {
    const [{ id: newId } = { id: "" as RootId }] = await tagIn(world, request);
    using storage = world.open();
    deepStrictEqual(storage.resolve("latest"), { ...info, id: newId, tags });
    const { replaces, ...newRoot } = storage.manifest(newId).root;
    deepStrictEqual(newRoot, { ...root, tags });
    ok(replaces !== undefined && !world.items().has(replaces));
  }
  assertLikeRebuilt(world);
  strictEqual((await world.check()).damaged, 0);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/latest/source/f`), "two");
  strictEqual((await world.backup()).monitor.of("readFiles"), 0);
});

Deno.test("tag() leaves a snapshot as it is whose tags don't change", async () => {
  using world = await withTwo();
  const [{ former, id, tags } = {} as Tagged] = await tagIn(world, { add: ["a"], remove: ["z"] });
  deepStrictEqual([id, tags], [former, ["a"]]);
  await rejects(tagIn(world, {}), { code: "bad-usage" });
  await rejects(tagIn(world, { snapshots: ["nothing"], add: ["b"] }), { code: "no-snapshot" });
});

Deno.test("tag() takes several snapshots, each once", async () => {
  using world = await withTwo();
  const tagged = await tagIn(world, { snapshots: ["latest", "latest~1", "latest"], add: ["b"] });
  deepStrictEqual(tagged.map(({ tags }) => tags), [["a", "b"], ["a", "b"]]);
  assertLikeRebuilt(world);
});

Deno.test("tag() keeps a tree that was built for a snapshot without one", async () => {
  using world = new World({ inMemory: true });
  world.write("f", "one");
  await world.backup({ tree: false });
  using storage = world.open();
  const tree = await buildTree(
    storage,
    storage.resolve("latest"),
    { workers: 0, signal: new AbortController().signal },
    new TestMonitor(),
  );
  await tagIn(world, { add: ["b"] });
  using after = world.open();
  strictEqual(after.resolve("latest").tree, tree);
  removeTree(after, after.resolve("latest"), new TestMonitor());
  strictEqual(after.dir.stat(rawOf("2026")), undefined);
});

Deno.test("tag() doesn't take a snapshot away from somebody who restores it", async () => {
  using world = await withTwo();
  using reader = world.open();
  using _held = reader.lockForReading(reader.resolve("latest").id);
  await rejects(tagIn(world, { add: ["b"] }), { code: "snapshot-in-use" });
});

Deno.test("tag() cut before any change leaves the snapshot with the old tags or the new ones, never twice", async () => {
  const seen = new Set<string>();
  for (let cut = 0, finished = false; !finished; cut++) {
    for (const loseCatalog of [false, true]) {
      using world = await withTwo();
      using before = world.open();
      const { id: former, sequence } = before.resolve("latest");
      try {
        const disk = new CuttingDisk(openDisk(), cut).disk;
        using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
        await tag(storage, { snapshots: ["latest"], set: undefined, add: ["b"], remove: [] });
        finished = true;
      } catch (error) {
        ok(error instanceof PowerCut, String(error));
      }
      if (loseCatalog) Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
      using storage = world.open();
      const [first, second, ...more] = storage.snapshots();
      deepStrictEqual([first?.sequence, second?.sequence, more], [sequence - 1, sequence, []], `cut ${cut}`);
      seen.add(second!.tags.join());
      strictEqual(second!.id === former, second!.tags.join() === "a");
      strictEqual(differences(world.source, (await world.restore("latest")).target), "");
      await world.backup();
      const roots = [...world.items().keys()].filter((id) => id.endsWith("f0"));
      strictEqual(roots.length, 3, `cut ${cut}`);
      assertLikeRebuilt(world);
      strictEqual((await world.check()).damaged, 0);
    }
  }
  deepStrictEqual([...seen].sort(), ["a", "a,b"]);
});

Deno.test("a root that only says it replaces another one harms nothing", async () => {
  using world = await withTwo();
  using storage = world.open();
  const [first, second] = storage.snapshots();
  {
    using _writer = storage.write("test");
    // Another snapshot, not the same one with other tags.
    storage.manifests.writeRoot({ ...storage.manifest(second!.id).root, sequence: 3, replaces: first!.id });
  }
  using after = world.open();
  strictEqual(after.snapshots().length, 3);
  notStrictEqual(world.items().get(first!.id), undefined);
});

Deno.test("tag() describes a snapshot, and takes the description away", async () => {
  using world = await withTwo();
  await tagIn(world, { description: "before the move" });
  using storage = world.open();
  const { id, description, tags } = storage.resolve("latest");
  deepStrictEqual([description, tags], ["before the move", ["a"]]);
  assertLikeRebuilt(world);
  deepStrictEqual((await tagIn(world, { description: "before the move" }))[0]?.id, id);
  await tagIn(world, { description: "" });
  using after = world.open();
  strictEqual(after.resolve("latest").description, "");
  await world.backup({ description: "after it" });
  using last = world.open();
  strictEqual(last.resolve("latest").description, "after it");
});
