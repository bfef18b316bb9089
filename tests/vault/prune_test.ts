/** Prune of a vault, by the same operation as of a storage: what it removes when, what it packs anew, and when it refuses. */
import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type ObjectKey, objectKey, type ObjectKind } from "../../src/backend/backend.ts";
import { around } from "../../src/backend/decorator.ts";
import { PlaceRefuses } from "../../src/backend/faults.ts";
import type { Fault } from "../../src/core/fault.ts";
import { textOf } from "../../src/core/raw.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { prune, type PruneResult } from "../../src/operations/forget/prune.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import type { RemovalPace } from "../../src/snapshot/repository.ts";
import { unlockVault } from "../../src/vault/access.ts";
import { parseIndex } from "../../src/vault/index/index_object.ts";
import { sign } from "../../src/vault/index/signed.ts";
import { encodeSnapshot } from "../../src/vault/index/snapshot_object.ts";
import { readContents, readFrame } from "../../src/vault/pack/unit_reader.ts";
import { tarEntries } from "../../src/vault/pack/tar_reader.ts";
import { encodeLease } from "../../src/vault/index/lease_object.ts";
import { openUnit } from "../../src/vault/store/stored_units.ts";
import { writeOnlyKey } from "../../src/vault/seal/keys.ts";
import type { VaultAccess } from "../../src/vault/store/sealed_objects.ts";
import { openVault, type Vault } from "../../src/vault/vault.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { differences, TestMonitor, World } from "../support/world.ts";

const [ENCRYPTED, PLAIN] = KINDS;
const signal = new AbortController().signal;
const DAY = 24 * 60;
const AT_ONCE: RemovalPace = { graceMs: 0, keepUnusedMs: 0, unsafe: true };

/** A storage, and a vault that everything of it is copied into. */
class PrunedPlace implements Disposable {
  readonly world: World;
  readonly place: VaultPlace;

  private constructor(world: World, place: VaultPlace) {
    this.world = world;
    this.place = place;
  }

