/** All layers together: objects as a writer leaves them, and a reader that knows nothing but the place and a passphrase. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { rawOf } from "../../src/core/raw.ts";
import { type Backend, CONFIG, objectKey } from "../../src/backend/backend.ts";
import { checked } from "../../src/backend/checked.ts";
import { counting } from "../../src/backend/counting.ts";
import { openFileBackend } from "../../src/backend/file.ts";
import { MemoryObjects, openMemory } from "../../src/backend/memory.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { DEFAULT_CHUNKING, encodeConfig, parseConfig } from "../../src/vault/store/config.ts";
import { WrongKey } from "../../src/vault/format/faults.ts";
import {
  encodeIndex,
  type IndexObject,
  lineOf,
  parseIndex,
  type UnitLine,
} from "../../src/vault/index/index_object.ts";
import { type JoinedIndex, type JoinedUnit, joinIndex } from "../../src/vault/index/join.ts";
import { makeObject, openObject } from "../../src/vault/index/small_object.ts";
import { encodeSnapshot, parseSnapshot } from "../../src/vault/index/snapshot_object.ts";
import { MOST_HEAD_BYTES } from "../../src/vault/format/limits.ts";
import type { UnitItem } from "../../src/vault/pack/items.ts";
import { PartCutter } from "../../src/vault/pack/part_cutter.ts";
import { parseList } from "../../src/vault/pack/parts_list.ts";
import { hunkName, partName, storedListName } from "../../src/vault/pack/tar_names.ts";
import { readContents, readItem } from "../../src/vault/pack/unit_reader.ts";
import {
  type FinishedUnit,
  type NewItem,
  OWN_FIELDS,
  PackBuffers,
  UnitWriter,
} from "../../src/vault/pack/unit_writer.ts";
import { makeHead, openHead } from "../../src/vault/seal/age_header.ts";
import { encodeKeyFile, parseKeyFile } from "../../src/vault/seal/key_file.ts";
import { fullKey, identitiesOf, newDataIdentity, type VaultKey, writeOnlyKey } from "../../src/vault/seal/keys.ts";
import { SpoolOutput } from "../../src/vault/seal/output.ts";
import { openKeyFile, sealKeyFile } from "../../src/vault/seal/passphrase.ts";
import { bodyOf } from "../../src/vault/seal/sealed_body.ts";
import { sealInto } from "../../src/vault/seal/sealer.ts";
import { fileItem, noise, random, sha256, VAULT } from "../support/units.ts";

const SMALL = new TextEncoder().encode("Hello\n"), LARGE = noise(3_000_000, 5);
const HUNK = new Uint8Array(gzipSync('{"path":"/readme.txt"}\n')), ROOT = new TextEncoder().encode('{"hunks":[]}\n');

/** Puts a unit by a spooled file, as those are that are too large for the memory. */
async function putUnit(
  backend: Backend,
  key: VaultKey,
  unitClass: "data" | "meta",
  items: readonly NewItem[],
): Promise<FinishedUnit> {
  const path = Deno.makeTempDirSync(), disk = openDisk();
  try {
    using dir = disk.openDir(rawOf(path));
    using file = dir.create(rawOf("spool"), 0o600)!;
    const recipient = unitClass === "data" ? key.dataRecipient : key.metaRecipient;
    const sealer = sealInto(new SpoolOutput(file), await makeHead([recipient], random));
    const writer = new UnitWriter({
      vault: VAULT,
      unitClass,
      sealer,
      unitBytes: 2 ** 24,
      level: 3,
      buffers: new PackBuffers(),
    });
    for (const item of items) writer.add(item);
    const unit = writer.finish();
    strictEqual(file.stat().size, unit.size);
    await backend.put(objectKey("data", unit.id), {
      size: unit.size,
      read: (into, position) => file.read(into, position),
    });
    return unit;
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

async function putSmall(
  backend: Backend,
  key: VaultKey,
  kind: "index" | "snapshots",
  plain: Uint8Array,
): Promise<void> {
  const { name, bytes } = await makeObject(plain, key.metaRecipient, random);
  await backend.put(objectKey(kind, name), bytes);
}

/** Config, a key, a small and a large file, a hunk, the lists, the index, a root. */
async function writeVault(backend: Backend): Promise<void> {
  const key = await fullKey(newDataIdentity(random)),
    label = { vault: VAULT, name: "me", created: "2026-11-20T22:05:11Z" };
  await backend.put(
    CONFIG,
    encodeConfig({ id: VAULT, created: label.created, encrypted: true, chunker: DEFAULT_CHUNKING }),
  );
  const sealed = await sealKeyFile(encodeKeyFile(key, label), "four random words", 8);
  await backend.put(objectKey("keys", sha256(sealed)), sealed);
  const cutter = new PartCutter(key.gear, DEFAULT_CHUNKING), name = rawOf("nas/vms/T/big.img"), content = sha256(LARGE);
  const part = ({ id, from, bytes }: { id: string; from: number; bytes: Uint8Array<ArrayBuffer> }): NewItem =>
    fileItem("", bytes.slice(), { id, name: partName(name, from, id), part: { of: content, from }, lane: "raw" });
  const parts = Array.from(cutter.push(LARGE), part), { last, lists } = cutter.finish(content);
  if (last !== undefined) parts.push(part(last));
  const list = {
    id: `${content}f2`,
    digest: lists.top.digest,
    bytes: lists.top.bytes,
    fields: OWN_FIELDS,
    lane: "compressed" as const,
  };
  const hunk = {
    id: `${sha256(HUNK)}f1`,
    name: hunkName(`${sha256(HUNK)}f1`),
    bytes: HUNK,
    fields: OWN_FIELDS,
    lane: "raw" as const,
  };
  const data = await putUnit(backend, key, "data", [fileItem("nas/vms/T/readme.txt", SMALL), ...parts]);
  const meta = await putUnit(backend, key, "meta", [{ ...list, name: storedListName(list.id) }, hunk]);
  const header = { vault: VAULT, host: "nas", written: new Date(await backend.now()).toISOString(), supersedes: [] };
  await putSmall(
    backend,
    key,
    "index",
    encodeIndex({ ...header, kind: "units", units: [lineOf(data), lineOf(meta)] }, key.auth),
  );
  await putSmall(backend, key, "snapshots", encodeSnapshot(ROOT, key.auth));
}

/** A reader without a cache. */
class Reader {
  readonly #backend: Backend;
  readonly #identities: readonly string[];
  readonly index: JoinedIndex;

  private constructor(backend: Backend, identities: readonly string[], index: JoinedIndex) {
    this.#backend = backend;
    this.#identities = identities;
    this.index = index;
  }

  static async open(backend: Backend, key: VaultKey): Promise<Reader> {
    const { id } = parseConfig(await backend.get(CONFIG)), identities = identitiesOf(key);
    const objects: { name: string; object: IndexObject }[] = [];
    for await (const { name } of backend.list("index")) {
      const plain = await openObject(await backend.get(objectKey("index", name)), identities, `index/${name}`);
      objects.push({ name, object: parseIndex(plain, `index/${name}`, { vault: id, auth: key.auth }) });
    }
    return new Reader(backend, identities, joinIndex(objects));
  }

  find(id: string): { unit: JoinedUnit; item: UnitItem } {
    for (const unit of this.index.units.values()) {
      const item = unit.items.find((item) => item.id === id);
      if (item !== undefined) return { unit, item };
    }
    throw new Error(`${id} is in no unit`);
  }

  async read(id: string): Promise<Uint8Array<ArrayBuffer>> {
    const { unit, item } = this.find(id), what = `data/${unit.unit}`;
    const body = bodyOf(await openHead(unit.head, this.#identities, what), unit.size, what);
    const read = (range: { from: number; length: number }) =>
      this.#backend.get(objectKey("data", unit.unit), { range });
    return await readItem({ body, read }, { frames: unit.frames, item });
  }

  async readLarge(id: string): Promise<Uint8Array> {
    const parts = parseList(await this.read(`${id}f2`), "list").parts;
    return new Uint8Array(await new Blob(await Promise.all(parts.map(({ id }) => this.read(id)))).arrayBuffer());
  }
}

async function keyFrom(backend: Backend): Promise<VaultKey> {
  const [key] = await Array.fromAsync(backend.list("keys"));
  return await parseKeyFile(
    await openKeyFile(await backend.get(objectKey("keys", key!.name)), "four random words", "keys/x"),
  );
}

for (const place of ["memory", "directory"] as const) {
  Deno.test(`A reader with a passphrase gets everything out of a vault (${place}), one small file by one range`, async () => {
    const path = Deno.makeTempDirSync();
    try {
      await using inner = place === "memory"
        ? openMemory(new MemoryObjects(), () => 1_700_000_000_000)
        : openFileBackend(rawOf(path), { disk: openDisk(), random });
      await writeVault(inner);
      const { backend, traffic } = counting(checked(inner));
      const key = await keyFrom(backend), reader = await Reader.open(backend, key);
      traffic.requests.get = 0;
      deepStrictEqual(await reader.read(sha256(SMALL)), SMALL);
      strictEqual(traffic.requests.get, 1);
      strictEqual(sha256(await reader.readLarge(sha256(LARGE))), sha256(LARGE));
      strictEqual(
        new TextDecoder().decode(gunzipSync(await reader.read(`${sha256(HUNK)}f1`))),
        '{"path":"/readme.txt"}\n',
      );
      for await (const { name } of backend.list("snapshots")) {
        const plain = await openObject(await backend.get(objectKey("snapshots", name)), identitiesOf(key), name);
        deepStrictEqual(parseSnapshot(plain, name, key.auth), { id: `${sha256(ROOT)}f0`, bytes: ROOT });
      }
      const writeOnly = await Reader.open(backend, await writeOnlyKey(key.metaIdentity, key.dataRecipient));
      deepStrictEqual(await writeOnly.read(`${sha256(HUNK)}f1`), HUNK);
      await rejects(() => writeOnly.read(sha256(SMALL)), WrongKey);
    } finally {
      Deno.removeSync(path, { recursive: true });
    }
  });
}

Deno.test("Without index/, the tails of all units say what it said", async () => {
  await using backend = openMemory(new MemoryObjects(), () => 1_700_000_000_000);
  await writeVault(backend);
  const key = await keyFrom(backend),
    { index } = await Reader.open(backend, key),
    { backend: counted, traffic } = counting(backend);
  const lines: UnitLine[] = [];
  for await (const { name, size } of counted.list("data")) {
    const data = objectKey("data", name), what = `data/${name}`;
    const start = await counted.get(data, { range: { from: 0, length: Math.min(size, MOST_HEAD_BYTES) } });
    const head = await openHead(start, identitiesOf(key), what);
    const read = (range: { from: number; length: number }) => counted.get(data, { range });
    lines.push(
      lineOf({
        id: name,
        size,
        head: head.bytes,
        ...await readContents({ body: bodyOf(head, size, what), read }, VAULT),
      }),
    );
  }
  strictEqual(traffic.requests.get, 2 * lines.length);
  const object = {
    vault: VAULT,
    host: "nas",
    written: "2026-11-20T22:06:02Z",
    supersedes: [],
    kind: "units",
    units: lines,
  } as const;
  const sorted = ({ units }: JoinedIndex) => [...units.values()].sort((a, b) => a.unit < b.unit ? -1 : 1);
  deepStrictEqual(sorted(joinIndex([{ name: "x", object }])), sorted(index));
});
