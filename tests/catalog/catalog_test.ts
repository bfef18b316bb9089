/** The catalog against a plain model, and everything that can make it worthless. */
import fc from "fast-check";
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { type Apath, compareApath, parseApath } from "../../src/core/apath.ts";
import type { ContentId, RootId } from "../../src/core/content_id.ts";
import type { Entry } from "../../src/core/entry.ts";
import { rawOf, textOf } from "../../src/core/raw.ts";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import type { PathVersion } from "../../src/snapshot/catalog_queries.ts";
import { encodeEntry } from "../../src/snapshot/entry_line.ts";
import type { Root } from "../../src/snapshot/root.ts";
import { SnapshotWriter } from "../../src/snapshot/snapshot_writer.ts";
import { openStorage, type Storage } from "../../src/storage/storage.ts";
import { rounds } from "../support/effort.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { canMount } from "../support/needs.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const RUNS = rounds(25, 300);

/** Paths that come and go, and many that hardly change, so that manifests have several hunks. */
const PATHS = ["/", "/a", "/a/b", "/a/b/c", "/a-", "/a-/b", "/ü", "/z\n", "/a/\udcff"].map(parseApath);
const BULK = Array.from({ length: 700 }, (_, i) => parseApath(`/bulk/${i % 9}/${i}`));
const ALL = [...PATHS, ...BULK];

/** The state of a series: which version of a path is there. */
type State = ReadonlyMap<Apath, number>;

function entryOf(path: Apath, version: number): Entry {
  const common = { path, mtime: String(version * 1_000_000_000 + 1), mode: 0o644, uid: 0, gid: 0 };
  if (version === 0) return { ...common, kind: "dir", size: 0 };
  return { ...common, kind: "file", size: version * 10, content: contentOf(path, version) };
}

function contentOf(path: Apath, version: number): ContentId {
  return (version * 7919 + path.length).toString(16).padStart(64, "0") as ContentId;
}

interface Made {
  readonly host: string;
  readonly name: string;
  readonly complete: boolean;
  readonly state: State;
  readonly sequence: number;
  readonly id: string;
}

/** Makes a snapshot of a state that exists nowhere but in the test. */
async function makeSnapshot(storage: Storage, made: Omit<Made, "sequence" | "id">): Promise<Made> {
  using writer = storage.write("test");
  const sequence = (storage.snapshots().at(-1)?.sequence ?? 0) + 1;
  const manifest = new SnapshotWriter(
    { addHunk: (first, lines) => storage.manifests.writeHunk(first, lines) },
    storage.monitor,
  );
  const entries = [...made.state].sort(([a], [b]) => compareApath(a, b)).map(([path, v]) => entryOf(path, v));
  for (const entry of entries) manifest.add(entry.path, encodeEntry(entry), undefined);
  const id = await writer.commit(rootOf(storage, made, sequence, entries, manifest.finish()), undefined);
  return { ...made, sequence, id };
}

function rootOf(
  storage: Storage,
  { host, name, complete }: Omit<Made, "sequence" | "id">,
  sequence: number,
  entries: readonly Entry[],
  hunks: Root["hunks"],
): Root {
  const { id, algorithm, hexSplit } = storage.settings;
  const time = new Date(Date.UTC(2026, 0, 1) + sequence * 60_000).toISOString();
  const files = entries.filter(({ kind }) => kind === "file");
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return {
    version: 1,
    storage: { id, algorithm, hexSplit },
    sequence,
    previous: null,
    start: time,
    end: time,
    timeZone: "UTC",
    offsetMinutes: 0,
    tree: null,
    private: false,
    host,
    user: "tester",
    name,
    sources: [{ path: "/nowhere", at: "/" }],
    excludes: [],
    tags: [],
    complete,
    totals: { entries: entries.length, files: files.length, dirs: entries.length - files.length, bytes, problems: 0 },
    tool: "test",
    hunks,
  };
}

