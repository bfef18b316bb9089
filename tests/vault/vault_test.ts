/** A vault behind the seam: restored from, checked, asked and changed as any repository is. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { objectKey, README } from "../../src/backend/backend.ts";
import { parseApath } from "../../src/core/apath.ts";
import { knownContentId } from "../../src/core/content_id.ts";
import { rawOf } from "../../src/core/raw.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { openRepository } from "../../src/operations/open.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import { initVault, unlockVault } from "../../src/vault/access.ts";
import { encodeIndex } from "../../src/vault/index/index_object.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { differences, TestMonitor, World } from "../support/world.ts";

const [ENCRYPTED, PLAIN] = KINDS;
const signal = new AbortController().signal;
/** More than stands between two contents in a unit, which nobody would miss. */
const HEADERS_BYTES = 4096;

/** Two snapshots, in a storage and in a vault. */
async function copied(world: World, kind: typeof KINDS[number] = ENCRYPTED): Promise<VaultPlace> {
  world.write("dir/small.txt", "small");
  world.write("dir/large.img", noise(900_000, 5));
  world.write("empty", "");
  await world.backup();
  world.write("dir/later.txt", "later");
  await world.backup();
  const place = await VaultPlace.make(world, kind);
  await copyInto(world, place);
  return place;
}

async function copyInto(world: World, place: VaultPlace): Promise<TestMonitor> {
  const monitor = new TestMonitor();
  using storage = world.open();
  await using vault = await place.open(monitor, 200_000);
  await copy(storage, vault, { workers: 0, signal, clock: world.clock }, monitor);
  return monitor;
}

async function checked(vault: Vault): Promise<Finding[]> {
  const findings: Finding[] = [], request = { readData: true, workers: 0, signal };
  await check(vault, request, (finding) => findings.push(finding), new TestMonitor());
  return findings.filter(({ severity }) => severity === "damage");
}

Deno.test("files are restored out of a vault as out of the storage, and what is there already stays", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world);
  const { target: expected } = await world.restore("latest");
  await using vault = await place.open();
  const snapshot = (await vault.snapshots()).at(-1)!, target = Deno.makeTempDirSync({ dir: world.base });
  const request = world.restoreRequest(snapshot, target), monitor = new TestMonitor();
  await restore(vault, request, monitor);
  deepStrictEqual(monitor.problems, []);
  strictEqual(differences(expected, target), "");
  Deno.writeTextFileSync(`${target}/dir/small.txt`, "other");
  const again = new TestMonitor();
  await restore(vault, { ...request, overwrite: "if-changed" }, again);
  strictEqual(differences(expected, target), "");
  strictEqual(again.of("restoredFiles"), 1);
});

Deno.test("a vault is asked like a storage", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world, PLAIN);
  await using vault = await place.open();
  using storage = world.open();
  deepStrictEqual(await vault.snapshots(), storage.snapshots());
  for (const path of ["/dir/later.txt", "/dir/large.img"]) {
    const apath = parseApath(path);
    deepStrictEqual(await vault.query((catalog) => catalog.history(apath)), storage.query((c) => c.history(apath)));
  }
  using index = await vault.contentIndex();
  for (const { id } of storage.listing.items()) {
    if (id.length !== 64) continue;
    const content = knownContentId(id);
    strictEqual(index.sizeOf(content), storage.contentSize(content));
  }
});

for (const kind of [ENCRYPTED, PLAIN]) {
  Deno.test(`damage to units is found, named, and costs no more than what is in them (${JSON.stringify(kind)})`, async () => {
    using world = new World({ inMemory: true });
    const place = await copied(world, kind);
    {
      await using vault = await place.open();
      deepStrictEqual(await checked(vault), []);
    }
    const { map } = place.objects;
    await using vault = await place.open();
    const units = Array.from(vault.index.unitNames(), (name) => vault.index.unit(name)!)
      .filter(({ unitClass }) => unitClass === "data");
    const [unit] = units.sort((a, b) => b.size - a.size), damagedFrom = unit!.size >> 1;
    const key = objectKey("data", unit!.unit), whole = map.get(key)!;
    for (const bytes of [whole.slice().fill(0, damagedFrom, damagedFrom + HEADERS_BYTES), undefined]) {
      if (bytes === undefined) map.delete(key);
      else map.set(key, bytes);
      await using damaged = await place.open();
      ok((await checked(damaged)).length > 0);
    }
    map.set(key, whole);
    deepStrictEqual(await checked(vault), []);
  });
}

Deno.test("a snapshot is forgotten, and another gets other tags", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world);
  await using vault = await place.open();
  const [first, second] = await vault.snapshots();
  await using writer = vault.write();
  deepStrictEqual(await writer.forget([first!.id]), [first!.id]);
  const renewed = await writer.replaceRoot(second!.id, { tags: ["kept"] });
  await using later = await place.open();
  deepStrictEqual((await later.snapshots()).map(({ id, tags }) => [id, tags]), [[renewed, ["kept"]]]);
});

