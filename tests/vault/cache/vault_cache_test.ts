/** What this machine keeps of a vault saves fetching it again, and decides nothing. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { type Backend, CONFIG } from "../../../src/backend/backend.ts";
import { parseApath } from "../../../src/core/apath.ts";
import { copy } from "../../../src/operations/copy/copy.ts";
import { restore } from "../../../src/operations/restore/restore.ts";
import type { SnapshotInfo } from "../../../src/snapshot/snapshot_info.ts";
import { encodeConfig, parseConfig } from "../../../src/vault/store/config.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import { indexRows, snapshotRows } from "../../support/cache_rows.ts";
import { Chance, fuzz, fuzzRounds, mutateBytes } from "../../support/mutate.ts";
import { noise } from "../../support/units.ts";
import { KINDS, VaultPlace } from "../../support/vault_place.ts";
import { canMount } from "../../support/needs.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";

const [ENCRYPTED, PLAIN] = KINDS;
const signal = new AbortController().signal;

/** A storage, and a vault that snapshots of it are copied into. */
class Scene implements Disposable {
  readonly world = new World({ inMemory: true });
  /** With another storage, whose clock is behind. */
  readonly other = new World({ inMemory: true });
  /** Objects that were fetched. */
  readonly fetched: string[] = [];
  /** How often something was listed. */
  lists = 0;
  vault!: VaultPlace;

  static async make(kind: typeof KINDS[number] = PLAIN): Promise<Scene> {
    const scene = new Scene();
    scene.vault = await VaultPlace.make(scene.world, kind);
    return scene;
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
    this.other[Symbol.dispose]();
  }

  get state(): string {
    return `${this.world.base}/state`;
  }

  file(name: string, state = this.state): string {
    const [id] = Array.from(Deno.readDirSync(`${state}/vaults`)).filter(({ isDirectory }) => isDirectory);
    return `${state}/vaults/${id!.name}/db/${name}`;
  }

