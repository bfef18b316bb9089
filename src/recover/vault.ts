/**
 * Reads vaults, with what a browser has. This second reader was written from the description of the format alone, and
 * shares no code with the program. It trusts nothing but digests.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { identitiesIn, keysOf, type VaultKeys } from "./keys.ts";
import {
  entriesIn,
  type Entry,
  hexOf,
  newestFirst,
  type Place,
  type Reader,
  type Snapshot,
  snapshotIn,
  verified,
} from "./reader.ts";
import { all, Damaged, demand, opened, passphraseOpener, type Source } from "./sealed.ts";
import { fields, frameOf, type Item, jsonOf, listOf, tableAtEnd, tableOf, type UnitTable, unpacked } from "./units.ts";

const MIB = 1024 * 1024;
const MOST_SMALL = 64 * 1024, MOST_INDEX = 64 * MIB;
const SIGNATURE = 76;
const HEX64 = /^[0-9a-f]{64}$/;

/** Id of a unit, and the item in it. */
interface Home {
  readonly unit: string;
  readonly item: Item;
}

export class NeedsKey extends Error {
  override readonly name = "NeedsKey";
}

/** True if the vault in the opened directory is encrypted. @throws Damaged if it isn't a vault */
export async function isEncrypted(place: Place): Promise<boolean> {
  const config = await place.open("config");
  demand(
    config !== undefined,
    "This is no vault and no storage: there is neither a file called config in it nor a folder called content",
  );
  const { format, version, encrypted } = fields(jsonOf(await all(config, MOST_SMALL, "config"), "config"));
  demand(format === "backup-tool vault", "This is no vault: its file config is something else");
  demand(version === 1, "This vault has a version that this page doesn't know");
  return encrypted !== false;
}

/** Opens a vault. @param secret a passphrase, or the text of a key @throws NeedsKey, Damaged */
export async function openVault(place: Place, secret: string, progress: (what: string) => void): Promise<Reader> {
  const keys = await isEncrypted(place) ? await unlocked(place, secret, progress) : undefined;
  const vault = new Vault(place, keys);
  await vault.load(progress);
  return vault;
}

async function unlocked(place: Place, secret: string, progress: (what: string) => void): Promise<VaultKeys> {
  if (secret.trim() === "") throw new NeedsKey("This vault is encrypted: give its passphrase or its key");
  const identities = identitiesIn(secret);
  if (identities !== undefined) return await keysOf(identities);
  for (const name of await place.list("keys")) {
    progress("trying the passphrase; this takes a few seconds, and much memory");
    const source = await place.open(`keys/${name}`), what = `keys/${name}`;
    if (source === undefined || !HEX64.test(name)) continue;
    let text: string;
    try {
      const plain = await opened(source, passphraseOpener(secret), what);
      text = new TextDecoder().decode(await all(plain, MOST_SMALL, what));
    } catch {
      continue; // another passphrase's, or damaged
    }
    const found = identitiesIn(text);
    if (found !== undefined && !text.includes("# data-recipient:")) return await keysOf(found);
  }
  throw new NeedsKey("That passphrase opens no key of this vault");
}

class Vault implements Reader {
  readonly #place: Place;
  readonly #keys: VaultKeys | undefined;
  readonly #units = new Map<string, UnitTable>();
  readonly #homes = new Map<string, Home[]>();
  readonly #copies = new Map<string, Home[]>();
  readonly #opened = new Map<string, Promise<Source>>();
  readonly #frames = new Map<string, Promise<Uint8Array>>();
  readonly #snapshots = new Map<string, Snapshot>();
  readonly problems: string[] = [];

  constructor(place: Place, keys: VaultKeys | undefined) {
    this.#place = place;
    this.#keys = keys;
  }

