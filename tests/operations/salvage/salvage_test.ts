/** Salvage of real vaults: into a directory, and into a storage that is one again; of whole heaps, and of half of one. */
import fc from "fast-check";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { check } from "../../../src/operations/check/check.ts";
import { copy } from "../../../src/operations/copy/copy.ts";
import { paperOf } from "../../../src/operations/keys/keys.ts";
import { restore } from "../../../src/operations/restore/restore.ts";
import { salvageHeap, type SalvageResult } from "../../../src/operations/salvage/salvage.ts";
import type { SalvageRequest } from "../../../src/operations/salvage/salvage_request.ts";
import { encodeHunk } from "../../../src/snapshot/hunk.ts";
import type { Manifest } from "../../../src/snapshot/manifest.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { hunkName } from "../../../src/vault/pack/tar_names.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import { fileItem, makeUnit, noise, sha256 } from "../../support/units.ts";
import { KINDS, VaultPlace } from "../../support/vault_place.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";

const signal = new AbortController().signal;
const [, , ENCRYPTED, PLAIN] = KINDS;
const PASSPHRASE = "four random words";
/** Small, so that there are many. */
const UNIT_BYTES = 60_000;

function sizeOf(i: number): number {
  return 15_000 + 300 * i;
}

class Heap implements Disposable {
  readonly world = new World({ inMemory: true });
  readonly kind: typeof KINDS[number];
  place!: VaultPlace;

  private constructor(kind: typeof KINDS[number]) {
    this.kind = kind;
  }

  /** Three snapshots of two series, with large files, equal ones, and one that has come back. */
  static async make(kind: typeof KINDS[number] = ENCRYPTED): Promise<Heap> {
    const heap = new Heap(kind), { world } = heap;
    for (let i = 0; i < 100; i++) world.write(`dir ${i % 7}/${i}.bin`, noise(sizeOf(i), i, i % 3 === 0 ? 256 : 20));
    const large = noise(400_000, 77);
    large.copyWithin(250_000, 10_000, 140_000); // parts that occur twice
    world.write("large/big.img", large);
    world.write("large/other.img", noise(200_000, 5));
    world.write("twin of 3", noise(sizeOf(3), 3, 256));
    world.write("empty", "");
    await world.backup();
    world.write("dir 1/1.bin", "changed");
    const changed = large.slice();
    changed.fill(7, 100_000, 100_010);
    world.write("large/big.img", changed);
    await world.backup();
    await world.backup({ name: "other", sources: [rawOf(`${world.source}/dir 2`)] });
    heap.place = await VaultPlace.make(world, kind);
    using storage = world.open();
    await using vault = await heap.place.open(new TestMonitor(), UNIT_BYTES);
    await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
    return heap;
  }

  get path(): string {
    return this.place.path;
  }

  remove(...names: string[]): void {
    for (const name of names) Deno.removeSync(`${this.path}/${name}`, { recursive: true });
  }

  unitPath(unit: string): string {
    return `${this.path}/data/${unit.slice(0, 2)}/${unit}`;
  }

  async salvage(
    changes: Partial<SalvageRequest> = {},
  ): Promise<SalvageResult & { target: string; monitor: TestMonitor }> {
    const target = `${Deno.makeTempDirSync({ dir: this.world.base })}/out`, monitor = new TestMonitor();
    const result = await salvageHeap(this.world.machine, {
      heap: [rawOf(this.path)],
      target: rawOf(target),
      secret: this.kind.encrypted ? { kind: "passphrase", passphrase: PASSPHRASE } : { kind: "unencrypted" },
      asStorage: false,
      host: "testhost",
      user: "tester",
      workers: 0,
      signal,
      ...changes,
    }, monitor);
    return { ...result, target, monitor };
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}

function* filesBelow(path: string, prefix = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    if (isDirectory) yield* filesBelow(`${path}/${name}`, `${prefix}${name}/`);
    else yield `${prefix}${name}`;
  }
}

/** Contents of all snapshots, with their sizes. */
async function contentsOf(vault: Vault): Promise<Map<string, number>> {
  const contents = new Map<string, number>();
  for (const { id } of await vault.snapshots()) {
    for (const { content, size } of (await vault.manifest(id)).entries()) if (content) contents.set(content, size);
  }
  return contents;
}

