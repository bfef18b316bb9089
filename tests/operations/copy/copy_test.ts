/** Copies in all directions: what comes back is what was there, byte for byte. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { parseApath } from "../../../src/core/apath.ts";
import type { ContentId } from "../../../src/core/content_id.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { copy } from "../../../src/operations/copy/copy.ts";
import { unchangedSnapshot } from "../../../src/operations/copy/copied_snapshot.ts";
import { restore } from "../../../src/operations/restore/restore.ts";
import type { OpenedRepository } from "../../../src/operations/opened.ts";
import type { Repository } from "../../../src/snapshot/repository.ts";
import { initStorage } from "../../../src/storage/layout/init.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { noise } from "../../support/units.ts";
import { KINDS, VaultPlace } from "../../support/vault_place.ts";
import { differences, TestMonitor, World } from "../../support/world.ts";

const signal = new AbortController().signal;

async function copyAll(from: Repository, to: OpenedRepository, world: World, monitor = new TestMonitor()) {
  const result = await copy(from, to, { workers: 0, signal, clock: world.clock }, monitor);
  deepStrictEqual(monitor.problems, []);
  return result;
}

/** Three snapshots, with small, equal, empty and large files, and one that changes. */
async function filledWorld(): Promise<World> {
  const world = new World({ inMemory: true });
  const large = noise(300_000, 7);
  world.write("docs/a.txt", "text\n".repeat(400));
  world.write("docs/same.txt", "text\n".repeat(400));
  world.write("empty", "");
  world.write("large.img", large);
  world.write("noise.bin", noise(50_000, 3));
  Deno.chmodSync(`${world.source}/docs/a.txt`, 0o640);
  await world.backup();
  world.write("docs/b.txt", "second");
  large.set(noise(100, 9), 150_000);
  world.write("large.img", large);
  await world.backup();
  world.write("zeros", new Uint8Array(200_000));
  await world.backup();
  return world;
}

/** All roots and hunks, by id. */
async function objectsOf(repository: Repository): Promise<Record<string, Uint8Array>> {
  const objects: Record<string, Uint8Array> = {};
  for (const id of [...await repository.rootIds()].sort()) {
    objects[id] = await repository.object(id);
    for (const { id: hunk } of (await repository.manifest(id)).root.hunks) {
      objects[hunk] = await repository.object(hunk);
    }
  }
  return objects;
}

for (const kind of KINDS) {
  const name = `${kind.encrypted ? "an encrypted" : "a plain"} vault in ${kind.where}`;
  Deno.test(`what was copied into ${name} comes back the same`, async () => {
    using world = await filledWorld();
    const place = await VaultPlace.make(world, kind);
    using storage = world.open();
    const before = await objectsOf(storage), ids = storage.snapshots().map(({ id }) => id);
    {
      await using vault = await place.open(new TestMonitor(), 100_000);
      const result = await copyAll(storage, vault, world);
      deepStrictEqual(result, { copied: ids, present: 0, failed: 0 });
    }
    await using vault = await place.open();
    deepStrictEqual(await objectsOf(vault), before);
    deepStrictEqual((await vault.snapshots()).map(({ id }) => id), ids);
    deepStrictEqual(await copyAll(storage, vault, world), { copied: [], present: 3, failed: 0 });

    const path = rawOf(`${world.base}/back`);
    initStorage(world.machine, path, { algorithm: "sha256", hexSplit: [1, 1] });
    {
      using back = openStorage(world.machine, path, new TestMonitor());
      deepStrictEqual((await copyAll(vault, back, world)).copied, ids);
    }
    using back = openStorage(world.machine, path, new TestMonitor());
    deepStrictEqual(await objectsOf(back), before);
    deepStrictEqual(back.snapshots().map(({ id }) => id), ids);
  });
}