  readonly #counted = (backend: Backend): Backend => {
    const get = backend.get.bind(backend), list = backend.list.bind(backend);
    backend.list = (kind, signal) => {
      this.lists++;
      return list(kind, signal);
    };
    backend.get = (key, options) => {
      this.fetched.push(key);
      return get(key, options);
    };
    return backend;
  };

  async open(state = this.state, isCached = true): Promise<Vault> {
    const monitor = new TestMonitor(),
      vault = await this.vault.open(monitor, undefined, { state, isCached, through: this.#counted });
    deepStrictEqual(monitor.problems, []);
    return vault;
  }

  /** Backs up, and copies everything that is not in the vault yet. */
  async add(state = this.state, world = this.world): Promise<void> {
    await world.backup();
    using storage = world.open();
    await using vault = await this.open(state);
    await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
  }
}

/** What commands ask that only look. */
async function answersOf(vault: Vault): Promise<unknown> {
  const snapshots = await vault.snapshots(), paths = ["/a", "/dir/b", "/dir/large"].map((path) => parseApath(path));
  const last = snapshots.at(-1);
  const entries = last === undefined ? [] : [...(await vault.manifest(last.id)).entries()];
  const histories = await vault.query((catalog) => paths.map((path) => catalog.history(path)));
  return { snapshots, histories, entries, dump: [...(await vault.catalog()).dump()] };
}

Deno.test("what was read of a vault once is not fetched again", async () => {
  using scene = await Scene.make(ENCRYPTED);
  scene.world.write("a", "first");
  scene.world.write("dir/large", noise(300_000, 1));
  await scene.add();
  const ask = async (isCached = true) => {
    await using vault = await scene.open(scene.state, isCached);
    scene.fetched.length = 0;
    const answers = await answersOf(vault);
    return { answers, fetched: scene.fetched.length };
  };
  const { answers } = await ask();
  {
    scene.fetched.length = 0;
    await using vault = await scene.open();
    deepStrictEqual(await answersOf(vault), answers);
    deepStrictEqual(scene.fetched, []);
    scene.lists = 0;
    for (const path of ["/a", "/dir/b"]) await vault.query((catalog) => catalog.history(parseApath(path)));
    strictEqual(scene.lists, 0);
  }
  scene.world.write("dir/b", "second");
  await scene.add(`${scene.world.base}/elsewhere`);
  const later = await ask();
  ok(later.fetched > 0 && later.fetched < 4, String(later.fetched));
  deepStrictEqual((await ask()).fetched, 0);
  const uncached = await ask(false);
  deepStrictEqual(uncached.answers, later.answers);
  ok(uncached.fetched > later.fetched);
});

Deno.test("a reader that goes on for long sees new snapshots, and holds no catalogs of former ones", async () => {
  using scene = await Scene.make();
  await using reader = await scene.open(`${scene.world.base}/reader`);
  for (let count = 1; count <= 5; count++) {
    scene.world.write("a", `${count}`);
    await scene.add();
    strictEqual((await reader.snapshots()).length, count);
    const [found] = await reader.query((catalog) => catalog.history(parseApath("/a")).slice(-1));
    strictEqual(found?.size, 1);
    // The one in use, and the one before it.
    const held = openCatalogs(`${scene.world.base}/reader`);
    ok(held.length <= 2, held.join(", "));
  }
  const rows = await reader.queryEach((catalog) => catalog.find({}));
  const first = rows[Symbol.iterator]().next();
  for (let count = 6; count <= 9; count++) {
    scene.world.write("a", `${count}`);
    await scene.add();
    strictEqual((await reader.snapshots()).length, count);
    await reader.query((catalog) => catalog.snapshots());
  }
  strictEqual(first.done, false);
  ok([...rows].length > 0);
});

/** Catalogs below a directory that this process has open; none where there is no /proc. */
function openCatalogs(below: string): string[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const to = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return to.startsWith(below) && to.includes("catalog.sqlite") ? [to] : [];
    } catch {
      return [];
    }
  });
}

Deno.test("without a cache nothing is kept", async () => {
  using scene = await Scene.make();
  {
    await using vault = await scene.open(scene.state, false);
    await vault.catalog();
  }
  throws(() => scene.file("index.sqlite"));
});

Deno.test("a vault has one writer on a machine, and any number of readers", async () => {
  using scene = await Scene.make();
  await scene.add();
  await using vault = await scene.open();
  await using other = await scene.open();
  {
    await using _writer = vault.write();
    throws(() => other.write(), { code: "vault-in-use" });
    strictEqual((await other.snapshots()).length, 1);
  }
  await using _writer = other.write();
});

Deno.test("what never changes in the life of a vault is remembered, and a vault that says otherwise refused", async () => {
  using scene = await Scene.make();
  await using _ = await scene.open();
  const { map } = scene.vault.objects, config = parseConfig(map.get(CONFIG)!), whole = map.get(CONFIG)!;
  map.set(CONFIG, encodeConfig({ ...config, chunker: { ...config.chunker, average: 5000 } }));
  await rejects(scene.open(), { code: "vault-differs" });
  map.set(CONFIG, whole);
  const pinned = `${scene.state}/vaults/${config.id}.pinned.json`, text = Deno.readFileSync(pinned);
  await using _same = await scene.open();
  await fuzz(fuzzRounds(10, 5000), async (seed) => {
    Deno.writeFileSync(pinned, mutateBytes(text, seed));
    await using _ = await scene.open();
  });
});

Deno.test("a vault that was encrypted, and says that it isn't, is refused", async () => {
  using scene = await Scene.make(ENCRYPTED);
  {
    await using _ = await scene.open();
  }
  const { map } = scene.vault.objects, config = parseConfig(map.get(CONFIG)!);
  map.set(CONFIG, encodeConfig({ ...config, encrypted: false }));
  const plain = scene.vault.with({ kind: "unencrypted" });
  await rejects(plain.open(new TestMonitor(), undefined, { state: scene.state }), { code: "vault-differs" });
});