/** What the catalog is to say of a path, worked out from all snapshots. */
function historyOf(path: Apath, all: readonly Made[]): Partial<PathVersion>[] {
  const versions: Partial<PathVersion>[] = [];
  for (const { host, name } of new Map(all.map((made) => [`${made.host}\0${made.name}`, made])).values()) {
    const series = all.filter((made) => made.host === host && made.name === name);
    for (const { state, sequence } of series.filter(({ complete }) => !complete)) {
      const version = state.get(path);
      if (version !== undefined) versions.push(versionOf(path, version, host, name, sequence, sequence));
    }
    const complete = series.filter((made) => made.complete);
    complete.forEach(({ state, sequence }, at) => {
      const version = state.get(path);
      if (version === undefined || complete[at - 1]?.state.get(path) === version) return;
      const end = complete.findIndex((later, i) => i > at && later.state.get(path) !== version);
      versions.push(versionOf(path, version, host, name, sequence, end < 0 ? undefined : complete[end - 1]!.sequence));
    });
  }
  return versions.sort(byFirst);
}

function versionOf(
  path: Apath,
  version: number,
  host: string,
  name: string,
  first: number,
  last: number | undefined,
): Partial<PathVersion> {
  const { kind, size, mtime, content } = entryOf(path, version);
  return { path, host, name, first, last, kind, size, mtime, content };
}

function byFirst(a: Partial<PathVersion>, b: Partial<PathVersion>): number {
  return a.first! - b.first! || (a.host! + a.name! < b.host! + b.name! ? -1 : 1);
}

function history(catalog: Catalog, asked: Apath): Partial<PathVersion>[] {
  return catalog.history(asked).map(({ path, host, name, first, last, kind, size, mtime, content }) => {
    return { path, host, name, first, last, kind, size, mtime, content };
  }).sort(byFirst);
}

function assertAgrees(storage: Storage, all: readonly Made[]): void {
  const listed = storage.snapshots().map(({ id, sequence, host, name, complete, entries }) => {
    return { id, sequence, host, name, complete, entries };
  });
  deepStrictEqual(
    listed,
    all.map(({ id, sequence, host, name, complete, state }) => {
      return { id, sequence, host, name, complete, entries: state.size };
    }),
  );
  const catalog = storage.catalog();
  for (const path of ALL) deepStrictEqual(history(catalog, path), historyOf(path, all), textOf(path));
  const contents = new Set(
    all.flatMap(({ state }) => [...state].filter(([, v]) => v > 0).map(([p, v]) => contentOf(p, v))),
  );
  strictEqual(catalog.contentCount(), contents.size);
  ok([...contents].every((id) => catalog.isTrusted(id)));
  ok(!catalog.isTrusted("f".repeat(64) as ContentId));
}

