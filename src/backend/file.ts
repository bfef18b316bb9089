/**
 * Objects as files in a directory, in the layout of restic's rest-server: `data/` is split by the first two digits of
 * the names. A file appears under its name when it is complete and durable.
 */
import { Interrupted, unlessFault } from "../core/fault.ts";
import type { Random } from "../core/clock.ts";
import { baseName, EMPTY, joinRaw, parentPath, type Raw, rawOf, textOf } from "../core/raw.ts";
import { type Dir, type Disk, DiskFault, makeDirectories } from "../platform/disk.ts";
import { openDirIfThere } from "../platform/open_optional.ts";
import {
  type Backend,
  type Body,
  type GetOptions,
  isObjectName,
  lengthIn,
  type ListedObject,
  OBJECT_KINDS,
  type ObjectKey,
  type ObjectKind,
  partsOf,
  type PutOptions,
  sizeOf,
  type StagedFile,
} from "./backend.ts";
import { MissingObject, ObjectTaken, ShortObject } from "./faults.ts";

const DIRECTORY_MODE = 0o700;
/** Nobody changes an object. */
const FILE_MODE = 0o400;
const TEMPORARY = ".tmp-", TEMPORARY_RANDOM_BYTES = 8;
const SPLIT_DIGITS = 2;
/** Written and read at a time. */
const PIECE_BYTES = 1024 * 1024;
const NS_PER_MS = 1_000_000n;
/** Age in ms from which a file that was staged, and not put, is left over: a machine may sleep for some days. */
const LEFT_STAGED_MS = 7 * 24 * 60 * 60_000;

export interface FileOptions {
  readonly disk: Disk;
  readonly random: Random;
  /** Creates the directory if it is missing. Default: it must exist. */
  readonly create?: boolean;
}

/** Opens the backend of a directory. @throws DiskFault */
export function openFileBackend(path: Raw, { disk, random, create = false }: FileOptions): Backend {
  return new FileBackend(create ? makeDirectories(disk, path, DIRECTORY_MODE) : disk.openDir(path), random);
}

/** Where a key lies, relative to the top. */
function placeOf(key: ObjectKey): { readonly directory: Raw; readonly name: Raw } {
  const parts = partsOf(key);
  if (parts === undefined) return { directory: EMPTY, name: rawOf(key) };
  const { kind, name } = parts;
  const directory = kind === "data" ? `${kind}/${name.slice(0, SPLIT_DIGITS)}` : kind;
  return { directory: rawOf(directory), name: rawOf(name) };
}

class FileBackend implements Backend {
  readonly location: string;
  readonly can = { remove: true, putIfAbsent: true };
  readonly #top: Dir;
  readonly #random: Random;
  #hasStaged = false;

  constructor(top: Dir, random: Random) {
    this.#top = top;
    this.#random = random;
    this.location = textOf(top.path);
  }