/** Restores a snapshot. @returns how it differs from the source */
async function restored({ world }: Scene, vault: Vault, snapshot: SnapshotInfo): Promise<string> {
  const target = Deno.makeTempDirSync({ dir: world.base }), monitor = new TestMonitor();
  await restore(vault, world.restoreRequest(snapshot, target), monitor);
  deepStrictEqual(monitor.problems, []);
  return differences(world.source, target);
}

for (const kind of [ENCRYPTED, PLAIN]) {
  Deno.test(`without any object of index/ units say themselves what is in them (${JSON.stringify(kind)})`, async () => {
    using scene = await Scene.make(kind);
    scene.world.write("a", "first");
    scene.world.write("dir/large", noise(90_000, 1));
    await scene.add();
    let expected: unknown;
    {
      await using vault = await scene.open();
      expected = await answersOf(vault);
    }
    const { map } = scene.vault.objects;
    for (const key of [...map.keys()].filter((key) => key.startsWith("index/"))) map.delete(key);
    for (const isCached of [true, false, true]) {
      await using vault = await scene.open(scene.state, isCached);
      deepStrictEqual(await answersOf(vault), expected);
      strictEqual(await restored(scene, vault, (await vault.snapshots())[0]!), "");
      deepStrictEqual([...vault.index.objects()], []);
    }
    // Whoever stores something relies on what an index says alone.
    scene.world.write("a", "other");
    await scene.add();
    await using vault = await scene.open();
    strictEqual(await restored(scene, vault, (await vault.snapshots()).at(-1)!), "");
  });
}

Deno.test("snapshots that were known here and are gone are named once; not those that were forgotten from here", async () => {
  using scene = await Scene.make();
  const contents = ["1", "2", "3", "4"];
  for (const text of contents) {
    scene.world.write("a", text);
    await scene.add();
  }
  const notices = async () => {
    const monitor = new TestMonitor();
    await using vault = await scene.vault.open(monitor, undefined, { state: scene.state });
    await vault.snapshots();
    return monitor.notices;
  };
  const forget = async (n: number, state: string) => {
    await using vault = await scene.open(state);
    await using writer = vault.write();
    await writer.forget([(await vault.snapshots())[n]!.id]);
  };
  await forget(0, scene.state);
  deepStrictEqual(await notices(), []);
  for (const tag of ["first", "second"]) {
    await using vault = await scene.open(`${scene.world.base}/elsewhere`);
    await using writer = vault.write();
    await writer.replaceRoot((await vault.snapshots())[0]!.id, { tags: [tag] });
  }
  deepStrictEqual(await notices(), []);
  await forget(0, `${scene.world.base}/elsewhere`);
  await forget(0, `${scene.world.base}/elsewhere`);
  const [notice, ...others] = await notices();
  ok(/^Snapshots that this machine knew are gone .* \(2\): /.test(notice!), notice);
  deepStrictEqual([others, await notices()], [[], []]);
});

/** Something happens to the vault, from here or from elsewhere. */
async function step(scene: Scene, chance: Chance, n: number): Promise<void> {
  const state = chance.pick([scene.state, `${scene.world.base}/elsewhere`]), kind = chance.below(4);
  if (kind < 2 || n < 2) {
    const world = chance.below(3) === 0 ? scene.other : scene.world;
    if (n === 0) scene.other.clock.pass(-3);
    world.write(chance.pick(["a", "dir/b", "dir/large"]), noise(chance.below(90_000), n));
    return await scene.add(state, world);
  }
  await using vault = await scene.open(state);
  const snapshots = await vault.snapshots();
  if (snapshots.length === 0) return;
  await using writer = vault.write();
  if (kind === 2) await writer.forget([chance.pick(snapshots).id]);
  else await writer.replaceRoot(chance.pick(snapshots).id, { tags: [`tag ${n}`] });
}

