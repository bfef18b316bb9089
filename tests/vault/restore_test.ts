/** Restores out of a vault: by few requests, from whichever place is left, and never a wrong byte. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Backend, objectKey } from "../../src/backend/backend.ts";
import { around } from "../../src/backend/decorator.ts";
import { type Failure, faulty } from "../../src/backend/faulty.ts";
import { Fault } from "../../src/core/fault.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import type { RestoreRequest } from "../../src/operations/restore/restore_request.ts";
import { encodeIndex, type Mark } from "../../src/vault/index/index_object.ts";
import { planRanges } from "../../src/vault/pack/frame_ranges.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { differences, run, TestMonitor, World } from "../support/world.ts";

const [ENCRYPTED, PLAIN] = KINDS;
const { signal } = new AbortController();
const UNIT_BYTES = 300_000;

/** Some snapshots of a source that grows, so that units of all of them are needed for the last one. */
async function copied(world: World, kind: typeof KINDS[number] = ENCRYPTED): Promise<VaultPlace> {
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 10; i++) world.write(`dir-${i % 3}/${round}-${i}`, noise(20_000 + i, round * 100 + i));
    world.write(`dir-${round}/twin`, "the same everywhere");
    world.write(`large-${round}`, noise(200_000, 50 + round % 2));
    await world.backup();
  }
  run("ln", `${world.source}/dir-0/0-0`, `${world.source}/dir-2/linked`);
  run("truncate", "-s", "1M", `${world.source}/sparse`);
  await world.backup();
  const place = await VaultPlace.make(world, kind);
  await copyInto(world, place);
  return place;
}

async function copyInto(world: World, place: VaultPlace): Promise<void> {
  using storage = world.open();
  await using vault = await place.open(new TestMonitor(), UNIT_BYTES);
  await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
}

interface Restored {
  readonly target: string;
  readonly monitor: TestMonitor;
}

async function restored(vault: Vault, world: World, changes: Partial<RestoreRequest> = {}): Promise<Restored> {
  const snapshot = (await vault.snapshots()).at(-1)!, monitor = new TestMonitor();
  const target = Deno.makeTempDirSync({ dir: world.base });
  await restore(vault, { ...world.restoreRequest(snapshot, target), ...changes }, monitor);
  return { target, monitor };
}

interface Fetched {
  readonly unit: string;
  readonly from: number;
  readonly length: number;
}

/** Notes which ranges of units are fetched. */
function watched(fetched: Fetched[]): (inner: Backend) => Backend {
  return (inner) =>
    around(inner, {
      get(key, options) {
        const { from, length } = options?.range ?? { from: 0, length: Infinity };
        if (key.startsWith("data/")) fetched.push({ unit: key.slice("data/".length), from, length });
        return inner.get(key, options);
      },
    });
}

/** Units that hold contents of a snapshot. */
function isData(vault: Vault): (fetched: Fetched) => boolean {
  return ({ unit }) => vault.index.unit(unit)?.unitClass === "data";
}

async function mark(vault: Vault, units: Iterable<string>, mark: Mark): Promise<void> {
  const written = "2026-11-20T22:05:11Z", { objects, id } = vault;
  const marks = Array.from(units, (unit) => ({ unit, mark, since: written }));
  const ledger = { kind: "ledger", vault: id, host: "nas", written, supersedes: [], marks } as const;
  await objects.put("index", encodeIndex(ledger, objects.auth));
}

for (const [kind, workers] of [[ENCRYPTED, 2], [PLAIN, 0]] as const) {
  Deno.test(`every frame is fetched once, and near ones together (${kind.encrypted}, ${workers} workers)`, async () => {
    using world = new World({ inMemory: true });
    const place = await copied(world, kind), fetched: Fetched[] = [];
    await using vault = await place.open(new TestMonitor(), undefined, { through: watched(fetched) });
    await vault.catalog();
    fetched.length = 0;
    const { target, monitor } = await restored(vault, world, { workers });
    deepStrictEqual(monitor.problems, []);
    strictEqual(differences(world.source, target), "");
    const ofData = fetched.filter(isData(vault)), units = new Map<string, Set<number>>();
    for (const name of vault.index.unitNames()) {
      const frames = vault.index.itemsOf(name).map(({ frame }) => frame);
      if (vault.index.unit(name)?.unitClass === "data") units.set(name, new Set(frames));
    }
    // Everything that was ever stored is still there.
    const expected = Array.from(units, ([name, frames]) => planRanges(vault.index.unit(name)!.frames, frames).length);
    strictEqual(ofData.length, expected.reduce((sum, ranges) => sum + ranges, 0));
    const needed = [...units.keys()].reduce((sum, name) => sum + vault.index.unit(name)!.size, 0);
    ok(ofData.reduce((sum, { length }) => sum + length, 0) <= needed * 1.05);
  });
}

