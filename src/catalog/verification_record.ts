/**
 * `db/verified/` records when each content was last verified, outside of the catalog, so that the times survive its
 * loss or a rebuild. Files are added atomically and never changed; when there are many, new ones with what is still
 * valid replace them. storage/FORMAT.md describes them.
 */
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { Fault } from "../core/fault.ts";
import { BadJson, fieldsOf, parseJson } from "../core/json.ts";
import { type Raw, rawOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import { openDirIfThere, openFileIfThere } from "../platform/open_optional.ts";
import { removeRecursively } from "../platform/remove_recursively.ts";
import { isContentId } from "../snapshot/entry_line.ts";
import type { Verifications } from "./verifications.ts";
import { dated, type DatedPortion, VERIFICATIONS_AT_ONCE, type VerifiedState } from "./verified_portions.ts";
import type { VerifiedItem } from "../snapshot/repository.ts";

const DB = rawOf("db"), TMP = rawOf("tmp"), NAME = rawOf("verified");
const FORMAT = "backup-tool verifications", VERSION = 1;
const NUMBER = /^\d{8,15}$/;
/** A file of that many is about 3 MB: read and written at once. */
const CONTENTS_IN_FILE = 100_000, LARGEST_BYTES = 16 * 1024 * 1024;
/** Nothing is repeated in random digits: looking for it costs a quarter of the time, and makes the file larger by 60 %. */
const GZIP = { level: 1, strategy: constants.Z_HUFFMAN_ONLY, chunkSize: 1024 * 1024 };
/** Of a content, roughly, under SHA-256. */
const BYTES_EACH = 36;
const FEW_FILES = 64, FEW_BYTES = 1024 * 1024;

/** What is asked of a catalog to keep the record short. */
type Noted = Pick<Verifications, "notedCount" | "noted" | "unnoted" | "isAnyUnnoted" | "isAllSoundSince">;

interface RecordFile {
  readonly name: Raw;
  readonly number: number;
}

export class VerificationRecord {
  readonly #storage: Dir;

  /** @param storage must have `db/` and `tmp/` */
  constructor(storage: Dir) {
    this.#storage = storage;
  }

  /**
   * Yields the recorded portions, newest first. Files that can't be read are skipped.
   * @param unreadable called with the reason for each of these
   * @throws DiskFault
   */
  *newestFirst(unreadable: (why: string) => void = () => {}): Generator<DatedPortion> {
    using directory = openDirIfThere(this.#storage, rawOf("db/verified"));
    if (directory === undefined) return;
    for (const { name } of filesIn(directory).reverse()) {
      const portions = readFile(directory, name);
      if (typeof portions === "string") unreadable(`db/verified/${name} can't be read: ${portions}`);
      else yield* portions.reverse();
    }
  }

  /**
   * Adds results after they were recorded in the catalog.
   * @param atMs time of the check, ms since 1970
   * @param catalog that recorded them; undefined if there is none
   * @throws DiskFault, CatalogFault
   */
  add(items: Iterable<VerifiedItem>, atMs: number, catalog: Noted | undefined): void {
    const former = this.#files(), isFirst = former.length === 0;
    const isAllSound = catalog?.isAllSoundSince(atMs) === true;
    const added = !isFirst || catalog === undefined || isAllSound ? this.#append(dated(items, atMs)) : 0;
    if (catalog === undefined) return;
    // A check of everything needs nothing of what was known before: that is neither read nor written again.
    if (isAllSound && added >= catalog.notedCount()) this.#remove(former);
    // An earlier version may have noted much in the catalog alone.
    else if (isFirst || this.#isLong(catalog)) this.rewrite(catalog);
  }

  /**
   * Replaces all files by what is still valid. A crash may leave old and new ones, which are equivalent together.
   * @throws DiskFault, CatalogFault
   */
  rewrite(catalog: Noted): void {
    const former = this.#files(), lacking = this.#lackingIn(catalog);
    this.#append(joined(lacking, catalog.noted()));
    this.#remove(former);
  }

  #remove(files: readonly RecordFile[]): void {
    if (files.length === 0) return;
    using directory = this.#storage.openPath(rawOf("db/verified"));
    for (const { name } of files) removeRecursively(directory, name);
    directory.sync();
  }

  /** What only the record knows, oldest first: another program may have made the catalog. */
  #lackingIn(catalog: Noted): DatedPortion[] {
    if (!catalog.isAnyUnnoted()) return [];
    const found: DatedPortion[] = [], seen = new Set<string>();
    for (const { ids, ...rest } of this.newestFirst()) {
      const lacking = catalog.unnoted(ids).filter((id) => !seen.has(id));
      for (const id of lacking) seen.add(id);
      if (lacking.length > 0) found.push({ ids: lacking, ...rest });
    }
    return found.reverse();
  }

  #isLong(catalog: Noted): boolean {
    using directory = this.#storage.openPath(rawOf("db/verified"));
    const files = filesIn(directory), noted = catalog.notedCount();
    const bytes = files.reduce((sum, { name }) => sum + (directory.stat(name)?.size ?? 0), 0);
    return files.length > FEW_FILES + 2 * noted / CONTENTS_IN_FILE || bytes > FEW_BYTES + 3 * BYTES_EACH * noted;
  }

  #files(): RecordFile[] {
    using directory = openDirIfThere(this.#storage, rawOf("db/verified"));
    return directory === undefined ? [] : filesIn(directory);
  }

  /** @returns number of contents */
  #append(found: Iterable<DatedPortion>): number {
    let number = this.#files().at(-1)?.number ?? 0;
    let lines: string[] = [], contents = 0, all = 0;
    for (const { atMs, state, ids } of found) {
      lines.push(JSON.stringify({ at: new Date(atMs).toISOString(), state, contents: ids }));
      contents += ids.length;
      all += ids.length;
      if (contents + VERIFICATIONS_AT_ONCE <= CONTENTS_IN_FILE) continue;
      this.#write(++number, lines);
      lines = [], contents = 0;
    }
    if (lines.length > 0) this.#write(++number, lines);
    return all;
  }

  /** Durably, and whole or not at all. */
  #write(number: number, lines: readonly string[]): void {
    using db = this.#storage.openDir(DB);
    if (db.mkdir(NAME, 0o700)) db.sync();
    using directory = db.openDir(NAME);
    using temp = this.#storage.openDir(TMP);
    removeRecursively(temp, NAME);
    using file = temp.create(NAME, 0o600);
    if (file === undefined) throw new DiskFault("EEXIST", "create", NAME);
    file.write(encodeVerified(lines), 0);
    file.sync();
    temp.rename(NAME, directory, rawOf(String(number).padStart(8, "0")));
    directory.sync();
  }
}