Deno.test("a storage is copied into another one, and what is there is passed over", async () => {
  using world = await filledWorld();
  using storage = world.open();
  const path = rawOf(`${world.base}/other`), [first] = storage.snapshots();
  initStorage(world.machine, path, { algorithm: "sha256", hexSplit: [3] });
  using other = openStorage(world.machine, path, new TestMonitor());
  const request = { workers: 0, signal, clock: world.clock }, monitor = new TestMonitor();
  const one = await copy(storage, other, { ...request, snapshots: [first!.id] }, monitor);
  deepStrictEqual(one, { copied: [first!.id], present: 0, failed: 0 });
  strictEqual((await copyAll(storage, other, world)).present, 1);
  deepStrictEqual(await objectsOf(other), await objectsOf(storage));
  deepStrictEqual(other.snapshots(), storage.snapshots());
});

Deno.test("a snapshot of which something is damaged is named and not copied; the others are", async () => {
  using world = await filledWorld();
  const place = await VaultPlace.make(world, KINDS[0]);
  using storage = world.open();
  const [, second] = storage.snapshots(), { content } = storage.manifest(second!.id).entry(parseApath("/docs/b.txt"))!;
  Deno.removeSync(world.items().get(content!)!);
  await using vault = await place.open();
  const monitor = new TestMonitor();
  const result = await copy(storage, vault, { workers: 0, signal, clock: world.clock }, monitor);
  deepStrictEqual([result.copied.length, result.failed], [1, 2]);
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["damaged-content", "damaged-content"]);
  strictEqual((await vault.snapshots()).length, 1);
});

Deno.test("a copy that is stopped goes on where it was, and keeps what it has", async () => {
  using world = await filledWorld();
  const place = await VaultPlace.make(world, KINDS[1]);
  using storage = world.open();
  const controller = new AbortController(), stopped = new TestMonitor();
  {
    await using vault = await place.open(new TestMonitor(), 50_000);
    stopped.count = (counter) => void (counter === "storedItems" && stopped.notices.push("") > 4 && controller.abort());
    const request = { workers: 0, signal: controller.signal, clock: world.clock };
    await rejects(copy(storage, vault, request, stopped), { code: "interrupted" });
    strictEqual((await vault.snapshots()).filter(({ complete }) => complete).length, 1);
  }
  await using vault = await place.open();
  deepStrictEqual((await copyAll(storage, vault, world)).present, 1);
  deepStrictEqual(await objectsOf(vault), await objectsOf(storage));
});

Deno.test("ids of a weak algorithm are no target of a copy", async () => {
  using world = await filledWorld();
  using storage = world.open();
  using weak = new World({ inMemory: true, algorithm: "md5" });
  using other = weak.open();
  const monitor = new TestMonitor();
  const result = await copy(storage, other, { workers: 0, signal, clock: world.clock }, monitor);
  deepStrictEqual([result.failed, new Set(monitor.problems.map(({ name }) => name))], [
    3,
    new Set(["other-algorithm"]),
  ]);
});

Deno.test("a snapshot of another algorithm gets other ids in a vault, and is copied once", async () => {
  using other = new World({ inMemory: true, algorithm: "blake3" });
  const place = await VaultPlace.make(other, KINDS[0]);
  const backedUp = async () => {
    await other.backup();
    using storage = other.open();
    await using vault = await place.open();
    const monitor = new TestMonitor(), reader = storage.reader({ workers: 0, signal });
    let read = 0;
    storage.reader = () => Object.assign(reader, { read: (id: ContentId) => (read++, storage.readContent(id)) });
    const result = await copyAll(storage, vault, other, monitor);
    return { read, copied: result.copied.length, present: result.present };
  };
  for (let i = 0; i < 5; i++) other.write(`dir/file${i}`, `file ${i}`);
  other.write("dir/large", noise(300_000, 4));
  deepStrictEqual(await backedUp(), { read: 12, copied: 1, present: 0 });
  other.write("dir/file2", "other");
  deepStrictEqual(await backedUp(), { read: 2, copied: 1, present: 1 });
  using storage = other.open();
  await using vault = await place.open();
  deepStrictEqual((await copyAll(storage, vault, other)).present, 2);
  const [first, second] = await vault.snapshots(), origin = storage.snapshots()[1]!;
  const { root } = await vault.manifest(second!.id);
  deepStrictEqual(root.origin, { storage: storage.id, id: origin.id });
  deepStrictEqual([first?.complete, root.storage.algorithm, root.sequence], [true, "sha256", 2]);
  const target = Deno.makeTempDirSync({ dir: other.base }), monitor = new TestMonitor();
  await restore(vault, other.restoreRequest(second!, target), monitor);
  strictEqual(differences(other.source, target), "");
});

