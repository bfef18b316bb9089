/** Salvage: from whatever is left of a heap of units, all that is whole, under its name, and never wrong bytes for right ones. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Interrupted } from "../../src/core/fault.ts";
import { rawOf } from "../../src/core/raw.ts";
import { encodeIndex } from "../../src/vault/index/index_object.ts";
import { makeObject } from "../../src/vault/index/small_object.ts";
import { Chunker } from "../../src/vault/pack/chunker.ts";
import { ListBuilder } from "../../src/vault/pack/parts_list.ts";
import { listName, partName, storedListName } from "../../src/vault/pack/tar_names.ts";
import type { NewItem } from "../../src/vault/pack/unit_writer.ts";
import { heapAt } from "../../src/vault/salvage/heap.ts";
import { salvage, type SalvageReport } from "../../src/vault/salvage/salvage.ts";
import { identitiesOf, publicGear } from "../../src/vault/seal/keys.ts";
import { sealKeyFile } from "../../src/vault/seal/passphrase.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { fileItem, makeUnit, noise, random, sha256, testKey, VAULT } from "../support/units.ts";

const disk = openDisk();

/** A heap and a target, in a directory that is removed. */
class Place implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly #originals = new Map<string, string>();

  constructor() {
    Deno.mkdirSync(`${this.path}/heap`);
    Deno.mkdirSync(`${this.path}/target`);
  }

  put(name: string, bytes: Uint8Array): void {
    Deno.writeFileSync(`${this.path}/heap/${name}`, bytes);
  }

  /** What is right under a name. */
  expect(name: string, bytes: Uint8Array): void {
    this.#originals.set(name, sha256(bytes));
  }

  async salvage(identities?: readonly string[], signal?: AbortSignal): Promise<SalvageReport> {
    using target = disk.openDir(rawOf(`${this.path}/target`));
    return await salvage(heapAt(disk, rawOf(`${this.path}/heap`)), {
      target,
      identities: identities ?? identitiesOf(await testKey()),
      ...(signal && { signal }),
    });
  }

  /** Names of everything in the target that is right. Fails if something is there that is wrong, and not marked as damaged. */
  right(): string[] {
    const found: string[] = [];
    for (const name of filesBelow(`${this.path}/target`)) {
      if (name.includes("~damaged") || name.includes(".parts/")) continue;
      const bytes = Deno.readFileSync(`${this.path}/target/${name}`);
      strictEqual(sha256(bytes), this.#originals.get(name.replace(/~\d$/, "")), `${name} is wrong`);
      found.push(name);
    }
    return found.sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function* filesBelow(path: string, prefix = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    if (isDirectory) yield* filesBelow(`${path}/${name}`, `${prefix}${name}/`);
    else yield `${prefix}${name}`;
  }
}

const FILES = 120;

/** Many small files, some incompressible, of 4 MB together. */
function manyFiles(place: Place, count = FILES): NewItem[] {
  return Array.from({ length: count }, (_, i) => {
    const isRaw = i % 3 === 0,
      bytes = noise(10_000 + i * 397, i, isRaw ? 256 : 25),
      name = `nas/photos/T/dir ${i % 7}/${i}.bin`;
    place.expect(name, bytes);
    return fileItem(name, bytes, { lane: isRaw ? "raw" : "compressed" });
  });
}

for (const plain of [false, true]) {
  const kind = plain ? "plain" : "sealed";

  Deno.test(`Salvage of whole units (${kind}) gives every file its name, bytes, mode and time`, async () => {
    using place = new Place();
    const items = manyFiles(place), identities = plain ? [] : undefined;
    for (const [i, part] of [items.slice(0, 70), items.slice(60)].entries()) {
      place.put(`unit${i}`, (await makeUnit(part, { plain })).bytes);
    }
    const report = await place.salvage(identities);
    deepStrictEqual(report.units.map(({ condition }) => condition), ["whole", "whole"]);
    deepStrictEqual([report.damaged, report.believedFiles], [[], 0]);
    strictEqual(place.right().length, FILES);
    const stat = Deno.statSync(`${place.path}/target/nas/photos/T/dir 0/0.bin`);
    deepStrictEqual([stat.mode! & 0o7777, stat.mtime!.getTime()], [0o640, 1763672711123]);
  });

  const damages: [
    what: string,
    damage: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
    atLeast: number,
  ][] = [
    ["cut at 60 %", (bytes) => bytes.slice(0, bytes.length * 0.6 | 0), 55],
    ["cut between two chunks", (bytes) => bytes.slice(0, 184 + 65_552 * 30), 55],
    ["with two flipped bytes", (bytes) => (bytes[700_001]! ^= 1, bytes[1_500_000]! ^= 16, bytes), 75],
    ["with 200 KB of zeros", (bytes) => bytes.fill(0, 1_000_000, 1_200_000), 80],
    ["with a flipped trailer", (bytes) => (bytes[bytes.length - 5]! ^= 1, bytes), 100],
    ["with its last 300 KB overwritten", (bytes) => bytes.fill(7, bytes.length - 300_000), 90],
  ];
  for (const [what, damage, atLeast] of damages) {
    Deno.test(`Salvage of a unit ${what} (${kind}) gives what is not hit, and says what is`, async () => {
      using place = new Place();
      const { bytes } = await makeUnit(manyFiles(place), { plain });
      place.put("unit", damage(bytes));
      const report = await place.salvage(), right = place.right();
      strictEqual(report.units[0]!.condition, "damaged");
      ok(right.length >= atLeast && right.length < FILES + (what.includes("trailer") ? 1 : 0), `${right.length} files`);
      strictEqual(right.length, report.files);
      for (const { name } of report.damaged) ok(name.includes("~damaged"));
    });
  }
}

Deno.test("A large file that was stored as it is lost only what was hit, and the report says which bytes", async () => {
  using place = new Place();
  const bytes = noise(3_000_000, 1),
    { bytes: unit } = await makeUnit([fileItem("a/photo.raw", bytes, { lane: "raw" })]);
  unit[1_000_000]! ^= 1;
  place.put("unit", unit);
  const { damaged: [file], files } = await place.salvage();
  deepStrictEqual([file!.name, files, file!.missing.length], ["a/photo.raw~damaged", 0, 1]);
  const [{ from, length }] = file!.missing as [{ from: number; length: number }];
  ok(length > 60_000 && length <= 65_536 && from < 1_000_000 && from + length > 990_000, `${from} ${length}`);
  const written = Deno.readFileSync(`${place.path}/target/a/photo.raw~damaged`);
  strictEqual(written.length, bytes.length);
  written.set(bytes.subarray(from, from + length), from);
  strictEqual(sha256(written), sha256(bytes));
});

/** A large file in parts over two units, with its list. */
async function largeFile(
  place: Place,
  levels: 1 | 2,
  { keeps = "copies", repeats = true }: { keeps?: "copies" | "stored lists" | "no lists"; repeats?: boolean } = {},
): Promise<void> {
  const bytes = noise(6_000_000, 9), name = rawOf("nas/vms/T/big.img"), lists = new ListBuilder(levels === 1 ? 100 : 4);
  if (repeats) bytes.copyWithin(4_000_000, 1_000_000, 2_500_000); // parts that occur twice
  const chunker = new Chunker(publicGear(), { min: 65_536, average: 131_072, max: 524_288 }),
    items = new Map<string, NewItem>();
  for (let at = 0; at < bytes.length;) {
    const end = at + (chunker.findCut(bytes.subarray(at)) ?? bytes.length - at), part = bytes.slice(at, end);
    const id = lists.add(part);
    if (!items.has(id)) {
      items.set(
        id,
        fileItem("", part, { name: partName(name, at, id), lane: "raw", part: { of: sha256(bytes), from: at } }),
      );
    }
    at = end;
  }
  const { top, inner, content } = lists.finish();
  ok(levels === 1 || inner.length > 1);
  const copies = inner.map((list, i) => fileItem("", list.bytes, { id: list.digest, name: listName(name, i) }));
  copies.push(fileItem("", top.bytes, { id: `${content}f2`, digest: top.digest, name: listName(name) }));
  const all = [...items.values()], half = all.length >> 1;
  place.expect("nas/vms/T/big.img", bytes);
  place.put("unit1", (await makeUnit(all.slice(0, half))).bytes);
  place.put("unit2", (await makeUnit(all.slice(half), keeps === "copies" ? { copies } : {})).bytes);
  if (keeps !== "stored lists") return;
  const stored = inner.map((list) => fileItem("", list.bytes, { id: list.digest, name: storedListName(list.digest) }));
  const id = `${content}f2`;
  stored.push(fileItem("", top.bytes, { id, digest: top.digest, name: storedListName(id) }));
  place.put("unit3", (await makeUnit(stored, { unitClass: "meta" })).bytes);
}

for (const levels of [1, 2] as const) {
  Deno.test(`A large file is put together from parts in several units (lists of ${levels} level), and its parts removed`, async () => {
    using place = new Place();
    await largeFile(place, levels);
    const report = await place.salvage();
    deepStrictEqual([report.joined, report.leftInParts, report.files], [["nas/vms/T/big.img"], [], 1]);
    strictEqual(report.bytes, Deno.statSync(`${place.path}/target/nas/vms/T/big.img`).size);
    deepStrictEqual(place.right(), ["nas/vms/T/big.img"]);
    deepStrictEqual([...filesBelow(`${place.path}/target`)], ["nas/vms/T/big.img"]);
  });
}

for (const levels of [1, 2] as const) {
  Deno.test(`Where the copies of its lists are lost, those of meta units put a large file together (${levels} level)`, async () => {
    using place = new Place();
    await largeFile(place, levels, { keeps: "stored lists" });
    const report = await place.salvage();
    deepStrictEqual([report.joined, report.leftInParts, report.files], [["nas/vms/T/big.img"], [], 1]);
    ok([...filesBelow(`${place.path}/target`)].every((name) => !name.includes(".parts/")));
  });
}

Deno.test("Without any list a large file is whole if its parts follow each other, and make what they are parts of", async () => {
  for (const repeats of [false, true]) {
    using place = new Place();
    await largeFile(place, 1, { keeps: "no lists", repeats });
    const { joined, leftInParts, believedFiles } = await place.salvage(), file = "nas/vms/T/big.img";
    deepStrictEqual([joined, leftInParts, believedFiles], repeats ? [[], [file], 0] : [[file], [], 0]);
    if (!repeats) deepStrictEqual(place.right(), [file]);
  }
});

Deno.test("A large file of which a unit is lost stays in parts", async () => {
  using place = new Place();
  await largeFile(place, 1);
  Deno.removeSync(`${place.path}/heap/unit1`);
  const report = await place.salvage();
  deepStrictEqual([report.joined, report.leftInParts, report.files], [[], ["nas/vms/T/big.img"], 0]);
  ok([...filesBelow(`${place.path}/target`)].filter((name) => name.includes(".parts/")).length > 5);
});

Deno.test("A heap may hold anything: it is told apart, and stops nothing", async () => {
  using place = new Place();
  const key = await testKey(), items = manyFiles(place, 5);
  const index = encodeIndex({
    kind: "ledger",
    vault: VAULT,
    host: "nas",
    written: "2026-11-20T22:06:02Z",
    supersedes: [],
    marks: [],
  }, key.auth);
  place.put("a-unit", (await makeUnit(items)).bytes);
  place.put("b-index", (await makeObject(index, key.metaRecipient, random)).bytes);
  place.put("c-key", await sealKeyFile("x", "secret", 8));
  place.put("d-config", new TextEncoder().encode("{}"));
  place.put("e-empty", new Uint8Array(0));
  place.put("f-noise", noise(100_000, 1));
  place.put("g-cut-head", (await makeUnit(items)).bytes.slice(0, 150));
  Deno.mkdirSync(`${place.path}/heap/sub/dir`, { recursive: true });
  Deno.symlinkSync("/etc/passwd", `${place.path}/heap/sub/link`);
  place.put("sub/dir/unit", (await makeUnit(items.slice(0, 2))).bytes);
  const { units } = await place.salvage();
  deepStrictEqual(units.map(({ path, condition }) => `${path.split("/heap/")[1]} ${condition}`), [
    "a-unit whole",
    "b-index other",
    "c-key other",
    "d-config other",
    "e-empty other",
    "f-noise other",
    "g-cut-head unreadable",
    "sub/dir/unit whole",
  ]);
  strictEqual(place.right().length, 5);
});

Deno.test("Without the right key nothing is read, and that is said", async () => {
  using place = new Place();
  place.put("unit", (await makeUnit(manyFiles(place, 3))).bytes);
  const { units: [unit], files } = await place.salvage([(await testKey()).metaIdentity]);
  deepStrictEqual([unit!.condition, files], ["unreadable", 0]);
  ok(unit!.reason!.includes("no available key"), unit!.reason);
});

Deno.test("Same name and other bytes: both are there; same bytes: once; a file where a directory is needed stays", async () => {
  using place = new Place();
  const put = async (unit: string, name: string, seed: number) =>
    place.put(unit, (await makeUnit([fileItem(name, noise(100, seed))])).bytes);
  await put("unit1", "a/b", 1);
  await put("unit2", "a/b", 2);
  await put("unit3", "a/b", 1);
  await put("unit4", "a/b/c", 3);
  await put("unit5", "../../evil", 4);
  await put("unit6", "/etc/evil", 5);
  await place.salvage();
  deepStrictEqual([...filesBelow(`${place.path}/target`)].sort(), ["a/b", "a/b~2", "a/b~3/c"]);
  // Once more: nothing is replaced, and nothing written twice.
  await place.salvage();
  deepStrictEqual([...filesBelow(`${place.path}/target`)].sort(), ["a/b", "a/b~2", "a/b~3/c"]);
});

Deno.test("What is damaged in one unit, and whole in another, is whole", async () => {
  for (const first of [true, false]) {
    using place = new Place();
    const bytes = noise(300_000, 1), item = fileItem("a/photo.raw", bytes, { lane: "raw" });
    place.expect("a/photo.raw", bytes);
    const [whole, hit] = [(await makeUnit([item])).bytes, (await makeUnit([item])).bytes];
    hit[100_000]! ^= 1;
    place.put("unit1", first ? hit : whole);
    place.put("unit2", first ? whole : hit);
    const { damaged, files } = await place.salvage();
    deepStrictEqual([damaged, files, place.right()], [[], 1, ["a/photo.raw"]]);
    deepStrictEqual([...filesBelow(`${place.path}/target`)], ["a/photo.raw"]);
  }
});

Deno.test("Somebody's tar and zstd files inside a damaged unit are not taken for entries", async () => {
  using place = new Place();
  const { bytes: inner } = await makeUnit([fileItem("inner/secret", noise(5000, 3))], { plain: true });
  const items = [fileItem("a/archive.tar.zst", inner, { lane: "raw" }), ...manyFiles(place, 20)];
  const { bytes } = await makeUnit(items);
  place.expect("a/archive.tar.zst", inner);
  bytes[200_000]! ^= 1;
  place.put("unit", bytes);
  await place.salvage();
  ok(place.right().every((name) => name !== "inner/secret"));
});

Deno.test("A salvage is stopped between two units", async () => {
  using place = new Place();
  place.put("unit", (await makeUnit(manyFiles(place, 3))).bytes);
  await rejects(place.salvage(undefined, AbortSignal.abort()), Interrupted);
});

Deno.test("Whatever is done to a heap, no wrong bytes get a right name, and what is said is what lies there", async () => {
  const damage = fc.record({
    kind: fc.constantFrom("flip", "zero", "cut", "shift", "twice"),
    unit: fc.nat(1),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 5 }), fc.boolean(), async (damages, plain) => {
      using place = new Place();
      const items = manyFiles(place, 40), units = [items.slice(0, 20), items.slice(20)];
      const heap = await Promise.all(units.map(async (items) => (await makeUnit(items, { plain })).bytes));
      for (const { kind, unit, at: share } of damages) {
        const bytes = heap[unit]!, at = Math.floor(share * bytes.length);
        if (kind === "flip" && at < bytes.length) bytes[at]! ^= 1;
        if (kind === "zero") bytes.fill(0, at, at + 3000);
        if (kind === "cut") heap[unit] = bytes.slice(0, at);
        if (kind === "shift") bytes.copyWithin(at + 1, at);
        if (kind === "twice") heap.push(bytes.slice(at));
      }
      for (const [i, bytes] of heap.entries()) place.put(`unit${i}`, bytes);
      const report = await place.salvage(plain ? [] : undefined);
      strictEqual(report.units.length, heap.length);
      // Raw frames have no checksum: without unit.json nobody can tell, and the report says so.
      if (report.believedFiles === 0) place.right();
      else ok(plain || place.right().length > 0);
      const damaged = [...filesBelow(`${place.path}/target`)].filter((name) => name.includes("~damaged"));
      ok(damaged.length <= report.damaged.length);
    }),
    { numRuns: 25 },
  );
});