function* joined<T>(...parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}

/** In the order in which they were written. */
function filesIn(directory: Dir): RecordFile[] {
  return directory.list().names.filter((name) => NUMBER.test(name))
    .map((name) => ({ name, number: Number(name) })).sort((a, b) => a.number - b.number);
}

/** @returns why it can't be read, if so @throws DiskFault if nothing can be */
function readFile(directory: Dir, name: Raw): DatedPortion[] | string {
  try {
    using file = openFileIfThere(directory, name);
    const size = file?.stat().size ?? 0;
    if (file === undefined || size > LARGEST_BYTES) return "it is no regular file of such a size";
    const bytes = new Uint8Array(size);
    return decodeVerified(bytes.subarray(0, file.read(bytes, 0)));
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

/** Encodes a file. @param lines of JSON */
export function encodeVerified(lines: readonly string[]): Uint8Array<ArrayBuffer> {
  const text = [JSON.stringify({ format: FORMAT, version: VERSION }), ...lines].join("\n") + "\n";
  return new Uint8Array(gzipSync(text, GZIP));
}

/** Decodes a file. @returns the portions in the order of recording, or why it can't be read */
export function decodeVerified(bytes: Uint8Array<ArrayBuffer>): DatedPortion[] | string {
  const text = unpacked(bytes);
  if (text === undefined) return "it is damaged";
  const [head = "", ...lines] = text.split("\n").filter((line) => line !== "");
  try {
    const { format, version } = fieldsOf(parseJson(head)) as { format?: unknown; version?: unknown };
    if (format !== FORMAT || version !== VERSION) return "it is of another version";
    return lines.map((line) => portionOf(fieldsOf(parseJson(line))));
  } catch (error) {
    if (error instanceof BadJson) return error.message;
    throw error;
  }
}

function unpacked(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST_BYTES }).toString("utf8");
  } catch {
    return undefined; // the library throws errors of several kinds
  }
}

/** @throws BadJson */
function portionOf(fields: Readonly<Record<string, unknown>>): DatedPortion {
  const { at, state, contents } = fields as { at?: unknown; state?: unknown; contents?: unknown };
  const atMs = typeof at === "string" ? Date.parse(at) : NaN;
  if (!(atMs >= 0) || !isState(state) || !Array.isArray(contents)) throw new BadJson("a line says no time or state");
  const ids = contents.filter((id): id is string => typeof id === "string" && isContentId(id));
  if (ids.length !== contents.length) throw new BadJson("a line names what is no content");
  return { atMs, state, ids };
}

function isState(value: unknown): value is VerifiedState {
  return value === "ok" || value === "damaged";
}