const change = fc.record({
  path: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...PATHS) }, {
    weight: 1,
    arbitrary: fc.constantFrom(...BULK),
  }),
  version: fc.option(fc.nat(3), { nil: undefined }),
});
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("snapshot" as const),
      series: fc.constantFrom(...[["h", "a"], ["h", "b"], ["g", "a"]] as const),
      /** Entries of a partial snapshot. */
      partial: fc.option(fc.nat(ALL.length), { nil: undefined, freq: 4 }),
      changes: fc.array(change, { maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose the catalog" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("bring back an old catalog" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rebuild" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose a root" as const), which: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("forget" as const), which: fc.array(fc.nat(9), { maxLength: 4 }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A storage with nothing but manifests, and the plain model of it. */
class Modelled implements Disposable {
  readonly world = new World({ inMemory: true });
  readonly #states = new Map<string, Map<Apath, number>>();
  all: Made[] = [];
  storage: Storage;

  constructor() {
    this.storage = this.world.open();
  }

  [Symbol.dispose](): void {
    this.storage[Symbol.dispose]();
    this.world[Symbol.dispose]();
  }

  get catalogPath(): string {
    return `${this.world.storagePath}/db/catalog.sqlite`;
  }

  async apply(step: Step): Promise<void> {
    switch (step.do) {
      case "snapshot":
        return await this.#snapshot(step.series, step.changes, step.partial);
      case "lose the catalog":
        return this.#closed(() => run("rm", "-f", this.catalogPath));
      case "bring back an old catalog":
        return this.#closed(() => {
          run("sh", "-c", `test -f ${this.catalogPath}.old && cp ${this.catalogPath}.old ${this.catalogPath} || true`);
          run("sh", "-c", `test -f ${this.catalogPath} && cp ${this.catalogPath} ${this.catalogPath}.old || true`);
        });
      case "rebuild":
        return void rebuildCatalog(this.storage, new TestMonitor());
      case "reopen":
        return this.#closed(() => {});
      case "lose a root":
        return this.#loseRoot(step.which);
      case "forget":
        return this.#forget(step.which);
    }
  }

  async #snapshot(
    [host, name]: readonly [string, string],
    changes: readonly { path: Apath; version: number | undefined }[],
    partial: number | undefined,
  ): Promise<void> {
    let state = this.#states.get(host + name);
    if (state === undefined) this.#states.set(host + name, state = new Map(BULK.map((path) => [path, 1])));
    for (const { path, version } of changes) {
      if (version === undefined) state.delete(path);
      else state.set(path, version);
    }
    const ordered = [...state].sort(([a], [b]) => compareApath(a, b));
    const kept = new Map(partial === undefined ? ordered : ordered.slice(0, partial));
    this.all.push(await makeSnapshot(this.storage, { host, name, complete: partial === undefined, state: kept }));
  }

  #loseRoot(which: number): void {
    const lost = this.all[which];
    if (lost === undefined) return;
    this.#closed(() => Deno.removeSync(this.world.items().get(lost.id)!));
    this.all = this.all.filter((made) => made !== lost);
  }

  #forget(which: readonly number[]): void {
    const gone = this.all.filter((_, i) => which.includes(i));
    using writer = this.storage.write("test");
    writer.forget(gone.map(({ id }) => id as RootId));
    this.all = this.all.filter((made) => !gone.includes(made));
  }

  /** Does something while nobody has the storage open. */
  #closed(action: () => void): void {
    this.storage[Symbol.dispose]();
    action();
    this.storage = this.world.open();
  }
}