async function digestsBelow(path: string): Promise<Set<string>> {
  const digests = new Set<string>();
  for (const name of filesBelow(path)) {
    const digest = await crypto.subtle.digest("SHA-256", Deno.readFileSync(`${path}/${name}`));
    digests.add(new Uint8Array(digest).toHex());
  }
  return digests;
}

for (const kind of [ENCRYPTED, PLAIN]) {
  Deno.test(`a whole vault becomes a storage again: same roots, same files (${JSON.stringify(kind)})`, async () => {
    using heap = await Heap.make(kind);
    const { world } = heap;
    heap.remove("config", "index");
    const { storage, target, units, damaged, monitor } = await heap.salvage({ asStorage: true });
    deepStrictEqual([damaged, monitor.problems], [[], []]);
    ok(units.filter(({ condition }) => condition === "whole").length > 5);
    strictEqual(units.filter(({ condition }) => condition === "damaged").length, 0);
    using original = world.open();
    deepStrictEqual([storage!.otherFiles, storage!.otherSnapshot, storage!.isWhole], [0, undefined, true]);
    for (const { id, found, isCopy, missingFiles, missingEntries } of storage!.snapshots) {
      deepStrictEqual([id, isCopy, missingFiles, missingEntries], [found, false, 0, 0]);
    }
    using salvaged = openStorage(world.machine, rawOf(target), new TestMonitor());
    deepStrictEqual(salvaged.rootIds().sort(), original.rootIds().sort());
    deepStrictEqual(salvaged.snapshots().map(({ id }) => id), original.snapshots().map(({ id }) => id));
    for (const snapshot of salvaged.snapshots()) {
      const { target: expected } = await world.restore(snapshot.id);
      const into = Deno.makeTempDirSync({ dir: world.base });
      await restore(salvaged, world.restoreRequest(snapshot, into), new TestMonitor());
      strictEqual(differences(expected, into), "");
    }
    deepStrictEqual([...Deno.readDirSync(target.replace(/\/out$/, ""))].map(({ name }) => name), ["out"]);
  });
}

Deno.test("a passphrase is of no use without the key that it opens", async () => {
  using heap = await Heap.make();
  heap.remove("keys");
  await rejects(heap.salvage(), { code: "wrong-passphrase" });
});

Deno.test("nothing but units and the printed key: every content of every snapshot comes back", async () => {
  using heap = await Heap.make();
  const { world, place } = heap;
  let paper = "", expected = new Map<string, number>();
  {
    await using vault = await place.open();
    expected = await contentsOf(vault);
    paper = await paperOf({ backend: vault.objects.backend, access: vault.objects.access, machine: world.machine });
  }
  heap.remove("config", "index", "snapshots", "keys", "README.txt");
  const secret = { kind: "key-file", text: paper } as const;
  const { storage, target } = await heap.salvage({ secret, asStorage: true });
  strictEqual(storage!.snapshots.length, 3);
  ok(storage!.snapshots.every(({ isCopy, missingFiles }) => isCopy && missingFiles === 0));
  using salvaged = openStorage(world.machine, rawOf(target), new TestMonitor());
  using index = salvaged.contentIndex();
  for (const [id, size] of expected) strictEqual(index.sizeOf(id as Parameters<typeof index.sizeOf>[0]), size);
  // And as files: each content once at least, large ones in one piece.
  const files = await heap.salvage({ secret });
  deepStrictEqual([files.damaged, files.leftInParts, files.believedFiles], [[], [], 0]);
  const found = await digestsBelow(files.target);
  for (const id of expected.keys()) ok(found.has(id), id);
  ok(![...filesBelow(files.target)].some((name) => name.includes(".parts/")));
});

/** Contents of which all items are in these units, by the index of the whole vault. */
async function wholeIn(vault: Vault, units: ReadonlySet<string>): Promise<Set<string>> {
  const whole = new Set<string>();
  for (const id of (await contentsOf(vault)).keys()) {
    const homes = await vault.contents.reliableHomes(id as Parameters<Vault["contents"]["reliableHomes"]>[0]);
    const data = homes!.filter(({ unit }) => unit.unitClass === "data");
    if (data.every(({ unit }) => units.has(unit.unit))) whole.add(id);
  }
  return whole;
}

