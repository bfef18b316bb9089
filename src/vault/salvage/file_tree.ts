/**
 * Writes salvaged files below a directory, under their names. It replaces nothing and follows no symlinks. If a name is
 * taken by other bytes, `~2` and so on is appended.
 */
import { createHash, hash } from "node:crypto";
import { baseName, EMPTY, joinRaw, parentPath, type Raw, raw, sliceRaw, splitRaw, textOf } from "../../core/raw.ts";
import type { Dir, OpenFile } from "../../platform/disk.ts";
import type { TarEntry } from "../pack/tar_reader.ts";

const DIRECTORY_MODE = 0o700;
/** Bytes that are read and written at a time. */
const PIECE_BYTES = 1024 * 1024;

/** Attributes that tar knows, and anybody may set. */
export type FileFields = Pick<TarEntry, "mode" | "mtime">;

/** What was written of several pieces. */
interface CopiedFile {
  /** SHA-256, in hex. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
}

export class FileTree {
  readonly #top: Dir;

  constructor(top: Dir) {
    this.#top = top;
  }

  /**
   * Writes a file.
   * @param name relative and harmless
   * @returns its name in the tree, which may be an existing file with the same bytes
   * @throws DiskFault
   */
  write(name: Raw, bytes: Uint8Array<ArrayBuffer>, fields: FileFields): Raw {
    const { dir, path, base } = this.#directoryFor(name);
    using into = dir;
    for (let version = 1;; version++) {
      const each = versionOf(base, version);
      using file = into.create(each, 0o600);
      if (file === undefined) {
        if (holds(into, each, bytes)) return joinRaw(path, each);
        continue;
      }
      orRemove(into, each, () => {
        file.write(bytes, 0);
        setFields(file, fields);
      });
      return joinRaw(path, each);
    }
  }

  /**
   * Joins pieces in the tree to a file.
   * @param pieces names in order
   * @returns the file's name in the tree, and the digest and number of its bytes
   * @throws DiskFault, Error if a piece is gone
   */
  join(name: Raw, pieces: readonly Raw[], fields: FileFields): CopiedFile & { readonly name: Raw } {
    const { dir, path, base } = this.#directoryFor(name);
    using into = dir;
    for (let version = 1;; version++) {
      const each = versionOf(base, version);
      using file = into.create(each, 0o600);
      if (file === undefined) continue;
      const copied = orRemove(into, each, () => {
        const copied = this.#copy(pieces, file);
        setFields(file, fields);
        return copied;
      });
      const twin = this.#twinOf({ into, base, version, digest: copied.digest });
      if (twin !== undefined) into.unlink(each);
      return { name: joinRaw(path, twin ?? each), ...copied };
    }
  }

  /** An existing file with the same bytes: an earlier run may have joined it already. */
  #twinOf(
    { into, base, version, digest }: {
      readonly into: Dir;
      readonly base: Raw;
      readonly version: number;
      readonly digest: string;
    },
  ): Raw | undefined {
    const size = into.stat(versionOf(base, version))?.size;
    const earlier = Array.from({ length: version - 1 }, (_, i) => versionOf(base, i + 1));
    return earlier.find((name) => {
      const stat = into.stat(name);
      return stat?.kind === "file" && stat.size === size && this.#digestOf(into, name) === digest;
    });
  }

  #digestOf(dir: Dir, name: Raw): string | undefined {
    using file = dir.open(name);
    if (file === undefined) return undefined;
    const whole = createHash("sha256"), buffer = new Uint8Array(PIECE_BYTES);
    for (let position = 0;;) {
      const length = file.read(buffer, position);
      if (length === 0) return whole.digest("hex");
      whole.update(buffer.subarray(0, length));
      position += length;
    }
  }

  #copy(pieces: readonly Raw[], into: OpenFile): CopiedFile {
    const whole = createHash("sha256");
    let position = 0;
    for (const piece of pieces) {
      for (const bytes of this.read(piece)) {
        into.write(bytes, position);
        whole.update(bytes);
        position += bytes.length;
      }
    }
    return { digest: whole.digest("hex"), size: position };
  }

  /**
   * Reads a file of the tree in chunks; each is valid until the next is requested. @throws DiskFault, Error if it is
   * gone
   */
  *read(name: Raw): Generator<Uint8Array<ArrayBuffer>> {
    using dir = this.#top.openPath(parentPath(name));
    using file = dir.open(baseName(name));
    if (file === undefined) throw new Error(`${textOf(name)} is gone`);
    const buffer = new Uint8Array(PIECE_BYTES);
    for (let position = 0;;) {
      const length = file.read(buffer, position);
      if (length === 0) return;
      yield buffer.subarray(0, length);
      position += length;
    }
  }

  /** Removes a file, and its directory if that is then empty. */
  remove(name: Raw): void {
    const parent = parentPath(name);
    {
      using dir = this.#top.openPath(parent);
      dir.unlink(baseName(name));
      if (dir.list().names.length > 0) return;
    }
    using dir = this.#top.openPath(parentPath(parent));
    if (parent !== "") dir.rmdir(baseName(parent));
  }

  /** The directory of a name; created if it is missing. A file in its way is left alone. */
  #directoryFor(name: Raw): { dir: Dir; path: Raw; base: Raw } {
    const directory = parentPath(name);
    let dir = this.#top.openPath(EMPTY), path = EMPTY;
    for (const part of directory === "" ? [] : splitRaw(directory, "/")) {
      using above = dir;
      const child = directoryIn(above, part);
      dir = above.openDir(child);
      path = joinRaw(path, child);
    }
    return { dir, path, base: baseName(name) };
  }
}

function directoryIn(dir: Dir, name: Raw): Raw {
  for (let version = 1;; version++) {
    const each = versionOf(name, version);
    if (dir.mkdir(each, DIRECTORY_MODE) || dir.stat(each)?.kind === "dir") return each;
  }
}

function versionOf(name: Raw, version: number): Raw {
  return version === 1 ? name : raw`${sliceRaw(name, 0, 245)}~${version}`;
}

function holds(dir: Dir, name: Raw, bytes: Uint8Array): boolean {
  const stat = dir.stat(name);
  if (stat?.kind !== "file" || stat.size !== bytes.length) return false;
  using file = dir.open(name);
  const there = new Uint8Array(bytes.length);
  return file !== undefined && file.read(there, 0) === bytes.length && hash("sha256", there) === hash("sha256", bytes);
}

function setFields(file: OpenFile, { mode, mtime }: FileFields): void {
  // Without the bits that would give whoever runs it the rights of the owner.
  file.setAttributes({ mode: mode & 0o777, mtime });
}

/** Runs `action`, and removes the file if that fails. */
function orRemove<T>(dir: Dir, name: Raw, action: () => T): T {
  try {
    return action();
  } catch (error) {
    dir.unlink(name);
    throw error;
  }
}