Deno.test("the catalog says the same as a plain model, live and rebuilt, whatever happens to it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 14 }), async (steps) => {
      using modelled = new Modelled();
      for (const one of steps) await modelled.apply(one);
      assertAgrees(modelled.storage, modelled.all);
      const live = [...modelled.storage.catalog().dump()];
      rebuildCatalog(modelled.storage, new TestMonitor());
      deepStrictEqual([...modelled.storage.catalog().dump()], live);
      assertAgrees(modelled.storage, modelled.all);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("forgetting snapshots that aren't there, or none, or all, does what it says", async () => {
  using modelled = new Modelled();
  for (let i = 0; i < 3; i++) {
    await modelled.apply({ do: "snapshot", series: ["h", "a"], partial: undefined, changes: [] });
  }
  const stranger = `${"0".repeat(64)}f0` as RootId;
  using writer = modelled.storage.write("test");
  writer.forget([stranger]);
  writer.forget([]);
  strictEqual(modelled.storage.snapshots().length, 3);
  writer.forget([stranger, ...modelled.all.map(({ id }) => id as RootId)]);
  deepStrictEqual([...modelled.storage.catalog().dump()], []);
  strictEqual(modelled.storage.listing.rootIds().length, 0);
});

Deno.test("a crash between removing roots and telling the catalog is noticed and put right", async () => {
  using modelled = new Modelled();
  for (let i = 0; i < 3; i++) {
    await modelled.apply({
      do: "snapshot",
      series: ["h", "a"],
      partial: undefined,
      changes: [{ path: ALL[i]!, version: i }],
    });
  }
  const [first] = modelled.all;
  modelled.storage.manifests.remove(first!.id as RootId);
  modelled.all = modelled.all.slice(1);
  modelled.storage[Symbol.dispose]();
  const monitor = new TestMonitor();
  modelled.storage = modelled.world.open(monitor);
  assertAgrees(modelled.storage, modelled.all);
  match(monitor.notices.join("\n"), /^The snapshot [0-9a-f]{12} \(.*\) is gone from content\/$/m);
});

Deno.test("a reader that doesn't come to its end keeps no writer from its work", async () => {
  using world = await threeSnapshots();
  using reading = world.open();
  const found = reading.catalog().find({});
  const first = found.next();
  strictEqual(first.done, false);
  world.write("another", "x");
  const { monitor } = await world.backup();
  deepStrictEqual(monitor.notices, []);
  using later = world.open();
  {
    using writer = later.write("test");
    writer.forget([later.resolve("latest~1").id]);
    writer.recordVerified([{ id: "ab".repeat(32), state: "damaged" }], 1);
  }
  deepStrictEqual(later.damaged(), ["ab".repeat(32)]);
  ok([...found].length > 20);
  const expected = truth(world);
  deepStrictEqual([...later.catalog().dump()], expected);
});

/** Three real snapshots, and a copy of the catalog after the first. */
async function threeSnapshots(): Promise<World & { old: string }> {
  const world = Object.assign(new World({ inMemory: true }), { old: "" });
  world.old = `${world.base}/old.sqlite`;
  for (let i = 0; i < 20; i++) world.write(`f${i}`, `content ${i}`);
  await world.backup();
  Deno.copyFileSync(catalogOf(world), world.old);
  for (const text of ["second", "third"]) {
    world.write("f3", text);
    await world.backup();
  }
  return world;
}

function catalogOf(world: World): string {
  return `${world.storagePath}/db/catalog.sqlite`;
}

function rewrite(path: string, change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): void {
  Deno.writeFileSync(path, change(Deno.readFileSync(path)));
}

async function foreignCatalog(): Promise<Uint8Array<ArrayBuffer>> {
  using other = new World();
  using storage = openStorage(
    { ...other.machine, random: (bytes) => new Uint8Array(bytes).fill(7) },
    rawOf(other.storagePath),
    new TestMonitor(),
  );
  void storage;
  other.write("a", "1");
  await other.backup();
  rewriteStorageId(other);
  other.write("a", "2");
  await other.backup();
  return Deno.readFileSync(catalogOf(other));
}

/** Worlds are made alike; this one becomes another storage, with one snapshot. */
function rewriteStorageId(world: World): void {
  const main = `${world.storagePath}/db/main`;
  Deno.chmodSync(main, 0o600);
  const settings = JSON.parse(Deno.readTextFileSync(main));
  Deno.writeTextFileSync(main, JSON.stringify({ ...settings, id: "00000000-0000-4000-8000-000000000000" }));
  run("sh", "-c", `rm -rf ${world.storagePath}/content/*/* ${world.storagePath}/db/catalog.sqlite`);
}

/** What makes a catalog worthless, and what is said of it; undefined: it is only brought up to date. */
const WORTHLESS: Readonly<
  Record<string, readonly [(world: World & { old: string }) => void | Promise<void>, RegExp | undefined]>
> = {
  "missing": [(world) => Deno.removeSync(catalogOf(world)), /^The catalog is missing; rebuilding/],
  "empty": [(world) => Deno.truncateSync(catalogOf(world), 0), /^The catalog is truncated; rebuilding/],
  "cut in half": [
    (world) => rewrite(catalogOf(world), (bytes) => bytes.subarray(0, bytes.length >> 1)),
    /^The catalog .*; rebuilding/,
  ],
  "cut by one byte": [
    (world) => rewrite(catalogOf(world), (bytes) => bytes.subarray(0, bytes.length - 1)),
    /^The catalog .*; rebuilding/,
  ],
  "garbage": [
    (world) => rewrite(catalogOf(world), (bytes) => bytes.map((_, i) => i * 31 & 0xff)),
    /^The catalog is damaged; rebuilding/,
  ],
  "zeroed behind its first page": [
    (world) => rewrite(catalogOf(world), (bytes) => bytes.fill(0, 4096)),
    /^The catalog .*; rebuilding/,
  ],
  "a directory": [
    (world) => {
      Deno.removeSync(catalogOf(world));
      Deno.mkdirSync(`${catalogOf(world)}/inside`, { recursive: true });
    },
    /^The catalog is no file, but a dir; rebuilding/,
  ],
  "of another storage": [
    async (world) => Deno.writeFileSync(catalogOf(world), await foreignCatalog()),
    /^The catalog belongs to another storage; rebuilding/,
  ],
  "of another version of this tool": [
    (world) => {
      using database = new DatabaseSync(catalogOf(world));
      database.exec("UPDATE meta SET value = '999' WHERE key = 'schema'");
    },
    /^The catalog was made by another version .*; rebuilding/,
  ],
  "an older copy": [(world) => Deno.copyFileSync(world.old, catalogOf(world)), undefined],
  // Who forgets a snapshot takes its tree away first.
  "a copy that knows a snapshot that is gone": [
    (world) => {
      using storage = world.open();
      const [first] = storage.snapshots();
      run("rm", "-rf", `${world.storagePath}/${first!.tree}`);
      Deno.removeSync(world.items().get(first!.id)!);
    },
    /^The snapshot [0-9a-f]{12} \(.*\) is gone from content\/$/,
  ],
};

/** What content/ says, in a catalog that is made for that. */
function truth(world: World): string[] {
  const copy = `${world.base}/truth`;
  run("rm", "-rf", copy);
  run("cp", "-a", world.storagePath, copy);
  run("rm", "-rf", `${copy}/db/catalog.sqlite`);
  using storage = openStorage(world.machine, rawOf(copy), new TestMonitor());
  return [...storage.catalog().dump()];
}

function stateOf(world: World): string {
  return run("find", world.storagePath, "-printf", "%y %m %n %i %s %T@ %P\\n");
}

for (const [name, [spoil, notice]] of Object.entries(WORTHLESS)) {
  Deno.test(`a catalog that is ${name} is noticed by a reader, which writes nothing, and made good by the next writer`, async () => {
    using world = await threeSnapshots();
    await spoil(world);
    const expected = truth(world), before = stateOf(world);
    const reader = new TestMonitor(), monitor = new TestMonitor();
    {
      using storage = world.open(reader);
      deepStrictEqual([...storage.catalog().dump()], expected);
    }
    match(reader.notices.join("\n"), /^The catalog .*; rebuilding it from content\/, in memory/m);
    strictEqual(/is gone from content/m.test(reader.notices.join("\n")), /gone/.test(name));
    strictEqual(stateOf(world), before);
    {
      using storage = world.open(monitor);
      using _writer = storage.write("test");
      deepStrictEqual([...storage.catalog().dump()], expected);
    }
    if (notice === undefined) deepStrictEqual(monitor.notices, []);
    else match(monitor.notices.join("\n"), notice);
    deepStrictEqual(monitor.problems, []);
    const next = new TestMonitor();
    using storage = world.open(next);
    deepStrictEqual([...storage.catalog().dump()], expected);
    deepStrictEqual(next.notices, []);
  });

  Deno.test(`a catalog that is ${name} costs a backup no file that it would read`, async () => {
    using world = await threeSnapshots();
    await spoil(world);
    const { monitor, snapshot } = await world.backup();
    deepStrictEqual([monitor.of("readFiles"), monitor.of("unchangedFiles")], [0, 20]);
    if (notice !== undefined) match(monitor.notices.join("\n"), notice);
    strictEqual(snapshot.sequence, 4);
    const expected = truth(world);
    using storage = world.open();
    deepStrictEqual([...storage.catalog().dump()], expected);
  });

  Deno.test(`a catalog that is ${name} is made in memory where the storage can't be written, and nothing is`, async () => {
    using world = await threeSnapshots();
    await spoil(world);
    const expected = truth(world);
    const before = stateOf(world);
    const writes = ["create", "openOrCreate", "unlink", "rename", "rmdir", "symlink", "setAttributes"];
    const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      if (writes.includes(operation)) throw new DiskFault("EROFS", operation, rawOf(path));
      return proceed();
    });
    const monitor = new TestMonitor();
    using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), monitor);
    deepStrictEqual([...storage.catalog().dump()], expected);
    match(monitor.notices.join("\n"), /^The catalog .*; rebuilding/m);
    strictEqual(stateOf(world), before);
  });
}