  get snapshots(): readonly Snapshot[] {
    return newestFirst(this.#snapshots.values());
  }

  async load(progress: (what: string) => void): Promise<void> {
    progress("reading the index");
    await this.#readIndex();
    const missing = await this.#unknownUnits();
    for (const [n, name] of missing.entries()) {
      progress(`reading tables of units, ${n + 1} of ${missing.length}`);
      await this.#attempt(() => this.#readTable(name));
    }
    progress("reading snapshots");
    for (const name of await this.#place.list("snapshots")) {
      if (HEX64.test(name)) await this.#attempt(() => this.#readSnapshot(name));
    }
    if (this.#snapshots.size === 0) await this.#readCopiedRoots();
  }

  async *entries(snapshot: Snapshot): AsyncGenerator<Entry> {
    for (const { id, count } of snapshot.hunks) yield* entriesIn(await this.#item("meta", id), id, count);
  }

  async *content({ content, size, path }: Pick<Entry, "content" | "size" | "path">) {
    demand(content !== undefined, `${path} could not be read when it was backed up`);
    yield* verified(this.#partsOf(content), { path, size }, { digest: content, hasher: sha256.create() });
  }

  async *#partsOf(content: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    if (this.#homes.has(`data ${content}`)) return yield await this.#item("data", content);
    for (const part of await this.#parts(`${content}f2`, 1)) yield await this.#item("data", part);
  }

  async #parts(list: string, levels: number): Promise<string[]> {
    const [head, ...lines] = linesOf(await this.#item("meta", list), list);
    const { format, version, level } = fields(head);
    demand(format === "backup-tool parts" && version === 1, `${list} is no list of parts`);
    const ids = lines.map((line) => String(listOf(line)[0]));
    if (level === 0) return ids;
    demand(levels > 0, `${list} has too many levels`);
    const below = await Promise.all(ids.map((id) => this.#parts(id, levels - 1)));
    return below.flat();
  }

  /** Reads and verifies an item; tries every unit that has it. @throws Damaged */
  async #item(kind: "data" | "meta", id: string): Promise<Uint8Array<ArrayBuffer>> {
    const homes = [...this.#homes.get(`${kind} ${id}`) ?? [], ...this.#copies.get(id) ?? []];
    let why: unknown = new Damaged(`${id} is in no unit that is here`);
    for (const { unit, item } of homes) {
      try {
        const frame = await this.#frame(unit, item.frame), bytes = frame.slice(item.at, item.at + item.size);
        demand(hexOf(sha256(bytes)) === item.digest, `${id} is damaged in unit ${unit}`);
        return bytes;
      } catch (error) {
        why = error;
      }
    }
    throw why;
  }

  /** Reads a frame. The last few are cached, because files of one directory are stored side by side. */
  #frame(unit: string, index: number): Promise<Uint8Array> {
    const key = `${unit} ${index}`, what = `Unit ${unit}`;
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const frame = this.#units.get(unit)?.frames[index];
    const made = this.#unit(unit).then((plain) => {
      demand(frame !== undefined, `${what} has no such frame`);
      return frameOf(plain, frame, what);
    });
    remember(this.#frames, key, made, 4);
    return made;
  }

  #unit(name: string): Promise<Source> {
    const known = this.#opened.get(name);
    if (known !== undefined) return known;
    const made = this.#openUnit(name, this.#units.get(name)?.class);
    remember(this.#opened, name, made, 8);
    return made;
  }

  async #openUnit(name: string, kind: "data" | "meta" | undefined): Promise<Source> {
    const path = `data/${name}`, split = `data/${name.slice(0, 2)}/${name}`;
    const source = await this.#place.open(split) ?? await this.#place.open(path);
    demand(source !== undefined, `Unit ${name} is missing`);
    const keys = this.#keys;
    if (keys === undefined) return source;
    if (kind !== undefined) return await opened(source, keys[kind], `Unit ${name}`);
    try {
      return await opened(source, keys.data, `Unit ${name}`);
    } catch {
      return await opened(source, keys.meta, `Unit ${name}`);
    }
  }

  #add(name: string, table: UnitTable): void {
    this.#units.set(name, table);
    for (const item of table.items) addTo(this.#homes, `${table.class} ${item.id}`, { unit: name, item });
    this.#addCopies(name, table);
  }

  #addCopies(name: string, { copies }: UnitTable): void {
    for (const item of copies) addTo(this.#copies, item.id, { unit: name, item });
  }

  async #readIndex(): Promise<void> {
    const objects = new Map<string, readonly unknown[]>(), superseded = new Set<string>(), gone = new Set<string>();
    for (const name of (await this.#place.list("index")).filter((one) => HEX64.test(one))) {
      await this.#attempt(async () => {
        const lines = linesOf(await this.#small(`index/${name}`, name, "index"), `index/${name}`);
        objects.set(name, lines);
        for (const one of listOf(fields(lines[0])["supersedes"])) superseded.add(String(one));
      });
    }
    const units = new Map<string, UnitTable[]>();
    for (const [name, [head, ...lines]] of objects) {
      if (superseded.has(name)) continue;
      for (const line of lines.map(fields)) {
        const unit = String(line["unit"]);
        if (fields(head)["kind"] === "units") {
          await this.#attempt(() => {
            const tables = units.get(unit) ?? [];
            tables.push(tableOf(line, `index/${name}`));
            units.set(unit, tables);
          });
        } else if ("gone" in line) gone.add(unit);
      }
    }
    for (const [unit, tables] of units) {
      const [first] = tables;
      if (first === undefined || gone.has(unit)) continue;
      // Those that contradict each other don't count: the unit's own table does.
      if (tables.some(({ frames }) => JSON.stringify(frames) !== JSON.stringify(first.frames))) continue;
      this.#add(unit, { ...first, items: tables.flatMap(({ items }) => items) });
    }
  }