Deno.test("a copy that is cut off has a checkpoint at the target, which the rest takes the place of", async () => {
  using world = await filledWorld();
  for (let i = 0; i < 40; i++) world.write(`many/${i}`, `file ${i}`);
  await world.backup();
  const place = await VaultPlace.make(world, KINDS[0]);
  using storage = world.open();
  const last = storage.snapshots().at(-1)!, request = { workers: 0, clock: world.clock, snapshots: [last.id] };
  {
    await using vault = await place.open();
    const controller = new AbortController(), monitor = new TestMonitor();
    monitor.count = (counter) => {
      if (counter === "storedItems" && monitor.notices.push("") > 30) controller.abort();
      if (counter === "storedItems") world.clock.pass(6);
    };
    await rejects(copy(storage, vault, { ...request, signal: controller.signal }, monitor), { code: "interrupted" });
    const [partial, ...others] = await vault.snapshots();
    deepStrictEqual([partial?.complete, partial?.for, others], [false, last.id, []]);
    ok((await vault.manifest(partial!.id)).root.hunks.length > 0);
  }
  await using vault = await place.open();
  const monitor = new TestMonitor();
  await copy(storage, vault, { ...request, signal }, monitor);
  deepStrictEqual((await vault.snapshots()).map(({ id, complete }) => [id, complete]), [[last.id, true]]);
  ok(monitor.of("storedItems") < 20, `${monitor.of("storedItems")} contents were stored again`);
});

Deno.test("of what the target has already, nothing is asked but the hunks that are new", async () => {
  using world = await filledWorld();
  const place = await VaultPlace.make(world, KINDS[1]);
  const copied = async () => {
    using storage = world.open();
    await using vault = await place.open();
    const monitor = new TestMonitor();
    await copyAll(storage, vault, world, monitor);
    return monitor;
  };
  await copied();
  await world.backup();
  const monitor = await copied();
  deepStrictEqual([monitor.of("storedItems"), monitor.of("reusedItems")], [0, 0]);
});

Deno.test("a storage that came back out of a vault is sound, restores alike, and goes on", async () => {
  using world = await filledWorld();
  const place = await VaultPlace.make(world, KINDS[0]);
  const { target: expected } = await world.restore("latest");
  {
    using storage = world.open();
    await using vault = await place.open();
    await copyAll(storage, vault, world);
  }
  Deno.removeSync(world.storagePath, { recursive: true });
  initStorage(world.machine, rawOf(world.storagePath), { algorithm: "sha256", hexSplit: [2] });
  {
    using storage = world.open();
    await using vault = await place.open();
    await copyAll(vault, storage, world);
  }
  const { findings, damaged } = await world.check();
  deepStrictEqual([findings.filter(({ severity }) => severity === "damage"), damaged], [[], 0]);
  const { target } = await world.restore("latest");
  strictEqual(differences(expected, target), "");
  const { snapshot, monitor } = await world.backup();
  deepStrictEqual(monitor.problems, []);
  strictEqual(monitor.of("storedItems"), 0);
  using storage = world.open();
  strictEqual(storage.snapshots().at(-1)?.id, snapshot.id);
  strictEqual(storage.snapshots().length, 4);
});