Deno.test("a storage on a file system that is mounted read-only can be used in every way that needs no writing", {
  ignore: !canMount("bind"),
}, async () => {
  using world = await threeSnapshots();
  const mounted = `${world.base}/mounted`;
  Deno.mkdirSync(mounted);
  const mount = (...args: string[]) => new Deno.Command("mount", { args, stderr: "null" }).outputSync().success;
  ok(mount("--bind", world.storagePath, mounted));
  try {
    ok(mount("-o", "remount,bind,ro", mounted));
    for (const spoil of [() => {}, () => Deno.removeSync(catalogOf(world))]) {
      spoil();
      const before = stateOf(world), monitor = new TestMonitor();
      using storage = openStorage(world.machine, rawOf(mounted), monitor);
      strictEqual(storage.snapshots().length, 3);
      strictEqual(history(storage.catalog(), parseApath("/f3")).length, 3);
      strictEqual(stateOf(world), before);
      deepStrictEqual(monitor.problems, []);
    }
  } finally {
    run("umount", mounted);
  }
});

Deno.test("a reader beside a writer finds a catalog of its own, in memory", async () => {
  using world = await threeSnapshots();
  using writing = world.open();
  using _writer = writing.write("test");
  Deno.removeSync(catalogOf(world));
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  strictEqual(storage.snapshots().length, 3);
  match(monitor.notices.join("\n"), /^The catalog is missing; rebuilding/);
  ok(![...Deno.readDirSync(`${world.storagePath}/db`)].some(({ name }) => name === "catalog.sqlite"));
});