Deno.test("after any history the cache says what the vault says, and has the same rows as one that is made anew", async () => {
  await fuzz(fuzzRounds(1, 40), async (seed) => {
    using scene = await Scene.make();
    const chance = new Chance(seed), anew = `${scene.world.base}/anew`;
    for (let n = 0; n < 8; n++) {
      await step(scene, chance, n);
      await using cached = await scene.open();
      await using uncached = await scene.open(scene.state, false);
      deepStrictEqual(await answersOf(cached), await answersOf(uncached));
    }
    for (const state of [scene.state, anew]) {
      await using vault = await scene.open(state);
      for (const { id } of await vault.snapshots()) await vault.manifest(id);
      await vault.catalog();
    }
    deepStrictEqual(indexRows(scene.file("index.sqlite")), indexRows(scene.file("index.sqlite", anew)));
    deepStrictEqual(snapshotRows(scene.file("snapshots.sqlite")), snapshotRows(scene.file("snapshots.sqlite", anew)));
  });
});

for (const name of ["snapshots.sqlite", "catalog.sqlite", "index.sqlite"]) {
  Deno.test(`whatever becomes of ${name}, the answers are the same`, async () => {
    using scene = await Scene.make();
    scene.world.write("a", "first");
    await scene.add();
    scene.world.write("dir/large", noise(90_000, 1));
    await scene.add();
    let expected: unknown;
    {
      await using vault = await scene.open();
      expected = await answersOf(vault);
    }
    const path = scene.file(name), whole = Deno.readFileSync(path);
    await fuzz(fuzzRounds(6, 5000), async (seed) => {
      Deno.writeFileSync(path, mutateBytes(whole, seed));
      if (seed % 3 === 0) Deno.writeFileSync(`${path}-${seed % 2 ? "journal" : "wal"}`, mutateBytes(whole, seed + 1));
      await using vault = await scene.open();
      deepStrictEqual(await answersOf(vault), expected);
    });
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    await using vault = await scene.open();
    deepStrictEqual(await answersOf(vault), expected);
  });
}

/** Mounts a file system of that size in the place of a directory until disposed. */
function smallDisk(path: string, size: string): Disposable {
  Deno.mkdirSync(path);
  run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path);
  return { [Symbol.dispose]: () => void run("umount", "--lazy", path) };
}

Deno.test("where there is no room for a cache, the answers are the same", { ignore: !canMount("tmpfs") }, async () => {
  using scene = await Scene.make();
  for (let n = 0; n < 3; n++) {
    scene.world.write(`dir/${n}`, noise(2000, n));
    await scene.add();
  }
  const expected = await (async () => {
    await using vault = await scene.open(scene.state, false);
    return await answersOf(vault);
  })();
  for (const size of ["8k", "52k", "64k", "76k", "120k"]) {
    const state = `${scene.world.base}/small-${size}`;
    using _disk = smallDisk(state, size);
    for (const _ of ["first", "again"]) {
      await using vault = await scene.open(state);
      deepStrictEqual(await answersOf(vault), expected, size);
      strictEqual(await restored(scene, vault, (await vault.snapshots()).at(-1)!), "", size);
    }
  }
});

Deno.test("much data of a question goes to files beside the cache; little, and all where there is no cache, to memory", async () => {
  using scene = await Scene.make();
  const much = 1e9, little = 1e6;
  await using kept = await scene.vault.open(undefined, undefined, { state: scene.state });
  const temp = kept.tempFor(much);
  strictEqual(
    temp && Deno.realPathSync(temp),
    Deno.realPathSync(`${scene.state}/vaults/${kept.objects.access.config.id}/tmp`),
  );
  strictEqual(kept.tempFor(little), undefined);
  await using none = await scene.vault.open();
  strictEqual(none.tempFor(much), undefined);
});