Deno.test("A target inside the heap is not read, and a name that can't be written stops nothing", async () => {
  using place = new Place();
  const long = fileItem(`a/${"x".repeat(300)}`, noise(50, 1));
  place.put("unit", (await makeUnit([long, ...manyFiles(place, 3)])).bytes);
  Deno.mkdirSync(`${place.path}/heap/target`);
  using target = disk.openDir(rawOf(`${place.path}/heap/target`));
  const identities = identitiesOf(await testKey());
  const report = await salvage(heapAt(disk, rawOf(`${place.path}/heap`), target), { target, identities });
  deepStrictEqual(report.units.map(({ condition }) => condition), ["whole"]);
  deepStrictEqual([report.files, report.unwritten.map(({ fault }) => fault.errno)], [3, ["ENAMETOOLONG"]]);
});

Deno.test("A damaged file with a name of 255 bytes is written under a shorter one", async () => {
  using place = new Place();
  const { bytes } = await makeUnit([fileItem(`a/${"y".repeat(255)}`, noise(300_000, 1), { lane: "raw" })]);
  bytes[150_000]! ^= 1;
  place.put("unit", bytes);
  const { damaged } = await place.salvage();
  deepStrictEqual(damaged.map(({ name }) => name), [`a/${"y".repeat(247)}~damaged`]);
});

Deno.test("A full target ends the salvage, with that fault", async () => {
  using place = new Place();
  place.put("unit", (await makeUnit(manyFiles(place, 5))).bytes);
  const full = hookedDisk(disk, ({ operation, path }, proceed) => {
    if (operation === "write" && path.endsWith("3.bin")) throw new DiskFault("ENOSPC", "write", rawOf(path));
    return proceed();
  });
  using target = full.openDir(rawOf(`${place.path}/target`));
  const identities = identitiesOf(await testKey());
  await rejects(salvage(heapAt(disk, rawOf(`${place.path}/heap`)), { target, identities }), DiskFault);
  ok([...filesBelow(`${place.path}/target`)].every((name) => !name.endsWith("3.bin")));
});
