/** Vaults are healed from storages, other vaults, the sources and themselves; storages from vaults. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type Backend, objectKey } from "../../../src/backend/backend.ts";
import { around } from "../../../src/backend/decorator.ts";
import { PlaceRefuses } from "../../../src/backend/faults.ts";
import { knownRootId, rootIdOf } from "../../../src/core/content_id.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { check, type Finding } from "../../../src/operations/check/check.ts";
import { copy } from "../../../src/operations/copy/copy.ts";
import { repair } from "../../../src/operations/repair/repair.ts";
import { repairVault, type VaultRepairRequest } from "../../../src/operations/repair/repair_vault.ts";
import type { Repaired } from "../../../src/operations/repair/repaired.ts";
import { restore } from "../../../src/operations/restore/restore.ts";
import { encodeRoot, parseRoot } from "../../../src/snapshot/root.ts";
import { encodeIndex, type IndexObject } from "../../../src/vault/index/index_object.ts";
import type { Secret } from "../../../src/vault/access.ts";
import { encodeKeyFile } from "../../../src/vault/seal/key_file.ts";
import { writeOnlyKey } from "../../../src/vault/seal/keys.ts";
import { Lease } from "../../../src/vault/prune/lease.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import { noise, sha256 } from "../../support/units.ts";
import { KINDS, VaultPlace } from "../../support/vault_place.ts";
import { differences, TestMonitor, World } from "../../support/world.ts";

const [ENCRYPTED, PLAIN] = KINDS;
const signal = new AbortController().signal;
const SINCE = "2026-11-20T22:05:11Z";

/** A storage and a vault with the same two snapshots; the files of the source are still there. */
class Pair implements Disposable {
  readonly world = new World({ inMemory: true });
  place!: VaultPlace;

  static async make(kind: typeof KINDS[number] = ENCRYPTED): Promise<Pair> {
    const pair = new Pair(), { world } = pair;
    for (let i = 0; i < 24; i++) world.write(`dir ${i % 3}/${i}`, noise(20_000 + 100 * i, i));
    world.write("large.img", noise(400_000, 77));
    world.write("empty", "");
    await world.backup();
    world.write("dir 1/1", "changed");
    await world.backup();
    pair.place = await VaultPlace.make(world, kind);
    await pair.copyTo(pair.place);
    return pair;
  }

  async copyTo(place: VaultPlace): Promise<void> {
    using storage = this.world.open();
    await using vault = await place.open(new TestMonitor(), 150_000);
    await copy(storage, vault, { workers: 0, signal, clock: this.world.clock }, new TestMonitor());
  }

  async repair(changes: Partial<VaultRepairRequest> = {}, options: Parameters<VaultPlace["open"]>[2] = {}) {
    const monitor = new TestMonitor(), told: Repaired[] = [];
    await using vault = await this.place.open(monitor, undefined, options);
    const request = { readData: true, from: [], dryRun: false, host: "elsewhere", workers: 0, signal, ...changes };
    const result = await repairVault(vault, request, (repaired) => told.push(repaired), monitor);
    return { result, told, monitor, of: (kind: Repaired["kind"]) => told.filter((each) => each.kind === kind) };
  }

  /** With the storage as a source. */
  async repairFromStorage(changes: Partial<VaultRepairRequest> = {}) {
    using storage = this.world.open();
    return await this.repair({ from: [storage], ...changes });
  }

  async assertSound(): Promise<void> {
    await using vault = await this.place.open();
    deepStrictEqual(await damages(vault), []);
    using storage = this.world.open();
    deepStrictEqual([...await vault.rootIds()].sort(), storage.rootIds().sort());
    const target = Deno.makeTempDirSync({ dir: this.world.base });
    await restore(vault, this.world.restoreRequest((await vault.snapshots()).at(-1)!, target), new TestMonitor());
    const { target: expected } = await this.world.restore("latest");
    strictEqual(differences(expected, target), "");
    // Whatever is needed is where a new snapshot may rely on it.
    for (const { id } of await vault.snapshots()) {
      const manifest = await vault.manifest(id);
      for (const { id: hunk } of manifest.root.hunks) ok(vault.index.reliableHome(hunk, "meta"), hunk);
      for (const { content } of manifest.entries()) {
        if (content) ok(await vault.contents.reliableHomes(content), content);
      }
    }
  }