Deno.test("from vault to vault, parts of large files and their lists go as they are, and no part twice", async () => {
  using world = await filledWorld();
  const one = await VaultPlace.make(world, KINDS[0], "one"), two = await VaultPlace.make(world, KINDS[0], "two");
  using storage = world.open();
  await using from = await one.open();
  await copyAll(storage, from, world);
  const [first, ...others] = (await from.snapshots()).map(({ id }) => id), read: string[] = [];
  {
    await using to = await two.open();
    await copy(from, to, { workers: 0, signal, clock: world.clock, snapshots: [first!] }, new TestMonitor());
  }
  await using to = await two.open();
  const stored = from.contents.storedParts.bind(from.contents);
  from.contents.storedParts = async (id) => {
    const parts = await stored(id);
    return parts && { ...parts, read: (part) => (read.push(part), parts.read(part)) };
  };
  await copyAll(from, to, world);
  deepStrictEqual(await objectsOf(to), await objectsOf(from));
  ok(read.length > 0 && read.length < 20 && new Set(read).size === read.length, `${read.length} parts were read`);
  const last = (await to.snapshots()).at(-1)!, manifest = await to.manifest(last.id);
  strictEqual(last.id, others.at(-1));
  const large = manifest.entry(parseApath("/large.img"))!.content!, listOf = `${large}f2`;
  const digest = ({ index }: typeof to) => index.homesOf(listOf, "meta").map(({ item }) => item.digest);
  deepStrictEqual([digest(to).length, digest(to)], [1, digest(from)]);
  const target = Deno.makeTempDirSync({ dir: world.base }), monitor = new TestMonitor();
  await restore(to, world.restoreRequest(last, target), monitor);
  strictEqual(differences(world.source, target), "");
});

/** Files for several batches: equal ones, small ones, and large ones that come as streams. */
function writeMany(world: World): void {
  for (let i = 0; i < 900; i++) world.write(`dir${i % 7}/file${i}`, noise(2000 + i % 300, i % 300));
  for (let i = 0; i < 6; i++) world.write(`large${i}`, noise(1_500_000, 1000 + i % 3));
}

Deno.test("threads pack what is copied, and no content twice", async () => {
  using world = new World({ inMemory: true });
  writeMany(world);
  await world.backup();
  using storage = world.open();
  const place = await VaultPlace.make(world, KINDS[0]), monitor = new TestMonitor();
  await using vault = await place.open(new TestMonitor(), 300_000);
  await copy(storage, vault, { workers: 2, signal, clock: world.clock }, monitor);
  deepStrictEqual([monitor.problems, monitor.of("storedItems"), monitor.of("reusedItems")], [[], 303, 603]);
  deepStrictEqual(await objectsOf(vault), await objectsOf(storage));
  const ids = [...vault.index.unitNames()].flatMap((unit) => vault.index.itemsOf(unit).map(({ id }) => id));
  strictEqual(ids.length, new Set(ids).size);
  const target = Deno.makeTempDirSync({ dir: world.base });
  await restore(vault, world.restoreRequest((await vault.snapshots()).at(-1)!, target), new TestMonitor());
  strictEqual(differences(world.source, target), "");
});

Deno.test("threads pack the parts of large files that come from a vault, and no part twice", async () => {
  using world = new World({ inMemory: true });
  const shared = noise(600_000, 20);
  for (let i = 0; i < 600; i++) world.write(`dir/file${i}`, noise(2000, i));
  for (let i = 0; i < 4; i++) world.write(`large${i}`, new Uint8Array([...shared, ...noise(200_000, 100 + i)]));
  await world.backup();
  const one = await VaultPlace.make(world, KINDS[0], "one"), two = await VaultPlace.make(world, KINDS[0], "two");
  using storage = world.open();
  await using from = await one.open(), to = await two.open();
  const read = new Map<string, number>();
  await copyAll(storage, from, world);
  const stored = from.contents.storedParts.bind(from.contents);
  from.contents.storedParts = async (id) => {
    const parts = await stored(id);
    const noted = (part: string) => (read.set(part, (read.get(part) ?? 0) + 1), parts!.read(part));
    return parts && { ...parts, read: noted };
  };
  await copy(from, to, { workers: 2, signal, clock: world.clock }, new TestMonitor());
  ok(read.size > 20 && read.values().every((times) => times === 1), `${[...read.values()]}`);
  deepStrictEqual(await objectsOf(to), await objectsOf(from));
  const itemsOf = ({ index }: typeof to) => {
    return [...index.unitNames()].flatMap((unit) => index.itemsOf(unit).map(({ id }) => id)).toSorted();
  };
  deepStrictEqual(itemsOf(to), itemsOf(from));
  const target = Deno.makeTempDirSync({ dir: world.base });
  await restore(to, world.restoreRequest((await to.snapshots()).at(-1)!, target), new TestMonitor());
  strictEqual(differences(world.source, target), "");
});