Deno.test("one small file is one request, once index and manifests are at hand", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world), fetched: Fetched[] = [];
  await using vault = await place.open(new TestMonitor(), undefined, { through: watched(fetched) });
  const [, snapshot] = await vault.snapshots(), manifest = await vault.manifest(snapshot!.id);
  await using reader = vault.reader({ workers: 2, signal });
  fetched.length = 0;
  const entry = [...manifest.entries()].find(({ path }) => path.endsWith("/0-4"))!;
  const batch = { rootPath: world.base, relative: "", overwrite: "refuse", isFresh: false, key: snapshot!.id } as const;
  const task = { name: "one", content: entry.content, size: entry.size, mtime: "0", mode: 0o644, sparse: false };
  const files = [{ ...task, owner: undefined, xattrs: {} }];
  // deno-lint-ignore no-explicit-any -- plain text where bytes are meant
  const results = await reader.extract({ ...batch, files } as any, { items: 1, bytes: 0 });
  deepStrictEqual(results.map(({ how }) => how), ["written"]);
  deepStrictEqual(Deno.readFileSync(`${world.base}/one`), Deno.readFileSync(`${world.source}/dir-1/0-4`));
  strictEqual(fetched.length, 1);
});

Deno.test("more files than are kept in memory are restored the same way", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world);
  await using vault = await place.open(new TestMonitor(), undefined, { mostFilesInMemory: 4 });
  const { target, monitor } = await restored(vault, world);
  deepStrictEqual(monitor.problems, []);
  strictEqual(differences(world.source, target), "");
});

Deno.test("what is lost or damaged in one place is taken from another", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world), { map } = place.objects;
  await using vault = await place.open();
  const first = [...vault.index.unitNames()].filter((name) => vault.index.unit(name)?.unitClass === "data");
  await mark(vault, first, "doomed");
  for (const { id } of await vault.snapshots()) await vault.roots.remove(id);
  await copyInto(world, place);
  const keys = [...map.keys()].filter((key) => key.startsWith("data/")), pristine = new Map(map);
  const isNew = (key: string) => !first.includes(key.slice("data/".length));
  for (const spoil of ["delete", "flip", "cut"] as const) {
    for (const [i, key] of keys.filter(isNew).entries()) {
      const bytes = map.get(key)!, unit = key.slice("data/".length);
      if (vault.index.unit(unit)?.unitClass === "meta") continue;
      if (spoil === "delete") map.delete(key);
      else if (spoil === "cut") map.set(key, bytes.slice(0, i * 1000));
      else map.set(key, bytes.map((byte, at) => at % 5000 === 0 ? byte ^ 1 : byte));
    }
    await using later = await place.open();
    const { target, monitor } = await restored(later, world);
    // Hunks and lists are in meta units, of which there may be one alone.
    deepStrictEqual(monitor.problems, [], spoil);
    strictEqual(differences(world.source, target), "", spoil);
    for (const [key, bytes] of pristine) map.set(key, bytes);
  }
});

Deno.test("a restore goes on when a prune has moved what it was about to read", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world), { map } = place.objects;
  await using vault = await place.open();
  await vault.catalog();
  const manifest = await vault.manifest((await vault.snapshots()).at(-1)!.id);
  const former = [...vault.index.unitNames()];
  {
    await using pruner = await place.open();
    await mark(pruner, former, "doomed");
    const roots = await pruner.roots.all();
    for (const { id } of roots) await pruner.roots.remove(id);
  }
  await copyInto(world, place);
  {
    await using pruner = await place.open();
    await mark(pruner, former, "gone");
    for (const unit of former) map.delete(objectKey("data", unit));
  }
  vault.manifest = () => Promise.resolve(manifest);
  const { target, monitor } = await restored(vault, world, { workers: 0 });
  deepStrictEqual(monitor.problems, []);
  strictEqual(differences(world.source, target), "");
});

Deno.test("a content in many places is fetched once, and what is there already not at all", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 20; i++) {
    world.write(`${i}/twin`, noise(5000, 1));
    world.write(`${i}/large`, noise(300_000, 2));
  }
  await world.backup();
  const place = await VaultPlace.make(world, ENCRYPTED), fetched: Fetched[] = [];
  await copyInto(world, place);
  await using vault = await place.open(new TestMonitor(), undefined, { through: watched(fetched) });
  await vault.catalog();
  fetched.length = 0;
  const { target } = await restored(vault, world), once = fetched.filter(isData(vault)).length;
  strictEqual(differences(world.source, target), "");
  ok(once <= 3, `${once} requests`);
  fetched.length = 0;
  for (const i of [3, 7]) Deno.writeTextFileSync(`${target}/${i}/twin`, "other");
  const snapshot = (await vault.snapshots()).at(-1)!, again = new TestMonitor();
  await restore(vault, { ...world.restoreRequest(snapshot, target), overwrite: "if-changed" }, again);
  strictEqual(differences(world.source, target), "");
  deepStrictEqual([again.of("restoredFiles"), fetched.filter(isData(vault)).length], [2, 1]);
});