  static async make(kind: typeof KINDS[number] = PLAIN): Promise<PrunedPlace> {
    const world = new World({ inMemory: true });
    return new PrunedPlace(world, await VaultPlace.make(world, kind));
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  /** Backs up the source into the storage, and copies that. */
  async store(): Promise<void> {
    await this.world.backup();
    using storage = this.world.open();
    await using vault = await this.place.open(new TestMonitor(), 200_000);
    await copy(storage, vault, { workers: 0, signal, clock: this.world.clock }, new TestMonitor());
  }

  /** Forgets the oldest snapshots, here and there. */
  async forget(count: number): Promise<void> {
    await using vault = await this.place.open();
    using storage = this.world.open();
    const ids = (await vault.snapshots()).slice(0, count).map(({ id }) => id);
    for (const repository of [vault, storage]) {
      await using writer = await repository.write("test");
      await writer.forget(ids);
    }
  }

  async prune(
    pace?: RemovalPace,
    more: { dryRun?: boolean; access?: VaultAccess; monitor?: TestMonitor; workers?: number } = {},
  ): Promise<PruneResult> {
    const { monitor = new TestMonitor(), dryRun = false, workers = 0 } = more;
    await using vault = await this.open(more.access, monitor);
    const request = { dryRun, workers, signal, ...(pace && { pace }) };
    return await prune(vault, request, () => {}, monitor);
  }

  async open(access?: VaultAccess, monitor = new TestMonitor()): Promise<Vault> {
    if (access === undefined) return await this.place.open(monitor);
    return await openVault(this.place.backend(), access, { machine: this.world.machine, monitor, host: "testhost" });
  }

  keys(kind: ObjectKind): ObjectKey[] {
    return [...this.place.objects.map.keys()].filter((key) => key.startsWith(`${kind}/`));
  }

  get dataBytes(): number {
    return this.keys("data").reduce((sum, key) => sum + (this.place.objects.map.get(key)?.length ?? 0), 0);
  }

  /** Everything is read, and the newest snapshot is restored as out of the storage. */
  async assertWhole(): Promise<void> {
    await using vault = await this.place.open();
    const findings: Finding[] = [];
    await check(vault, { readData: true, workers: 0, signal }, (finding) => findings.push(finding), new TestMonitor());
    deepStrictEqual(findings.filter(({ severity }) => severity === "damage"), []);
    const { target: expected } = await this.world.restore("latest");
    const target = Deno.makeTempDirSync({ dir: this.world.base }), monitor = new TestMonitor();
    await restore(vault, this.world.restoreRequest((await vault.snapshots()).at(-1)!, target), monitor);
    deepStrictEqual(monitor.problems, []);
    strictEqual(differences(expected, target), "");
  }
}

/** Names in all units, and what they are of. */
async function namesIn(vault: Vault): Promise<string[]> {
  const names: string[] = [];
  for (const name of vault.index.unitNames()) {
    const facts = vault.index.unit(name)!, unit = await openUnit(vault.objects, facts);
    const { frames, items, copies } = await readContents(unit, vault.id);
    for (const [index, frame] of frames.entries()) {
      const plain = await readFrame(unit, frame);
      const at = new Map([...items, ...copies].filter((item) => item.frame === index).map((item) => [item.at, item]));
      for (const entry of tarEntries(plain)) {
        const { id, part } = at.get(entry.at)!;
        names.push(`${id} ${textOf(entry.name)} ${entry.mode} ${entry.mtime} ${part === undefined ? "" : part.from}`);
      }
    }
  }
  return names.sort();
}

for (const kind of [ENCRYPTED, PLAIN]) {
  Deno.test(`what nothing needs goes in two steps, and what stays is packed anew (${JSON.stringify(kind)})`, async () => {
    using pruned = await PrunedPlace.make(kind);
    const { world } = pruned, shared = noise(300_000, 5);
    world.write("dir/small.txt", "small");
    world.write("dir/goes.bin", noise(150_000, 9));
    world.write("dir/large.img", new Uint8Array([...shared, ...noise(100_000, 6)]));
    await pruned.store();
    Deno.removeSync(`${world.source}/dir/goes.bin`);
    world.write("dir/large.img", new Uint8Array([...shared, ...noise(100_000, 7)]));
    await pruned.store();
    await pruned.forget(1);
    const before = pruned.dataBytes;
    let names: string[];
    {
      await using vault = await pruned.place.open();
      names = await namesIn(vault);
    }
    const preview = await pruned.prune(AT_ONCE, { dryRun: true }), first = await pruned.prune(AT_ONCE);
    deepStrictEqual({ ...preview, removedItems: 0 }, { ...first, removedItems: 0 });
    strictEqual(first.snapshots, 1);
    ok(first.bytes > 200_000 && first.steps!.repackedBytes > 0 && first.steps!.deletedBytes === 0);
    await pruned.assertWhole();
    const second = await pruned.prune(AT_ONCE);
    ok(second.steps!.deletedBytes > 200_000 && second.removedItems > 0);
    await pruned.assertWhole();
    const third = await pruned.prune(AT_ONCE);
    deepStrictEqual([third.contents, third.hunks, third.steps], [0, 0, {
      deletedBytes: 0,
      repackedBytes: 0,
      waitingBytes: 0,
      nextMs: undefined,
    }]);
    ok(pruned.dataBytes < before - 200_000);
    await using vault = await pruned.place.open();
    const left = await namesIn(vault);
    ok(left.length > 20 && left.every((name) => names.includes(name)), "items and copies keep their names");
    ok(left.some((name) => name.includes("list.jsonl")) && left.some((name) => name.includes(".backup-tool/roots/")));
  });
}

/** Many files in many units, of which a snapshot that is forgotten needs half alone. */
async function halfNeeded(kind: typeof KINDS[number]): Promise<PrunedPlace> {
  const pruned = await PrunedPlace.make(kind), { world } = pruned;
  for (let i = 0; i < 1200; i++) world.write(`dir${i % 9}/file${i}`, noise(3000 + i, i));
  for (let i = 0; i < 4; i++) world.write(`large${i}`, noise(400_000, 5000 + i));
  await pruned.store();
  for (let i = 0; i < 1200; i += 2) Deno.removeSync(`${world.source}/dir${i % 9}/file${i}`);
  Deno.removeSync(`${world.source}/large0`);
  await pruned.store();
  await pruned.forget(1);
  return pruned;
}

for (const kind of [ENCRYPTED, PLAIN]) {
  Deno.test(`threads pack anew what stays, each item once (${JSON.stringify(kind)})`, async () => {
    using pruned = await halfNeeded(kind);
    const before = pruned.dataBytes, { steps } = await pruned.prune(AT_ONCE, { workers: 2 });
    ok(steps!.repackedBytes > 1_000_000);
    await pruned.prune(AT_ONCE, { workers: 2 });
    ok(pruned.dataBytes < before * 0.7, `${pruned.dataBytes} of ${before} bytes`);
    await pruned.assertWhole();
    await using vault = await pruned.place.open();
    const live = [...vault.index.unitNames()].filter((unit) => vault.index.unit(unit)?.state === "live");
    const ids = live.flatMap((unit) => vault.index.itemsOf(unit).map(({ id }) => id));
    strictEqual(ids.length, new Set(ids).size);
  });
}

Deno.test("a unit that threads find damaged stays as it is, and the others are packed anew", async () => {
  using pruned = await halfNeeded(PLAIN);
  const { map } = pruned.place.objects, large = pruned.keys("data").filter((key) => map.get(key)!.length > 100_000);
  const damaged = large.filter((_, i) => i % 2 === 0), monitor = new TestMonitor();
  for (const key of damaged) {
    const bytes = map.get(key)!.slice();
    for (let at = 1000; at < bytes.length - 60_000; at += 500) bytes[at]! ^= 1;
    map.set(key, bytes);
  }
  await pruned.prune(AT_ONCE, { workers: 2, monitor });
  deepStrictEqual([...new Set(monitor.problems.map((problem) => (problem as Fault).code))], ["damaged-object"]);
  await pruned.prune(AT_ONCE, { workers: 2, monitor });
  for (const { message } of monitor.problems) ok(damaged.some((key) => message.includes(key) && map.has(key)), message);
  ok(large.some((key) => !map.has(key)));
});

Deno.test("space comes back after seven days and one more, and what is needed before doesn't go", async () => {
  using pruned = await PrunedPlace.make();
  const { world } = pruned;
  world.write("a", noise(50_000, 1));
  await pruned.store();
  world.write("a", noise(50_000, 2));
  await pruned.store();
  await pruned.forget(1);
  const all = pruned.dataBytes;
  const first = await pruned.prune();
  strictEqual(first.steps!.nextMs, world.clock.nowMs() + 7 * DAY * 60_000);
  strictEqual(first.steps!.waitingBytes > 50_000, true);
  world.clock.pass(6 * DAY);
  deepStrictEqual((await pruned.prune()).steps!.nextMs, world.clock.nowMs() + DAY * 60_000);
  const ledgers = pruned.keys("index").length;
  strictEqual((await pruned.prune()).removedItems, 0);
  strictEqual(pruned.keys("index").length, ledgers, "where nothing changes, nothing is written");
  world.clock.pass(DAY);
  strictEqual((await pruned.prune()).steps!.nextMs, world.clock.nowMs() + DAY * 60_000);
  strictEqual(pruned.dataBytes, all);
  world.clock.pass(DAY);
  strictEqual((await pruned.prune()).removedItems, 2);
  ok(pruned.dataBytes < all - 50_000);
  await pruned.assertWhole();
});

Deno.test("what is needed again before it is deleted stays", async () => {
  using pruned = await PrunedPlace.make();
  const { world } = pruned;
  world.write("a", noise(50_000, 1));
  await pruned.store();
  {
    await using vault = await pruned.place.open();
    await using writer = vault.write();
    await writer.forget(await vault.rootIds());
  }
  const all = pruned.dataBytes;
  strictEqual((await pruned.prune()).steps!.deletedBytes, 0);
  await pruned.store(); // the same once more, and another
  const { steps } = await pruned.prune();
  ok(steps!.waitingBytes < 10_000); // a unit that has a copy of a root alone
  strictEqual(steps!.deletedBytes, 0);
  world.clock.pass(30 * DAY);
  await pruned.prune();
  await pruned.prune(AT_ONCE);
  await pruned.assertWhole();
  ok(pruned.dataBytes >= all - 10_000);
});

Deno.test("a grace that readers may not be done in has to be asked for", async () => {
  using pruned = await PrunedPlace.make();
  await rejects(pruned.prune({ graceMs: 59 * 60_000 }), { code: "bad-usage" });
  await pruned.prune({ graceMs: 60 * 60_000 });
});

Deno.test("two don't prune at once; a lease that was left ends by itself", async () => {
  using pruned = await PrunedPlace.make(ENCRYPTED);
  await pruned.store();
  await using vault = await pruned.place.open();
  const { objects, id: vaultId } = vault, { auth } = objects;
  const note = (minutes: number) => {
    const renewed = new Date(pruned.world.clock.nowMs() - minutes * 60_000).toISOString();
    return encodeLease({ host: "nas", since: renewed, renewed }, { vault: vaultId, salt: "00".repeat(16), auth });
  };
  const fresh = await objects.put("locks", note(29));
  await rejects(pruned.prune(), { code: "vault-busy", message: /nas is doing it since 20.*lease until/ });
  deepStrictEqual(pruned.keys("locks"), [`locks/${fresh}`]);
  pruned.world.clock.pass(1);
  await pruned.prune();
  deepStrictEqual(pruned.keys("locks"), []);
  await objects.put(
    "locks",
    encodeLease({ host: "x", since: "2026-11-20T22:05:11Z", renewed: "2026-11-20T22:05:11Z" }, {
      vault: vaultId,
      salt: "00".repeat(16),
      auth: new Uint8Array(32),
    }),
  );
  await pruned.prune();
  deepStrictEqual(pruned.keys("locks"), [], "what nobody with a key has signed keeps nobody out");
});

Deno.test("a lease is renewed every minute while the work goes on", async () => {
  using pruned = await PrunedPlace.make();
  await pruned.store();
  await using vault = await pruned.place.open();
  await using writer = vault.write();
  const plan = await writer.planRemoval({ workers: 0, signal }, new TestMonitor());
  const [first] = pruned.keys("locks");
  pruned.world.clock.pass(1);
  for (let i = 0; i < 50; i++) await null;
  const [second, ...others] = pruned.keys("locks");
  notStrictEqual(second, first);
  deepStrictEqual(others, []);
  await rejects(pruned.prune(), { code: "vault-busy" });
  await plan.execute(new TestMonitor(), signal);
  await writer[Symbol.asyncDispose]();
  deepStrictEqual(pruned.keys("locks"), []);
});

Deno.test("where deleting is refused nothing is decided either", async () => {
  using pruned = await PrunedPlace.make();
  await pruned.store();
  await pruned.forget(1);
  const inner = pruned.place.backend(), before = [...pruned.place.objects.map.keys()];
  const access = await unlockVault(inner, { kind: "unencrypted" });
  const refusing = around(inner, {
    remove: async (key) => {
      if (!key.startsWith("locks/")) throw new PlaceRefuses(`remove ${key}`, "403");
      await inner.remove(key);
    },
  });
  const monitor = new TestMonitor(), { machine } = pruned.world;
  await using vault = await openVault(refusing, access, { machine, monitor, host: "testhost" });
  const request = { dryRun: false, workers: 0, signal, pace: AT_ONCE };
  await rejects(prune(vault, request, () => {}, monitor), { code: "append-only" });
  deepStrictEqual([...pruned.place.objects.map.keys()], before);
});

Deno.test("with a key that can't read contents, hunks are packed anew but no contents, and what is nowhere stops", async () => {
  using pruned = await PrunedPlace.make(ENCRYPTED);
  const { world, place } = pruned;
  for (let i = 0; i < 5; i++) world.write(`file-${i}`, noise(2000, i + 1));
  await pruned.store();
  for (let i = 0; i < 4; i++) Deno.removeSync(`${world.source}/file-${i}`);
  await pruned.store();
  await pruned.forget(1);
  let access: VaultAccess;
  {
    await using vault = await place.open();
    const { config, key } = vault.objects.access;
    access = { config, key: await writeOnlyKey(key!.metaIdentity, key!.dataRecipient) };
  }
  const pace = { ...AT_ONCE, maxUnused: 0 };
  strictEqual((await pruned.prune(pace, { dryRun: true })).steps!.repackedBytes > 2000, true);
  await pruned.prune(pace, { access });
  await pruned.prune(pace, { access });
  await pruned.assertWhole();
  ok(pruned.dataBytes > 10_000, "contents stay packed with what nothing needs");
  // The index of a unit of contents is lost, and only a full key can tell what is in it.
  for (const key of pruned.keys("index")) {
    await using vault = await place.open();
    const plain = await vault.objects.get("index", key.slice(6), 0);
    const object = parseIndex(plain, key, { vault: vault.id, auth: vault.objects.auth });
    if (object.kind === "units" && object.units.some(({ unitClass }) => unitClass === "data")) {
      place.objects.map.delete(objectKey("index", key.slice(6)));
    }
  }
  const before = pruned.keys("data");
  await rejects(pruned.prune(pace, { access }), { code: "needed-missing", message: /1 content/ });
  deepStrictEqual(pruned.keys("data"), before);
  await pruned.prune(pace);
  await pruned.assertWhole();
});

Deno.test("what this version doesn't know, or can't read, stops everything", async () => {
  using pruned = await PrunedPlace.make(ENCRYPTED);
  const { world, place } = pruned;
  world.write("a", "a");
  await pruned.store();
  const unsigned = new TextEncoder().encode("{}\n");
  await using vault = await place.open();
  const root = await vault.objects.put("snapshots", unsigned);
  await rejects(pruned.prune(), { code: "unknown-references", message: new RegExp(`snapshots/${root}`) });
  place.objects.map.delete(objectKey("snapshots", root));
  const { auth } = vault.objects;
  const text = `{"format":"backup-tool index","version":2,"kind":"units","vault":"${vault.id}"}\n`;
  const newer = await vault.objects.put("index", sign(new TextEncoder().encode(text), "index", auth));
  await rejects(pruned.prune(), { code: "newer-object" });
  place.objects.map.delete(objectKey("index", newer));
  await pruned.prune();
  for (const key of pruned.keys("data")) {
    const bytes = place.objects.map.get(key)!;
    const facts = vault.index.unit(key.slice(5))!;
    if (facts.unitClass === "meta") {
      place.objects.map.set(
        key as never,
        bytes.map((byte, i) => i > 190 ? byte ^ 1 : byte),
      );
    }
  }
  await rejects(pruned.prune(AT_ONCE), { code: "unknown-references" });
});

Deno.test("forgetting a snapshot removes every object that has its root", async () => {
  using pruned = await PrunedPlace.make(ENCRYPTED);
  pruned.world.write("a", "a");
  await pruned.store();
  await using vault = await pruned.place.open();
  const [stored] = await vault.roots.all();
  await vault.objects.put("snapshots", encodeSnapshot(stored!.bytes, vault.objects.auth));
  strictEqual(pruned.keys("snapshots").length, 2);
  await using writer = vault.write();
  deepStrictEqual(await writer.forget([stored!.id]), [stored!.id]);
  deepStrictEqual(pruned.keys("snapshots"), []);
  deepStrictEqual(await writer.forget([stored!.id]), []);
});