  /** From here on, the vault is opened with the file of its key. */
  async openByKeyFile(): Promise<void> {
    await using vault = await this.place.open();
    const { key, config: { id } } = vault.objects.access;
    this.place = this.place.with({
      kind: "key-file",
      text: encodeKeyFile(key!, { vault: id, name: "test", created: SINCE }),
    });
  }

  /** A unit is given up, so that there is a ledger. */
  async giveUpOne(): Promise<void> {
    const [unit] = await this.units("data");
    this.remove("data", [unit!]);
    strictEqual((await this.repairFromStorage()).result.lost, 0);
  }

  async units(unitClass: "data" | "meta"): Promise<string[]> {
    await using vault = await this.place.open();
    return [...vault.index.unitNames()].filter((name) => vault.index.unit(name)?.unitClass === unitClass);
  }

  remove(kind: "data" | "index" | "snapshots", names?: readonly string[]): void {
    for (const key of [...this.place.objects.map.keys()]) {
      if (key.startsWith(`${kind}/`) && (names?.some((name) => key.endsWith(name)) ?? true)) {
        this.place.objects.map.delete(key);
      }
    }
  }

  change(unit: string, change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): void {
    const key = objectKey("data", unit);
    this.place.objects.map.set(key, change(this.place.objects.map.get(key)!.slice()));
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}

async function damages(vault: Vault): Promise<Finding[]> {
  const findings: Finding[] = [], request = { readData: true, onlyLooks: true, workers: 0, signal };
  await check(vault, request, (finding) => findings.push(finding), new TestMonitor());
  return findings.filter(({ severity }) => severity === "damage");
}

for (const kind of [ENCRYPTED, PLAIN]) {
  Deno.test(`lost units are named, and what was in them comes from the storage (${JSON.stringify(kind)})`, async () => {
    using pair = await Pair.make(kind);
    const [data, meta] = [await pair.units("data"), await pair.units("meta")], lost = [data[0]!, data[1]!, meta[0]!];
    pair.remove("data", lost);
    const { result, of, monitor } = await pair.repairFromStorage({ readData: false });
    deepStrictEqual([result.lost, monitor.problems], [0, []]);
    ok(result.healed > 2 && result.damaged === result.healed, JSON.stringify(result));
    deepStrictEqual(of("unit").map(({ id }) => id).sort(), lost.sort());
    ok(of("content").every(({ from }) => from === pair.world.storagePath));
    await pair.assertSound();
    deepStrictEqual((await pair.repairFromStorage()).told.filter(({ kind }) => kind !== "unit"), []);
  });
}

Deno.test("every unit gone: all of it comes from the storage again, under the same ids", async () => {
  using pair = await Pair.make();
  pair.remove("data");
  const { result } = await pair.repairFromStorage();
  strictEqual(result.lost, 0);
  await pair.assertSound();
});

Deno.test("a flipped byte costs what it hits; the rest of the unit is stored again from itself, and the unit given up", async () => {
  using pair = await Pair.make();
  const [unit] = await pair.units("data");
  pair.change(unit!, (bytes) => (bytes[bytes.length >> 1]! ^= 1, bytes));
  const second = await VaultPlace.make(pair.world, PLAIN, "second");
  await pair.copyTo(second);
  await using other = await second.open();
  const { result, of } = await pair.repair({ from: [other] });
  deepStrictEqual([result.lost, of("unit").map(({ id, affected }) => [id, affected])], [0, [[unit, []]]]);
  ok(of("content").length > 0 && of("content").every(({ from }) => from === other.location));
  await pair.assertSound();
  await using vault = await pair.place.open();
  strictEqual(vault.index.unit(unit!)?.state, "doomed");
});

Deno.test("what is lost comes from the source, if that has not changed", async () => {
  using pair = await Pair.make();
  const { world } = pair;
  pair.remove("data", (await pair.units("data")).slice(0, 1));
  const { result, of } = await pair.repair({ host: "testhost" });
  ok(of("content").some(({ from }) => from?.startsWith(`${world.source}/`)), JSON.stringify(result));
  // The first version of one file is nowhere else.
  const lost = of("content").filter(({ from }) => from === undefined);
  ok(lost.every(({ affected }) => affected.every(({ path }) => path === "/dir 1/1")), JSON.stringify(lost));
});

Deno.test("a directory with the files is as good as the source, wherever it is, and whatever else is in it", async () => {
  using pair = await Pair.make();
  const { world } = pair, moved = `${world.base}/moved`;
  Deno.renameSync(world.source, moved);
  Deno.writeTextFileSync(`${moved}/dir 0/0`, "another now");
  const lost = await pair.units("data");
  pair.remove("data", lost);
  const { of } = await pair.repair({ directories: [rawOf(moved)] });
  const gone = new Set(
    of("content").filter(({ from }) => from === undefined).flatMap((each) => each.affected.map(({ path }) => path)),
  );
  deepStrictEqual([...gone].sort(), ["/dir 0/0", "/dir 1/1"]);
  ok(of("content").some(({ from }) => from === `${moved}/large.img`));
});

Deno.test("what nothing has is named, with its paths, and the unit with the files that it cost", async () => {
  using pair = await Pair.make();
  const [unit, second] = await pair.units("data");
  pair.remove("data", [unit!]);
  const { result, of } = await pair.repair();
  strictEqual(result.healed, 0);
  ok(result.lost > 0 && result.lost === of("content").length);
  const paths = of("content").flatMap(({ affected }) => affected.map(({ path }) => path));
  const [told] = of("unit");
  deepStrictEqual([told?.id, told?.from], [unit, undefined]);
  deepStrictEqual(new Set(told!.affected.map(({ path }) => path)), new Set(paths));
  await using vault = await pair.place.open();
  strictEqual(vault.index.unit(second!)?.state, "live");
  // Later a copy turns up.
  const later = await pair.repairFromStorage();
  deepStrictEqual([later.result.lost, later.result.healed], [0, result.lost]);
  await pair.assertSound();
});

Deno.test("units that no index lists are listed from their tails", async () => {
  using pair = await Pair.make();
  pair.remove("index");
  const { result, monitor } = await pair.repair();
  deepStrictEqual([result.lost, result.damaged], [0, 0]);
  ok(
    monitor.notices.some((text) => /^\d+ units that no index knew of: listed now$/.test(text)),
    monitor.notices.join(),
  );
  await pair.assertSound();
});

Deno.test("what is needed of units that are gone is stored again, as far as their bytes are there", async () => {
  using pair = await Pair.make();
  {
    await using vault = await pair.place.open();
    const { objects, index, id } = vault, units = [...index.unitNames()];
    const marks = units.map((unit) => ({ unit, mark: "gone", since: SINCE }) as const);
    const ledger: IndexObject = { kind: "ledger", vault: id, host: "nas", written: SINCE, supersedes: [], marks };
    await objects.put("index", encodeIndex(ledger, objects.auth));
  }
  const { result, of } = await pair.repair();
  deepStrictEqual([result.lost, new Set(of("content").map(({ from }) => from)).size], [0, 1]);
  ok(of("content").length > 20 && of("hunk").length > 0);
  await pair.assertSound();
  await using vault = await pair.place.open();
  ok([...vault.index.marks()].filter(({ mark }) => mark === "gone").length > 3);
});

Deno.test("a snapshot that is gone comes back if it is asked for: by the copy of its root, or from elsewhere", async () => {
  using pair = await Pair.make();
  using storage = pair.world.open();
  const [first, second] = storage.snapshots();
  pair.remove("snapshots");
  strictEqual((await pair.repair()).told.length, 0);
  const { of } = await pair.repair({ snapshots: [first!.id] });
  deepStrictEqual(of("root").map(({ id, from }) => [id, from]), [[first!.id, "a copy in a unit"]]);
  const unknown = await pair.repair({
    snapshots: [knownRootId(second!.id.replace(/^./, (digit) => digit === "0" ? "1" : "0"))],
  });
  deepStrictEqual([unknown.result.lost, unknown.of("root")[0]?.from], [1, undefined]);
  pair.remove("data", await pair.units("meta"));
  strictEqual((await pair.repairFromStorage({ snapshots: [second!.id] })).result.lost, 0);
  await pair.assertSound();
});

Deno.test("a partial snapshot that lacks something goes, and is not told of as a loss", async () => {
  using pair = await Pair.make();
  {
    await using vault = await pair.place.open();
    const [first, second] = await vault.snapshots(), { root } = await vault.manifest(second!.id);
    const bytes = new TextEncoder().encode(encodeRoot({ ...root, complete: false })), id = rootIdOf(sha256(bytes));
    await vault.roots.put({ id, bytes, root: parseRoot(bytes) });
    await using writer = vault.write();
    await writer.forget([first!.id, second!.id]);
  }
  strictEqual((await pair.repair()).monitor.notices.length, 0);
  pair.remove("data", (await pair.units("data")).slice(0, 1));
  const { result, monitor } = await pair.repair();
  deepStrictEqual([result.lost, monitor.notices.length], [0, 1]);
  await using vault = await pair.place.open();
  deepStrictEqual(await vault.rootIds(), []);
});

Deno.test("whatever happens to units and index, a storage with the same snapshots heals it", async () => {
  const damage = fc.record({
    kind: fc.constantFrom("flip", "cut", "remove", "foreign", "index"),
    unit: fc.nat(20),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
      using pair = await Pair.make(PLAIN);
      const { map } = pair.place.objects;
      for (const { kind, unit, at } of damages) {
        const prefix = kind === "index" ? "index/" : "data/",
          keys = [...map.keys()].filter((key) => key.startsWith(prefix));
        const key = keys[unit % Math.max(1, keys.length)];
        if (key === undefined) continue;
        const bytes = map.get(key)!.slice(), position = Math.floor(at * bytes.length);
        if (kind === "flip" && position < bytes.length) bytes[position]! ^= 1;
        if (kind === "foreign") bytes.set(noise(bytes.length, unit));
        if (kind === "remove" || kind === "index") map.delete(key);
        else map.set(key, kind === "cut" ? bytes.slice(0, position) : bytes);
      }
      strictEqual((await pair.repairFromStorage()).result.lost, 0, JSON.stringify(damages));
      await pair.assertSound();
    }),
    { numRuns: Deno.env.get("SLOW") === undefined ? 3 : 200 },
  );
});