Deno.test("of calls at once with the same content, one has stored it", async () => {
  using world = new World({ inMemory: true });
  for (const [name, bytes] of [["small", 2000], ["large", 1_500_000]] as const) {
    for (const copy of [1, 2]) world.write(`${name}${copy}`, noise(bytes, bytes));
  }
  const { snapshot } = await world.backup();
  using storage = world.open();
  await using reader = storage.reader({ workers: 0, signal });
  const { root, hunks, files } = await unchangedSnapshot({ from: storage, reader }, snapshot.id);
  const [one, two, ...more] = [...files(0)].map(({ file }) => file).sort((a, b) => a.entry.size - b.entry.size);
  const place = await VaultPlace.make(world, KINDS[0]);
  for (const workers of [0, 2]) {
    await using vault = await place.open();
    await using writer = vault.write();
    await using receiver = await writer.receive(root, undefined, { workers, signal });
    strictEqual(hunks.length, 1);
    const results = await Promise.all([
      receiver.add([one!, more[0]!]),
      receiver.add([two!]),
      receiver.add([more[1]!, two!]),
    ]);
    deepStrictEqual(
      results.flat().toSorted(),
      ["reused", "reused", "reused", "stored", "stored"],
      `${workers} workers`,
    );
  }
});

Deno.test("a snapshot that threads can't copy is left out, and the next one isn't held up by it", async () => {
  using world = new World({ inMemory: true });
  writeMany(world);
  world.write("dir3/later", noise(5000, 5000));
  world.write("larger", noise(1_500_000, 5001));
  const { snapshot } = await world.backup();
  Deno.removeSync(`${world.source}/dir3/later`);
  Deno.removeSync(`${world.source}/larger`);
  await world.backup();
  using storage = world.open();
  for (const [i, path] of ["/dir3/later", "/larger"].entries()) {
    const content = storage.manifest(snapshot.id).entry(parseApath(path))!.content!, item = world.items().get(content)!;
    const bytes = Deno.readFileSync(item), damaged = bytes.slice();
    damaged[2000]! ^= 1;
    Deno.chmodSync(item, 0o600);
    Deno.writeFileSync(item, damaged);
    const place = await VaultPlace.make(world, KINDS[0], `vault${i}`), monitor = new TestMonitor();
    await using vault = await place.open();
    const { copied, failed } = await copy(storage, vault, { workers: 2, signal, clock: world.clock }, monitor);
    deepStrictEqual([copied.length, failed, monitor.problems.map(({ name }) => name)], [1, 1, ["damaged-content"]]);
    const [only] = await vault.snapshots(), target = Deno.makeTempDirSync({ dir: world.base });
    await restore(vault, world.restoreRequest(only!, target), new TestMonitor());
    strictEqual(differences(world.source, target), "");
    Deno.writeFileSync(item, bytes);
  }
});

Deno.test("a copy by threads that is stopped keeps what has arrived, up to some file of a hunk", async () => {
  using world = new World({ inMemory: true });
  writeMany(world);
  await world.backup();
  using storage = world.open();
  const place = await VaultPlace.make(world, KINDS[0]), controller = new AbortController(), stopped = new TestMonitor();
  const request = { workers: 2, clock: world.clock };
  {
    await using vault = await place.open();
    stopped.count = (counter) => void (counter === "storedItems" && stopped.notices.push("") > 4 && controller.abort());
    await rejects(copy(storage, vault, { ...request, signal: controller.signal }, stopped), { code: "interrupted" });
    const [partial, ...others] = await vault.snapshots();
    deepStrictEqual([partial?.complete, others], [false, []]);
    const manifest = await vault.manifest(partial!.id);
    ok(manifest.root.hunks.length > 0);
    for (const { content } of manifest.entries()) if (content) ok(await vault.contents.reliableHomes(content), content);
  }
  await using vault = await place.open();
  const monitor = new TestMonitor();
  await copy(storage, vault, { ...request, signal }, monitor);
  ok(monitor.of("storedItems") < 303, `${monitor.of("storedItems")} were stored again`);
  deepStrictEqual(await objectsOf(vault), await objectsOf(storage));
});