for (const half of [0, 1]) {
  Deno.test(`half of the data units give every file that is whole in them (${half})`, async () => {
    using heap = await Heap.make();
    const { world, place } = heap, kept = new Set<string>();
    let whole = new Set<string>(), all = new Map<string, number>();
    const lost: string[] = [];
    {
      await using vault = await place.open();
      all = await contentsOf(vault);
      const data = [...vault.index.unitNames()].filter((name) => vault.index.unit(name)?.unitClass === "data")
        .sort((a, b) => [...vault.index.itemsOf(b)].length - [...vault.index.itemsOf(a)].length);
      data.forEach((name, i) => i % 2 === half ? kept.add(name) : lost.push(name));
      whole = await wholeIn(vault, kept);
    }
    ok(kept.size > 1 && whole.size > 10 && whole.size < all.size, `${kept.size} units, ${whole.size} contents`);
    for (const unit of lost) Deno.removeSync(heap.unitPath(unit));
    heap.remove("config", "index");
    const files = await heap.salvage(), found = await digestsBelow(files.target);
    for (const id of whole) ok(found.has(id), id);
    // As a storage: the same, by its names in every snapshot, and what is missing is told.
    const { storage, target } = await heap.salvage({ asStorage: true });
    using salvaged = openStorage(world.machine, rawOf(target), new TestMonitor());
    using index = salvaged.contentIndex();
    for (const { id, missingFiles, missingEntries } of storage!.snapshots) {
      const entries = [...(salvaged.manifest(id) as Manifest).entries()],
        contents = entries.flatMap((e) => e.content ?? []);
      const missing = contents.filter((content) => !index.has(content));
      deepStrictEqual([missing.length, missingEntries], [missingFiles, 0]);
      for (const content of contents) ok(index.has(content) || !whole.has(content), content);
    }
    const into = Deno.makeTempDirSync({ dir: world.base }), monitor = new TestMonitor();
    await restore(salvaged, world.restoreRequest(salvaged.snapshots()[0]!, into), monitor);
    ok(monitor.of("restoredFiles") > 10 && monitor.problems.length > 0);
  });
}

Deno.test("where lists of files are lost, what is left becomes a partial snapshot, and the rest one of its own", async () => {
  using heap = await Heap.make();
  const { world, place } = heap;
  {
    await using vault = await place.open();
    // All meta units but the root objects are lost.
    for (const name of vault.index.unitNames()) {
      if (vault.index.unit(name)?.unitClass === "meta") Deno.removeSync(heap.unitPath(name));
    }
  }
  const { storage, target } = await heap.salvage({ asStorage: true });
  deepStrictEqual([storage!.snapshots.length, storage!.emptyRoots.length, storage!.isWhole], [0, 3, true]);
  ok(storage!.otherFiles > 80);
  using salvaged = openStorage(world.machine, rawOf(target), new TestMonitor());
  const [only] = salvaged.snapshots();
  deepStrictEqual([only!.id, only!.name], [storage!.otherSnapshot, "salvaged"]);
  const paths = [...salvaged.manifest(only!.id).entries()].map(({ path }) => path as string);
  // A hunk that no root names: here those of all roots are lost, so there is none.
  ok(!paths.some((path) => path.includes(".backup-tool")));
  ok(paths.some((path) => path.endsWith("/large/big.img")) && paths.some((path) => path.endsWith("/dir 1/1.bin")));
});

Deno.test("lists of files without a root are kept for whoever can read them", async () => {
  using world = new World({ inMemory: true });
  const hunk = encodeHunk([`{"path":"/","kind":"dir"}`]), id = `${sha256(hunk)}f1`;
  const item = fileItem("", hunk, { id, name: hunkName(id) }),
    heap = `${world.base}/heap`,
    target = `${world.base}/out`;
  Deno.mkdirSync(heap);
  Deno.writeFileSync(`${heap}/unit`, (await makeUnit([item], { plain: true, unitClass: "meta" })).bytes);
  const monitor = new TestMonitor(), common = { host: "h", user: "u", workers: 0, signal, asStorage: true };
  const { storage } = await salvageHeap(world.machine, {
    ...common,
    heap: [rawOf(heap)],
    target: rawOf(target),
    secret: { kind: "unencrypted" },
  }, monitor);
  deepStrictEqual([storage!.snapshots.length, monitor.problems, monitor.notices], [0, [], []]);
  using salvaged = openStorage(world.machine, rawOf(target), new TestMonitor());
  const paths = [...salvaged.manifest(storage!.otherSnapshot!).entries()].map(({ path }) => path as string);
  ok(paths.includes(`/backup-tool/hunks/${id}.gz`), paths.join());
});