Deno.test("what a prune has doomed is not relied on, but stored again", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world);
  await using vault = await place.open();
  const { objects, index, id } = vault, before = new Set(index.unitNames());
  const since = "2026-11-20T22:05:11Z", marks = [...before].map((unit) => ({ unit, mark: "doomed", since }) as const);
  const ledger = { kind: "ledger", vault: id, host: "nas", written: since, supersedes: [], marks } as const;
  await objects.put("index", encodeIndex(ledger, objects.auth));
  for (const { id } of await vault.snapshots()) await vault.roots.remove(id);
  const monitor = await copyInto(world, place);
  strictEqual(monitor.of("storedItems"), 4);
  await using later = await place.open();
  for (const name of later.index.unitNames()) {
    strictEqual(later.index.unit(name)!.state, before.has(name) ? "doomed" : "live");
  }
  deepStrictEqual([...later.index.marks()], marks);
  deepStrictEqual([...later.index.objects()].filter(({ kind }) => kind === "ledger").map(({ written }) => written), [
    since,
  ]);
});

Deno.test("a vault is opened by what fits it alone, and made once", async () => {
  using world = new World({ inMemory: true });
  const sealed = await VaultPlace.make(world, ENCRYPTED), plain = await VaultPlace.make(world, PLAIN);
  const code = (code: string) => ({ code });
  await rejects(unlockVault(sealed.backend(), { kind: "unencrypted" }), code("no-key"));
  await rejects(unlockVault(sealed.backend(), { kind: "passphrase", passphrase: "x" }), code("wrong-passphrase"));
  await rejects(unlockVault(plain.backend(), { kind: "passphrase", passphrase: "x" }), code("not-encrypted"));
  await rejects(initVault(sealed.backend(), world.machine, {}), code("vault-exists"));
  const readme = new TextDecoder().decode(sealed.objects.map.get(README));
  ok(readme.includes("age -d") && rawOf(readme).length === readme.length);
});

Deno.test("a vault in a directory is opened where one is wanted, and nothing is restored into it", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world, KINDS[2]), location = place.path, monitor = new TestMonitor();
  const secrets = {
    readSecret: () => "",
    commandOutput: () => ReadableStream.from([]),
    askSecret: () => Promise.resolve("four random words"),
    env: () => undefined,
  };
  const login = { settings: {}, secrets, host: "nas", signal: new AbortController().signal };
  await using vault = await openRepository(world.machine, location, monitor, login);
  await using storage = await openRepository(world.machine, world.storagePath, monitor, login);
  deepStrictEqual([...await vault.rootIds()].sort(), [...await storage.rootIds()].sort());
  const nobody = { ...login, secrets: { ...secrets, askSecret: () => Promise.resolve(undefined) } };
  await rejects(openRepository(world.machine, location, monitor, nobody), { code: "no-key" });
  const [snapshot] = await vault.snapshots();
  for (const target of [place.path, `${place.path}/data/new`]) {
    await rejects(restore(vault, world.restoreRequest(snapshot!, target), monitor), { code: "target-in-storage" });
  }
  const own = vault.ownPlaces([], monitor);
  strictEqual(own.heldBy(rawOf(world.base))?.place.kind, "storage");
  strictEqual(own.around(rawOf(world.source)), undefined);
});

Deno.test("a prune that comes in while a root is stored costs another try, and nothing else", async () => {
  using world = new World({ inMemory: true });
  const empty = await VaultPlace.make(world, ENCRYPTED, "empty");
  await copied(world);
  using storage = world.open();
  await using vault = await empty.open();
  const { objects, id } = vault, { backend } = objects, put = backend.put.bind(backend), doomed: string[] = [];
  backend.put = async (key, body, options) => {
    if (!key.startsWith("snapshots/") || doomed.length > 0) return await put(key, body, options);
    doomed.push(...(await objects.list("data")).keys());
    const since = "2026-11-20T22:05:11Z", marks = doomed.map((unit) => ({ unit, mark: "doomed", since }) as const);
    const ledger = { kind: "ledger", vault: id, host: "nas", written: since, supersedes: [], marks } as const;
    await objects.put("index", encodeIndex(ledger, objects.auth));
    return await put(key, body, options);
  };
  const monitor = new TestMonitor();
  const result = await copy(storage, vault, { workers: 0, signal, clock: world.clock }, monitor);
  deepStrictEqual([result.copied.length, result.failed, monitor.problems], [2, 0, []]);
  ok(doomed.length > 0);
  await using later = await empty.open();
  strictEqual((await later.snapshots()).length, 2);
  for (const { id } of await later.snapshots()) {
    const manifest = await later.manifest(id);
    for (const { id: hunk } of manifest.root.hunks) ok(later.index.reliableHome(hunk, "meta"));
    for (const { content } of manifest.entries()) if (content) ok(await later.contents.reliableHomes(content), content);
  }
});