Deno.test("a damaged object of snapshots/ is told of, stops prunes, and goes if it is named; copied again, nothing is lost", async () => {
  using pair = await Pair.make();
  const { map } = pair.place.objects, key = [...map.keys()].find((key) => key.startsWith("snapshots/"))!;
  const name = key.slice("snapshots/".length);
  map.set(key, map.get(key)!.slice().fill(0, 200));
  const { result, of } = await pair.repairFromStorage();
  deepStrictEqual([result.lost, of("root").map(({ id }) => id)], [1, [key]]);
  const prune = async () => {
    await using vault = await pair.place.open();
    await using writer = vault.write();
    await writer.planRemoval({ workers: 0, signal }, new TestMonitor());
  };
  await rejects(prune(), { code: "unknown-references" });
  await pair.copyTo(pair.place);
  await rejects(pair.repair({ discard: [name.replace(/^./, (digit) => digit === "0" ? "1" : "0")] }), {
    code: "bad-usage",
  });
  strictEqual((await pair.repair({ discard: [name] })).result.lost, 0);
  await prune();
  await pair.assertSound();
});

const DAMAGES: readonly [what: string, change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>][] = [
  ["cut", (bytes) => bytes.slice(0, 100)],
  ["empty", () => new Uint8Array()],
  ["flipped", (bytes) => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1)],
];

