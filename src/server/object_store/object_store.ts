/**
 * Repositories of other machines: DIR/<user>/<repository>/, with the layout of a local restic repository. An object is
 * complete and durable before it gets its name; nothing is ever replaced, and no symlink is followed.
 */
import { newHasher } from "../../core/digest.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { type Dir, type Disk, DiskFault, type OpenFile } from "../../platform/disk.ts";
import { openFileIfThere, unlessNoDirectory } from "../../platform/open_optional.ts";
import { Quota } from "./quota.ts";
import { Traffic } from "./traffic.ts";

export const TYPES = ["data", "index", "keys", "locks", "snapshots"] as const;
export type ObjectType = typeof TYPES[number];

/** A user's repository; both names satisfy {@link isName}. */
export interface Repository {
  readonly user: string;
  readonly name: string;
}

/** An object, or the configuration of a repository. */
export interface ObjectPath extends Repository {
  readonly type: ObjectType | "config";
  /** 64 hex digits; "" for a configuration. */
  readonly id: string;
}

export interface StoredObject {
  readonly size: number;
  /** Reads a range. The file is opened for the first piece. */
  read(from: number, to: number): AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** "full": there is no room, or the quota is exhausted. */
export type Stored = "stored" | "there" | "other-bytes" | "full" | "no-repository";

export interface StoreTerms {
  /** Announced size in bytes. */
  readonly bytes: number | undefined;
  /** Quota of the user, for all repositories together, in bytes. */
  readonly quotaBytes: number | undefined;
}

export interface StoreOptions {
  readonly disk: Disk;
  /** Absolute path of an existing directory. */
  readonly path: Raw;
  /** Limit for all users together, in bytes. */
  readonly mostBytes?: number;
  readonly appendOnly: boolean;
  /** Share of the file system that stays free, 0 to 1. Default: 0.05. */
  readonly reserved?: number;
}

const DIRECTORY_MODE = 0o700, FILE_MODE = 0o600;
const PIECE = 256 * 1024;
/** Default for the share of the file system that stays free. */
const RESERVED_SHARE = 0.05;
const UPLOADS = rawOf(".uploads"), CONFIG = rawOf("config");
const FULL: readonly string[] = ["ENOSPC", "EDQUOT", "EFBIG"];

/** True for a valid name of a user or repository. */
export function isName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name) && name !== "config" && !isType(name);
}

export function isType(name: string): name is ObjectType {
  return (TYPES as readonly string[]).includes(name);
}

export class ObjectStore implements Disposable {
  readonly appendOnly: boolean;
  /** Traffic, recorded by the handlers of requests. */
  readonly traffic = new Traffic();
  readonly #top: Dir;
  readonly #uploads: Dir;
  readonly #quota: Quota;
  readonly #reserved: number;
  #number = 0;