  /** Ids of units that the index doesn't list. */
  async #unknownUnits(): Promise<string[]> {
    const found: string[] = [];
    for (const name of await this.#place.list("data")) {
      const names = /^[0-9a-f]{2}$/.test(name) ? await this.#place.list(`data/${name}`) : [name];
      found.push(...names.filter((one) => HEX64.test(one) && !this.#units.has(one)));
    }
    return found;
  }

  async #readTable(name: string): Promise<void> {
    this.#add(name, await tableAtEnd(await this.#openUnit(name, undefined), `Unit ${name}`));
  }

  async #readSnapshot(name: string): Promise<void> {
    const what = `snapshots/${name}`;
    this.#addRoot(await this.#small(what, name, "root"), what);
  }

  #addRoot(bytes: Uint8Array, what: string): void {
    const id = `${hexOf(sha256(bytes))}f0`, { algorithm, ...snapshot } = snapshotIn(bytes, id, what);
    demand(algorithm === "sha256", `${what} has ids of another algorithm`);
    this.#snapshots.set(id, snapshot);
  }

  /** Reads the copies of roots if snapshots/ is gone. Snapshots forgotten since may reappear. */
  async #readCopiedRoots(): Promise<void> {
    // The index lists no copies: the units' own tables do.
    for (const [name, { class: kind, copies }] of this.#units) {
      if (kind !== "meta" || copies.length > 0) continue;
      await this.#attempt(async () => this.#addCopies(name, await tableAtEnd(await this.#unit(name), `Unit ${name}`)));
    }
    for (const id of this.#copies.keys()) {
      if (!/^[0-9a-f]{64}f0$/.test(id)) continue;
      await this.#attempt(async () => this.#addRoot(await this.#item("meta", id), id));
    }
    if (this.#snapshots.size > 0) this.problems.push("snapshots/ is empty: these are the copies in units");
  }

  /** The plaintext of an object in index/ or snapshots/, without its signature. @throws Damaged */
  async #small(path: string, name: string, signed: string): Promise<Uint8Array<ArrayBuffer>> {
    const source = await this.#place.open(path), keys = this.#keys;
    demand(source !== undefined, `${path} is missing`);
    const stored = await all(source, MOST_INDEX, path);
    demand(hexOf(sha256(stored)) === name, `${path} is damaged`);
    if (keys === undefined) return Uint8Array.from(unpacked(stored, undefined, path, MOST_INDEX));
    const sealed = { size: stored.length, read: (from: number, to: number) => Promise.resolve(stored.slice(from, to)) };
    const frame = await all(await opened(sealed, keys.meta, path), MOST_INDEX, path);
    const plain = Uint8Array.from(unpacked(frame, undefined, path, MOST_INDEX)), end = plain.length - SIGNATURE;
    demand(end >= 0 && await isSigned(keys.auth, signed, plain, end), `${path} is not rightly signed`);
    return plain.subarray(0, end);
  }

  /** Runs an action. If it fails, the object is skipped and listed in the problems. */
  async #attempt(action: () => Promise<void> | void): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.problems.push(error instanceof Error ? error.message : String(error));
    }
  }
}

async function isSigned(auth: CryptoKey, kind: string, plain: Uint8Array, end: number): Promise<boolean> {
  const line = new TextDecoder().decode(plain.subarray(end));
  const [, hex] = /^\{"hmac":"([0-9a-f]{64})"\}\n$/.exec(line) ?? [];
  if (hex === undefined) return false;
  const head = new TextEncoder().encode(`${kind}\n`), signed = new Uint8Array(head.length + end);
  signed.set(head);
  signed.set(plain.subarray(0, end), head.length);
  const signature = Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  return await crypto.subtle.verify("HMAC", auth, signature, signed);
}

function linesOf(bytes: Uint8Array, what: string): unknown[] {
  const lines = new TextDecoder("utf-8", { fatal: true }).decode(bytes).split("\n");
  demand(lines.pop() === "" && lines.length > 0, `The last line of ${what} has no end`);
  return lines.map((line) => jsonOf(new TextEncoder().encode(line), what));
}

function addTo(homes: Map<string, Home[]>, key: string, home: Home): void {
  const known = homes.get(key) ?? [];
  known.push(home);
  homes.set(key, known);
}

function remember<T>(map: Map<string, Promise<T>>, key: string, value: Promise<T>, most: number): void {
  map.set(key, value);
  value.catch(() => map.delete(key));
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}
