/** Publishes a finished copy into archive/ in one step, whatever exists there. */
import { baseName, parentPath, type Raw, rawOf, splitRaw } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { removeRecursively } from "../../platform/remove_recursively.ts";

const ARCHIVE = rawOf("archive");
const OLD = rawOf("old");
const PUBLIC = 0o755;
const OWNER_ALL = 0o700;

/** The parent directories of a destination in archive/, and its name. */
export interface Destination {
  readonly parents: readonly Raw[];
  readonly name: Raw;
}

/** Splits a destination. @param destination validated by the schema: relative, without `..` */
export function destinationOf(destination: string, pack: "none" | "zip"): Destination {
  const isNamed = pack === "none" || /\.zip$/i.test(destination);
  const path = rawOf(isNamed ? destination : `${destination}.zip`), parent = parentPath(path);
  return { parents: parent === "" ? [] : splitRaw(parent, "/"), name: baseName(path) };
}

/** Opens a directory below archive/; undefined if it doesn't exist. @param storage directory of the storage */
export function openArchive(storage: Dir, parents: readonly Raw[]): Dir | undefined {
  let at: Dir | undefined;
  for (const part of [ARCHIVE, ...parents]) {
    using above = at;
    const parent: Dir = above ?? storage;
    if (parent.stat(part)?.kind !== "dir") return undefined;
    at = parent.openDir(part);
  }
  return at;
}

/** Opens a directory below archive/, creating it and its missing parents. @param storage directory of the storage */
export function makeArchive(storage: Dir, parents: readonly Raw[]): Dir {
  storage.mkdir(ARCHIVE, PUBLIC);
  let at = storage.openDir(ARCHIVE);
  for (const part of parents) {
    using above = at;
    above.mkdir(part, PUBLIC);
    at = above.openDir(part);
  }
  return at;
}

export interface Publication {
  /** Directory that contains the finished copy, named `ready`. */
  readonly from: Dir;
  readonly ready: Raw;
  /** This job's own directory, which receives what is replaced. */
  readonly work: Dir;
  readonly archive: Dir;
  readonly name: Raw;
  /** True if inode numbers show afterwards whether the copy was published: only then may the two be swapped. */
  readonly reliable: boolean;
}

/**
 * Publishes by a single rename or exchange where the file system can. What was replaced stays in the work directory
 * until that is cleared.
 */
export function publish({ from, ready, work, archive, name, reliable }: Publication): void {
  const stat = from.stat(ready);
  // A directory can't be moved by somebody who may not write to it. What others may do is decided when all is in its place.
  if (stat?.kind === "dir") from.setAttributes(ready, { mode: OWNER_ALL });
  else if (stat?.kind === "file") from.setAttributes(ready, { mode: stat.mode & OWNER_ALL });
  if (archive.stat(name) === undefined) return from.rename(ready, archive, name);
  makeMovable(archive, name);
  if (reliable && from.exchange(ready, archive, name)) return;
  removeRecursively(work, OLD);
  archive.rename(name, work, OLD);
  from.rename(ready, archive, name);
}

function makeMovable(archive: Dir, name: Raw): void {
  const stat = archive.stat(name);
  if (stat?.kind !== "dir" || (stat.mode & OWNER_ALL) === OWNER_ALL) return;
  try {
    archive.setAttributes(name, { mode: stat.mode | OWNER_ALL });
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error; // moving it says what is wrong
  }
}