  /** Removes uploads that a crash left. @throws DiskFault */
  constructor({ disk, path, mostBytes, appendOnly, reserved = RESERVED_SHARE }: StoreOptions) {
    using held = new DisposableStack();
    this.appendOnly = appendOnly;
    this.#reserved = reserved;
    this.#top = held.use(disk.openDir(path));
    this.#top.mkdir(UPLOADS, DIRECTORY_MODE);
    this.#uploads = held.use(this.#top.openDir(UPLOADS));
    for (const left of this.#uploads.list().names) this.#uploads.unlink(left);
    this.#quota = new Quota(this.#top, mostBytes);
    held.move();
  }

  [Symbol.dispose](): void {
    this.#uploads[Symbol.dispose]();
    this.#top[Symbol.dispose]();
  }

  /** Creates a repository; an existing one stays as it is. */
  create({ user, name }: Repository): void {
    this.#top.mkdir(rawOf(user), DIRECTORY_MODE);
    using own = this.#top.openDir(rawOf(user));
    own.mkdir(rawOf(name), DIRECTORY_MODE);
    using repository = own.openDir(rawOf(name));
    for (const type of TYPES) repository.mkdir(rawOf(type), DIRECTORY_MODE);
    repository.sync();
    own.sync();
    this.#top.sync();
  }

  isThere(repository: Repository): boolean {
    using directory = this.#open(repository);
    return directory !== undefined;
  }

  /** Names and sizes of objects; undefined if there is no such repository. Other files are ignored. */
  list({ user, name }: Repository, type: ObjectType): { readonly name: string; readonly size: number }[] | undefined {
    using repository = this.#open({ user, name });
    if (repository === undefined) return undefined;
    using top = directoryIn(repository, rawOf(type));
    if (top === undefined) return [];
    if (type !== "data") return objectsIn(top);
    return top.list().names.filter((one) => /^[0-9a-f]{2}$/.test(one)).sort().flatMap((prefix) => {
      using directory = directoryIn(top, prefix);
      return directory === undefined ? [] : objectsIn(directory).filter((one) => one.name.startsWith(textOf(prefix)));
    });
  }

  /** Opens an object; undefined if it doesn't exist. */
  open(path: ObjectPath): StoredObject | undefined {
    using directory = this.#directoryOf(path);
    const stat = directory?.stat(nameOf(path));
    if (stat?.kind !== "file") return undefined;
    return { size: stat.size, read: (from, to) => this.#pieces(path, from, to) };
  }

  /** Stores an object; a failure leaves nothing. @param body its bytes; if it throws, so does this */
  async put(path: ObjectPath, body: AsyncIterable<Uint8Array<ArrayBuffer>>, terms: StoreTerms): Promise<Stored> {
    if (!this.isThere(path)) return "no-repository";
    if (this.#has(path)) return "there";
    using room = this.#quota.begin(path.user, terms.quotaBytes);
    if (!room.reserve(terms.bytes ?? 0) || !this.#hasRoom(terms.bytes ?? 0)) return "full";
    const temporary = rawOf(`upload-${++this.#number}`);
    try {
      const isRight = await this.#receive(temporary, { path, body, room });
      if (isRight !== "stored") return isRight;
      const outcome = this.#publish(temporary, path);
      if (outcome === "stored") room.keep();
      return outcome;
    } catch (error) {
      if (error instanceof DiskFault && FULL.includes(error.errno)) return "full";
      throw error;
    } finally {
      this.#uploads.unlink(temporary);
    }
  }

  /** Removes an object. @returns its size in bytes; undefined if it didn't exist */
  remove(path: ObjectPath): number | undefined {
    using directory = this.#directoryOf(path);
    const name = nameOf(path), stat = directory?.stat(name);
    if (directory === undefined || stat?.kind !== "file") return undefined;
    const isGone = directory.unlink(name);
    directory.sync();
    if (!isGone) return undefined;
    this.#quota.release(path.user, stat.size);
    return stat.size;
  }

  async #receive(
    temporary: Raw,
    { path, body, room }: {
      readonly path: ObjectPath;
      readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>;
      readonly room: ReturnType<Quota["begin"]>;
    },
  ): Promise<Stored> {
    using file = this.#uploads.create(temporary, FILE_MODE);
    if (file === undefined) throw new DiskFault("EEXIST", "create", temporary);
    const hasher = newHasher("sha256");
    let size = 0;
    for await (const part of body) {
      if (!room.reserve(size + part.length)) return "full";
      file.write(part, size);
      hasher.update(part);
      size += part.length;
    }
    if (path.type !== "config" && hasher.hex() !== path.id) return "other-bytes";
    room.settle(size);
    file.sync();
    return "stored";
  }

  #publish(temporary: Raw, path: ObjectPath): Stored {
    using directory = this.#directoryOf(path, true);
    if (directory === undefined) return "no-repository";
    const name = nameOf(path), linked = this.#uploads.link(temporary, directory, name);
    if (linked === "exists") return "there";
    if (linked !== "linked") {
      // A file system without hard links: nobody else gives that name in between, for all come by here.
      if (directory.stat(name) !== undefined) return "there";
      this.#uploads.rename(temporary, directory, name);
    }
    directory.sync();
    return "stored";
  }

  async *#pieces(path: ObjectPath, from: number, to: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    using file = this.#file(path);
    for (let at = from; at < to;) {
      const piece = new Uint8Array(Math.min(PIECE, to - at)), got = file?.read(piece, at) ?? 0;
      // It is gone, or was cut by somebody else: the answer mustn't end well.
      if (got === 0) throw new DiskFault("EIO", "read", nameOf(path));
      at += got;
      yield piece.subarray(0, got);
    }
  }

  #file(path: ObjectPath): OpenFile | undefined {
    using directory = this.#directoryOf(path);
    return directory && openFileIfThere(directory, nameOf(path));
  }

  #has(path: ObjectPath): boolean {
    using directory = this.#directoryOf(path);
    return directory?.stat(nameOf(path)) !== undefined;
  }

  #hasRoom(bytes: number): boolean {
    const place = this.#top.fileSystem();
    return place === undefined || place.freeBytes >= bytes + place.totalBytes * this.#reserved;
  }

  #open({ user, name }: Repository): Dir | undefined {
    using own = directoryIn(this.#top, rawOf(user));
    return own && directoryIn(own, rawOf(name));
  }

  /** The directory of an object. @param make true creates its last level */
  #directoryOf(path: ObjectPath, make = false): Dir | undefined {
    using held = new DisposableStack();
    const repository = this.#open(path);
    if (repository === undefined || path.type === "config") return repository;
    held.use(repository);
    const type = rawOf(path.type), prefix = rawOf(path.id.slice(0, 2));
    if (make && repository.mkdir(type, DIRECTORY_MODE)) repository.sync();
    const directory = directoryIn(repository, type);
    if (directory === undefined || path.type !== "data") return directory;
    held.use(directory);
    if (make && directory.mkdir(prefix, DIRECTORY_MODE)) directory.sync();
    return directoryIn(directory, prefix);
  }
}

function nameOf({ type, id }: ObjectPath): Raw {
  return type === "config" ? CONFIG : rawOf(id);
}

/** Opens a directory; undefined if it doesn't exist. A symlink isn't followed. */
function directoryIn(parent: Dir, name: Raw): Dir | undefined {
  return parent.stat(name)?.kind === "dir" ? unlessNoDirectory(() => parent.openDir(name)) : undefined;
}

function objectsIn(directory: Dir): { readonly name: string; readonly size: number }[] {
  return directory.list().names.filter((name) => /^[0-9a-f]{64}$/.test(name)).sort().flatMap((name) => {
    const stat = directory.stat(name);
    return stat?.kind === "file" ? [{ name: textOf(name), size: stat.size }] : [];
  });
}