Deno.test("a list that leads to other bytes is passed over for one that doesn't, and what has none is named", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world);
  await using vault = await place.open();
  const { contents } = vault, lists = contents.lists.bind(contents);
  let isOnlyWrong = false;
  contents.lists = async function* (id) {
    for await (const list of lists(id)) {
      const parts = (await Array.fromAsync(list.parts())).flat();
      const swapped = [parts[1]!, parts[0]!, ...parts.slice(2)];
      yield {
        ...list,
        parts: async function* () {
          yield await Promise.resolve(swapped);
        },
      };
      if (!isOnlyWrong) yield list;
    }
    return undefined;
  };
  const { target, monitor } = await restored(vault, world);
  deepStrictEqual(monitor.problems, []);
  strictEqual(differences(world.source, target), "");
  isOnlyWrong = true;
  const wrong = await restored(vault, world);
  deepStrictEqual(wrong.monitor.problems.map((fault) => fault instanceof Fault && fault.code), [
    "damaged-content",
    "damaged-content",
    "damaged-content",
  ]);
  ok(wrong.monitor.problems.every(({ message }) => /its parts together don't match its checksum$/.test(message)));
  const missing = differences(world.source, wrong.target).split("\n").filter((line) => line.startsWith(">f"));
  deepStrictEqual(missing.map((line) => line.split(" ")[1]).sort(), ["large-0", "large-1", "large-2"]);
  deepStrictEqual([...Deno.readDirSync(wrong.target)].map(({ name }) => name).sort(), [
    "dir-0",
    "dir-1",
    "dir-2",
    "sparse",
  ]);
});

Deno.test("whatever request fails, nothing wrong or half done is left, and the same restore goes on afterwards", async () => {
  using world = new World({ inMemory: true });
  for (const [path, size] of [["dir/a", 20_000], ["large", 150_000], ["b", 1000]] as const) {
    world.write(path, noise(size, size));
  }
  await world.backup();
  const place = await VaultPlace.make(world, ENCRYPTED), target = `${world.base}/target`;
  await copyInto(world, place);
  for (const failure of ["before", "after", "flip"] as const satisfies Failure[]) {
    for (let number = 0, isPast = false; !isPast; number++) {
      isPast = true;
      const spoilt = (inner: Backend) =>
        faulty(inner, (request) => {
          if (request.number !== number) return undefined;
          isPast = false;
          return request.verb === "get" || failure !== "flip" ? failure : undefined;
        });
      run("rm", "-rf", target);
      Deno.mkdirSync(target);
      const monitor = new TestMonitor();
      const attempt = async () => {
        await using vault = await place.open(monitor, undefined, { through: spoilt });
        const [snapshot] = await vault.snapshots();
        if (snapshot !== undefined) await restore(vault, world.restoreRequest(snapshot, target), monitor);
      };
      try {
        await attempt();
      } catch (error) {
        ok(error instanceof Fault, String(error));
        monitor.problem(error);
      }
      assertNothingWrong(world.source, target);
      if (monitor.problems.length === 0) strictEqual(differences(world.source, target), "");
      else {
        await using vault = await place.open();
        const snapshot = (await vault.snapshots()).at(-1)!, again = new TestMonitor();
        const isWhole = [...Deno.readDirSync(target)].some(({ name }) => name.startsWith(".backup-tool-restoring"));
        const overwrite = isWhole ? {} : { overwrite: "if-changed" } as const;
        await restore(vault, { ...world.restoreRequest(snapshot, target), ...overwrite }, again);
        deepStrictEqual(again.problems, []);
        strictEqual(differences(world.source, target), "", `${failure} ${number}`);
      }
    }
  }
});

/** Every file that is there has the right bytes. */
function assertNothingWrong(source: string, target: string): void {
  for (const path of run("find", target, "-type", "f", "-printf", "%P\n").trim().split("\n")) {
    if (path === "" || path.startsWith(".backup-tool-restoring")) continue;
    deepStrictEqual(Deno.readFileSync(`${target}/${path}`), Deno.readFileSync(`${source}/${path}`), path);
  }
}

Deno.test("a restore that is interrupted takes away what it has begun", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world);
  for (const stopAt of [1, 2, 3]) {
    const stop = new AbortController();
    let requests = 0;
    const stopping = (inner: Backend) =>
      around(inner, {
        get(key, options) {
          if (key.startsWith("data/") && options?.range !== undefined && ++requests === stopAt) stop.abort();
          return inner.get(key, options);
        },
      });
    await using vault = await place.open(new TestMonitor(), undefined, { through: stopping });
    await vault.catalog();
    requests = 0;
    const target = Deno.makeTempDirSync({ dir: world.base }), snapshot = (await vault.snapshots()).at(-1)!;
    const request = { ...world.restoreRequest(snapshot, target), signal: stop.signal };
    await rejects(restore(vault, request, new TestMonitor()), { code: "interrupted" });
    assertNothingWrong(world.source, target);
    await restore(vault, world.restoreRequest(snapshot, target), new TestMonitor());
    strictEqual(differences(world.source, target), "");
  }
});