  // deno-lint-ignore require-await -- a failure is a rejection
  async put(key: ObjectKey, body: Body, { signal }: PutOptions = {}): Promise<"stored" | "there"> {
    const { directory, name } = placeOf(key);
    using dir = this.#makeDirectory(directory);
    const found = dir.stat(name);
    if (found !== undefined) return isThere(key, body, found.size);
    const adopted = adopt(this.#top, body, dir, name);
    if (adopted === "exists") return isThere(key, body, dir.stat(name)?.size);
    if (adopted === "stored") return adopted;
    const temporary = this.#temporaryName();
    try {
      writeFile(dir, { name: temporary, body, signal });
      if (!publish(dir, temporary, dir, name)) return isThere(key, body, dir.stat(name)?.size);
      dir.sync();
      return "stored";
    } finally {
      // What stays is a leftover like others: the failure that matters is the first one.
      unlessFault(() => dir.unlink(temporary), false);
    }
  }

  stage(): StagedFile {
    if (!this.#hasStaged) unlessFault(() => this.#removeStaged(), undefined);
    this.#hasStaged = true;
    return { directory: this.#top.path, name: this.#temporaryName() };
  }

  /** Removes files that killed programs left. The newest time is that of the place, wherever it is. */
  #removeStaged(): void {
    const { mtime } = this.#top.statSelf();
    removeTemporary(this.#top, BigInt(mtime) - BigInt(LEFT_STAGED_MS) * NS_PER_MS);
  }

  // deno-lint-ignore require-await -- a failure is a rejection
  async get(key: ObjectKey, options: GetOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    throwIfAborted(options.signal);
    const { directory, name } = placeOf(key);
    using dir = openDirIfThere(this.#top, directory);
    using file = dir?.open(name);
    if (file === undefined) throw new MissingObject(key);
    const length = lengthIn(file.stat().size, key, options), from = options.range?.from ?? 0;
    // System calls don't mind memory that threads share.
    const room = options.into as Uint8Array<ArrayBuffer> | undefined;
    const bytes = room?.subarray(0, length) ?? new Uint8Array(length);
    const read = file.read(bytes, from);
    if (read !== length) throw new ShortObject(key, from + length, from + read);
    return bytes;
  }

  // deno-lint-ignore require-await -- a failure is a rejection
  async head(key: ObjectKey, signal?: AbortSignal): Promise<number | undefined> {
    throwIfAborted(signal);
    const { directory, name } = placeOf(key);
    using dir = openDirIfThere(this.#top, directory);
    return dir?.stat(name)?.size;
  }

  async *list(kind: ObjectKind, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    for (const directory of this.#directoriesOf(kind)) {
      throwIfAborted(signal);
      using dir = openDirIfThere(this.#top, directory);
      if (dir === undefined) continue;
      for (const raw of dir.list().names) {
        const name = textOf(raw);
        if (!isObjectName(name) || !isAtHome(kind, name, directory)) continue;
        const stat = dir.stat(raw); // undefined: it was removed meanwhile
        if (stat?.kind === "file") yield { name, size: stat.size };
      }
    }
  }

  // deno-lint-ignore require-await -- a failure is a rejection
  async remove(key: ObjectKey, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const { directory, name } = placeOf(key);
    using dir = openDirIfThere(this.#top, directory);
    dir?.unlink(name);
  }

  /** The place's time is the time that the file system gives a new file: on a network share, the server's. */
  // deno-lint-ignore require-await -- a failure is a rejection
  async now(): Promise<number> {
    using dir = this.#makeDirectory(rawOf("locks"));
    const name = this.#temporaryName();
    using _file = dir.create(name, FILE_MODE);
    try {
      return Number(BigInt(dir.stat(name)?.mtime ?? "0") / NS_PER_MS);
    } finally {
      dir.unlink(name);
    }
  }

  // deno-lint-ignore require-await -- a failure is a rejection
  async removeLeftovers(beforeMs: number): Promise<number> {
    let removed = 0;
    const directories = OBJECT_KINDS.flatMap((kind) => [...this.#directoriesOf(kind)]);
    for (const directory of [EMPTY, ...directories]) {
      using dir = openDirIfThere(this.#top, directory);
      if (dir !== undefined) removed += removeTemporary(dir, BigInt(Math.floor(beforeMs)) * NS_PER_MS);
    }
    return removed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#top[Symbol.dispose]();
    return Promise.resolve();
  }

  *#directoriesOf(kind: ObjectKind): Generator<Raw> {
    if (kind !== "data") return yield rawOf(kind);
    using dir = openDirIfThere(this.#top, rawOf(kind));
    const isSplit = new RegExp(`^[0-9a-f]{${SPLIT_DIGITS}}$`);
    for (const name of dir?.list().names ?? []) {
      if (isSplit.test(name) && dir?.stat(name)?.kind === "dir") yield joinRaw(rawOf(kind), name);
    }
  }

  /** Made when the first object comes, durably: an object is no safer than the directory that it lies in. */
  #makeDirectory(path: Raw): Dir {
    const found = openDirIfThere(this.#top, path);
    if (found !== undefined) return found;
    using parent = this.#makeDirectory(parentPath(path));
    const name = baseName(path);
    parent.mkdir(name, DIRECTORY_MODE);
    parent.sync();
    return parent.openDir(name);
  }

  #temporaryName(): Raw {
    const random = Array.from(this.#random(TEMPORARY_RANDOM_BYTES), (byte) => byte.toString(16).padStart(2, "0"));
    return rawOf(`${TEMPORARY}${random.join("")}`);
  }
}

/** Removes temporary files of a directory that were last changed before a time, in ns since 1970. @returns how many */
function removeTemporary(dir: Dir, before: bigint): number {
  let removed = 0;
  for (const name of dir.list().names) {
    if (!name.startsWith(TEMPORARY)) continue;
    const stat = dir.stat(name);
    if (stat?.kind === "file" && BigInt(stat.mtime) < before && dir.unlink(name)) removed++;
  }
  return removed;
}

function isThere(key: ObjectKey, body: Body, foundBytes: number | undefined): "there" {
  if (foundBytes !== sizeOf(body)) throw new ObjectTaken(key, sizeOf(body), foundBytes ?? 0);
  return "there";
}

function isAtHome(kind: ObjectKind, name: string, directory: Raw): boolean {
  return kind !== "data" || directory.endsWith(`/${name.slice(0, SPLIT_DIGITS)}`);
}

function writeFile(
  dir: Dir,
  { name, body, signal }: { readonly name: Raw; readonly body: Body; readonly signal: AbortSignal | undefined },
): void {
  using file = dir.create(name, FILE_MODE);
  if (file === undefined) throw new DiskFault("EEXIST", "create", joinRaw(dir.path, name));
  let position = 0;
  for (const piece of piecesOf(body)) {
    throwIfAborted(signal);
    file.write(piece, position);
    position += piece.length;
  }
  file.sync();
}

function* piecesOf(body: Body): Generator<Uint8Array<ArrayBuffer>> {
  const size = sizeOf(body);
  const buffer = body instanceof Uint8Array ? undefined : new Uint8Array(Math.min(size, PIECE_BYTES));
  for (let at = 0; at < size;) {
    const length = Math.min(PIECE_BYTES, size - at);
    if (body instanceof Uint8Array) yield body.subarray(at, at + length);
    else if (buffer !== undefined) {
      const piece = buffer.subarray(0, length);
      if (body.read(piece, at) !== length) throw new Error("A spooled file has become shorter");
      yield piece;
    }
    at += length;
  }
}

/** Gives the file its name, unless that is taken. Where there are no hard links, somebody else might come between. */
function publish(from: Dir, temporary: Raw, to: Dir, name: Raw): boolean {
  const result = from.link(temporary, to, name);
  if (result === "linked") return true;
  if (result === "exists" || to.stat(name) !== undefined) return false;
  from.rename(temporary, to, name);
  return true;
}

/** Makes a staged file the object. @returns undefined if the body is no such file, or its place another file system */
function adopt(top: Dir, body: Body, dir: Dir, name: Raw): "stored" | "exists" | undefined {
  if (body instanceof Uint8Array || body.staged === undefined) return undefined;
  const found = top.stat(body.staged)?.size;
  if (found === undefined) throw new DiskFault("ENOENT", "open", joinRaw(top.path, body.staged));
  if (found !== body.size) throw new Error(`A staged file has ${found} bytes instead of ${body.size}`);
  try {
    if (!publish(top, body.staged, dir, name)) return "exists";
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "EXDEV") return undefined;
    throw error;
  }
  dir.sync();
  return "stored";
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new Interrupted();
}