/** All objects of a kind are damaged. @returns their keys */
function damageAll(pair: Pair, kind: string, change: typeof DAMAGES[number][1]): string[] {
  const { map } = pair.place.objects, keys = [...map.keys()].filter((key) => key.startsWith(`${kind}/`));
  for (const key of keys) map.set(key, change(map.get(key)!));
  return keys;
}

/** Someone reads the vault, and keeps a cache. */
async function know(pair: Pair, state: string): Promise<void> {
  await using vault = await pair.place.open(new TestMonitor(), undefined, { state });
  strictEqual((await vault.snapshots()).length, 2);
}

for (const [what, change] of DAMAGES) {
  Deno.test(`objects of snapshots/ that are ${what} are stored again from the cache of the machine that wrote them`, async () => {
    using pair = await Pair.make();
    const state = `${pair.world.base}/state`;
    await know(pair, state);
    const keys = damageAll(pair, "snapshots", change);
    const dry = await pair.repair({ dryRun: true }, { state });
    deepStrictEqual([dry.result.healed, dry.result.lost], [keys.length, 0]);
    const { result, of } = await pair.repair({}, { state });
    deepStrictEqual([result.healed, result.lost, of("root").length], [keys.length, 0, keys.length]);
    await pair.assertSound();
    strictEqual((await pair.repair()).result.damaged, 0);
  });

  for (const isKnown of [false, true]) {
    const where = isKnown ? "that the cache knows" : "that nobody knows";
    Deno.test(`objects of index/ that are ${what}, and ${where}, go once their units are listed again`, async () => {
      using pair = await Pair.make();
      const state = `${pair.world.base}/state`, options = isKnown ? { state } : {};
      await pair.giveUpOne();
      if (isKnown) await know(pair, state);
      const keys = damageAll(pair, "index", change);
      const { result } = await pair.repair({}, options);
      deepStrictEqual([result.healed, result.lost], [keys.length, 0]);
      for (const key of keys) strictEqual(pair.place.objects.map.has(key as never), false, key);
      await pair.assertSound();
      const { result: again, monitor } = await pair.repair();
      deepStrictEqual([again.damaged, monitor.problems], [0, []]);
    });
  }

  Deno.test(`objects of all kinds that are ${what} come from a copy of the vault, under their names`, async () => {
    using pair = await Pair.make();
    await pair.openByKeyFile();
    await using copy = await pair.place.copied().open();
    const before = new Map(pair.place.objects.map);
    for (const kind of ["keys", "index", "snapshots"]) damageAll(pair, kind, change);
    const { result, of } = await pair.repair({ from: [copy] });
    strictEqual(result.lost, 0);
    ok(of("object").some(({ id }) => id.startsWith("keys/")));
    for (const [key, bytes] of before) deepStrictEqual(pair.place.objects.map.get(key), bytes, key);
    await pair.assertSound();
  });

  Deno.test(`a key that is ${what} is named as lost by a repair`, async () => {
    using pair = await Pair.make();
    await pair.openByKeyFile();
    const [key] = damageAll(pair, "keys", change);
    const { result, of, monitor } = await pair.repair();
    deepStrictEqual([result.lost, of("object").map(({ id }) => id)], [1, [key]]);
    ok(monitor.notices.some((text) => text.includes("key add")));
  });
}