Deno.test("whatever happens to a heap, what becomes of it as a storage is what the report says, and nothing is wrong", async () => {
  using heap = await Heap.make(PLAIN);
  const { world } = heap, find = run("find", `${heap.path}/data`, "-type", "f").trim().split("\n").sort();
  const damage = fc.record({
    kind: fc.constantFrom("flip", "cut", "zero", "remove"),
    unit: fc.nat(find.length - 1),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 6 }), async (damages) => {
      const copy = Deno.makeTempDirSync({ dir: world.base });
      run("cp", "-r", "--no-preserve=mode", `${heap.path}/data`, `${heap.path}/snapshots`, copy);
      for (const { kind, unit, at: share } of damages) {
        const path = find[unit]!.replace(heap.path, copy);
        const bytes = kind === "remove" ? undefined : unlessGone(() => Deno.readFileSync(path));
        if (kind === "remove") unlessGone(() => Deno.removeSync(path));
        if (bytes === undefined) continue;
        const at = Math.floor(share * bytes.length);
        if (kind === "flip" && at < bytes.length) bytes[at]! ^= 1;
        if (kind === "zero") bytes.fill(0, at, at + 5000);
        Deno.writeFileSync(path, kind === "cut" ? bytes.slice(0, at) : bytes);
      }
      const { storage, target } = await heap.salvage({ asStorage: true, heap: [rawOf(copy)] });
      ok(storage!.isWhole);
      using salvaged = openStorage(world.machine, rawOf(target), new TestMonitor());
      using index = salvaged.contentIndex();
      for (const { id, missingFiles } of storage!.snapshots) {
        const contents = [...salvaged.manifest(id).entries()].flatMap(({ content }) => content ?? []);
        strictEqual(contents.filter((content) => !index.has(content)).length, missingFiles);
      }
      const wrong: string[] = [], request = { readData: true, onlyLooks: true, workers: 0, signal };
      await check(salvaged, request, ({ what }) => wrong.push(what), new TestMonitor());
      deepStrictEqual(wrong.filter((what) => !what.includes("it is missing")), []);
      for (const path of [copy, target.slice(0, -"/out".length)]) Deno.removeSync(path, { recursive: true });
    }),
    { numRuns: Deno.env.get("SLOW") === undefined ? 4 : 100 },
  );
});

function unlessGone<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

Deno.test("a salvage into a storage that was stopped is gone on with", async () => {
  using heap = await Heap.make();
  const stop = new AbortController(), target = rawOf(`${heap.world.base}/again`);
  const machine = heap.world.machine;
  const request: SalvageRequest = {
    heap: [rawOf(heap.path)],
    target,
    secret: { kind: "passphrase", passphrase: PASSPHRASE },
    asStorage: true,
    host: "testhost",
    user: "tester",
    workers: 0,
    signal: stop.signal,
  };
  const monitor = new TestMonitor(), seen: string[] = [];
  // Stopped when contents are on their way into the storage.
  monitor.current = (...what: string[]) => {
    seen.push(...what);
    if (what[0]?.startsWith("/dir")) stop.abort();
  };
  await rejects(salvageHeap(machine, request, monitor), { code: "interrupted" });
  ok(seen.some((what) => what.startsWith("/dir")));
  const { storage } = await heap.salvage({ asStorage: true, target });
  deepStrictEqual([storage!.snapshots.length, storage!.otherFiles, storage!.isWhole], [3, 0, true]);
  deepStrictEqual([...Deno.readDirSync(heap.world.base)].filter(({ name }) => name.startsWith("again")).length, 1);
});

Deno.test("a storage is only made where there is none", async () => {
  using heap = await Heap.make();
  await rejects(
    heap.salvage({ asStorage: true, target: rawOf(heap.world.storagePath) }),
    { code: "storage-exists" },
  );
  await rejects(heap.salvage({ heap: [rawOf(`${heap.path}/nothing`)] }), { code: "disk" });
});