Deno.test("an empty storage needs no catalog, and nobody is told that it has none", () => {
  using world = new World();
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  deepStrictEqual(storage.snapshots(), []);
  deepStrictEqual(monitor.notices, []);
});

Deno.test("a large catalog that is damaged inside is replaced when that shows, and the backup goes through", async () => {
  using world = new World();
  {
    using storage = world.open();
    const state = new Map(
      Array.from({ length: 60_000 }, (_, i) => [parseApath(`/${i % 50}/${"x".repeat(60)}${i}`), i + 1]),
    );
    await makeSnapshot(storage, { host: "testhost", name: "source", complete: true, state });
  }
  const { size } = Deno.statSync(catalogOf(world));
  ok(size > 8 * 1024 * 1024, `${size} bytes`);
  rewrite(catalogOf(world), (bytes) => bytes.fill(0xa5, 16 * 4096, bytes.length - 4096));
  world.write("a", "1");
  const { snapshot, monitor } = await world.backup();
  strictEqual(snapshot.files, 1);
  deepStrictEqual(monitor.problems, []);
  const expected = truth(world);
  using storage = world.open();
  deepStrictEqual([...storage.catalog().dump()], expected);
});

Deno.test("what a check found of very many contents is noted, each in its last state", () => {
  using world = new World();
  const count = 112_345;
  const ids = Array.from({ length: count }, (_, i) => ((i * 7919) % count).toString(16).padStart(64, "0"));
  const stateOf = (i: number) => (i % 50_000 === 7 ? "damaged" : "ok");
  {
    using storage = world.open();
    using writer = storage.write("test");
    writer.recordVerified(ids.map((id, i) => ({ id, state: stateOf(i) })), 5);
    deepStrictEqual(storage.damaged(), [7, 50_007, 100_007].map((i) => ids[i]!).sort());
    writer.recordVerified([{ id: ids[7]!, state: "ok" }, { id: ids[8]!, state: "damaged" }], 6);
  }
  using database = new DatabaseSync(catalogOf(world), { readOnly: true });
  const rows = database.prepare("SELECT verifiedMs, state, count(*) AS n FROM verification GROUP BY 1, 2").all();
  deepStrictEqual(rows.map(({ verifiedMs, state, n }) => [verifiedMs, state, n]), [
    [5, "damaged", 2],
    [5, "ok", count - 4],
    [6, "damaged", 1],
    [6, "ok", 1],
  ]);
});

Deno.test("the largest contents are found however many files hold the same ones", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 60; i++) world.write(`copy${i}`, "the largest of all");
  for (const [name, text] of [["two", "second"], ["three", "3rd"], ["four", ""]] as const) world.write(name, text);
  await world.backup();
  using storage = world.open();
  const largest = storage.query((catalog) => catalog.largest(4).map(({ path, size }) => [path, size]));
  deepStrictEqual(largest, [["/copy0", 18], ["/two", 6], ["/three", 3], ["/four", 0]]);
});