Deno.test("where nothing may be deleted, a damaged key is named as lost, and the rest of the repair is done", async () => {
  using pair = await Pair.make();
  await pair.openByKeyFile();
  await using copy = await pair.place.copied().open();
  const [key] = damageAll(pair, "keys", (bytes) => bytes.slice(1));
  const refusing = (inner: Backend) =>
    around(inner, {
      remove: (target) =>
        target.startsWith("locks/") ? inner.remove(target) : Promise.reject(new PlaceRefuses("remove", "no")),
    });
  const { result, of } = await pair.repair({ from: [copy] }, { through: refusing });
  deepStrictEqual([result.lost, of("object").map(({ id }) => id)], [1, [key]]);
  strictEqual(pair.place.objects.map.has(key as never), true);
});

Deno.test("a snapshot that somebody forgets while a repair looks at it stays forgotten", async () => {
  using pair = await Pair.make();
  const state = `${pair.world.base}/state`,
    [key] = [...pair.place.objects.map.keys()].filter((key) => key.startsWith("snapshots/"));
  await know(pair, state);
  await using vault = await pair.place.open(new TestMonitor(), undefined, { state });
  strictEqual((await vault.snapshots()).length, 2);
  pair.place.objects.map.delete(key!);
  deepStrictEqual([...await vault.roots.distrust([key!.slice("snapshots/".length)])], []);
});

Deno.test("a dry run tells the same, and changes nothing", async () => {
  using pair = await Pair.make();
  pair.remove("data", [...(await pair.units("data")).slice(0, 1), ...(await pair.units("meta")).slice(0, 1)]);
  const before = new Map(pair.place.objects.map);
  const dry = await pair.repairFromStorage({ dryRun: true, readData: false });
  deepStrictEqual(new Set(pair.place.objects.map.keys()), new Set(before.keys()));
  ok(dry.result.healed > 0 && dry.result.lost === 0);
});

Deno.test("while somebody prunes nothing is repaired", async () => {
  using pair = await Pair.make();
  await using vault = await pair.place.open();
  await using _lease = await Lease.take(vault.objects, { host: "another", clock: pair.world.clock });
  await rejects(pair.repair(), { code: "vault-busy" });
});

Deno.test("what was given up goes with the next prunes, and nothing that is needed with it", async () => {
  using pair = await Pair.make();
  const { world } = pair, [unit] = await pair.units("data"), [meta] = await pair.units("meta");
  for (const name of [unit!, meta!]) pair.change(name, (bytes) => (bytes[bytes.length >> 1]! ^= 1, bytes));
  strictEqual((await pair.repairFromStorage()).result.lost, 0);
  for (let i = 0; i < 2; i++) {
    world.clock.pass(60 * 24 * 30);
    await using vault = await pair.place.open();
    await using writer = vault.write();
    const plan = await writer.planRemoval({ workers: 0, signal }, new TestMonitor());
    await plan.execute(new TestMonitor(), signal);
  }
  for (const name of [unit!, meta!]) ok(!pair.place.objects.map.has(objectKey("data", name)));
  await pair.assertSound();
});

Deno.test("a write-only host heals what it can without reading contents", async () => {
  using pair = await Pair.make();
  let secret: Secret | undefined;
  {
    await using vault = await pair.place.open();
    const { key, config: { id: vaultId } } = vault.objects.access,
      label = { vault: vaultId, name: "host", created: SINCE };
    const text = encodeKeyFile(await writeOnlyKey(key!.metaIdentity, key!.dataRecipient), label);
    secret = { kind: "key-file", text };
  }
  const [first] = await pair.units("data");
  pair.remove("data", [first!, ...await pair.units("meta")]);
  const full = pair.place;
  pair.place = full.with(secret);
  const { result, monitor } = await pair.repairFromStorage({ readData: false });
  deepStrictEqual([result.lost, monitor.problems], [0, []]);
  pair.place = full;
  await pair.assertSound();
});

Deno.test("a storage is healed from a vault: roots, hunks, small and large contents", async () => {
  using pair = await Pair.make();
  const { world } = pair, items = [...world.items()];
  Deno.removeSync(world.source, { recursive: true });
  for (const name of Deno.readDirSync(world.storagePath)) {
    if (/^2026|^latest/.test(name.name)) Deno.removeSync(`${world.storagePath}/${name.name}`, { recursive: true });
  }
  for (const [id, path] of items) {
    if (id.endsWith("f0") && id.length === 66) {
      Deno.chmodSync(path, 0o600);
      Deno.writeTextFileSync(path, "damaged");
    } else Deno.removeSync(path);
  }
  Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
  await using vault = await pair.place.open();
  const told: Repaired[] = [], request = { readData: true, from: [vault], dryRun: false, workers: 0, signal };
  {
    using storage = world.open();
    const dry = await repair(storage, { ...request, dryRun: true }, () => {}, new TestMonitor());
    strictEqual(dry.lost, 0);
  }
  using storage = world.open();
  const { lost, healed } = await repair(storage, request, (repaired) => told.push(repaired), new TestMonitor());
  deepStrictEqual([lost, healed], [0, items.length], JSON.stringify(told.filter(({ from }) => from === undefined)));
  ok(told.every(({ from }) => from === vault.location));
  deepStrictEqual((await world.check()).findings, []);
  strictEqual(storage.snapshots().length, 2);
});
