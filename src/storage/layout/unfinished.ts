/** Recognises and removes a storage whose creation was interrupted. It has nothing but empty directories. */
import { baseName, joinRaw, parentPath, type Raw, rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";

const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp"), MAIN = rawOf("main"), LOCK = rawOf("lock");
/** A directory that the top of a new file system may have. */
const LOST_AND_FOUND = rawOf("lost+found");
const LEAF_NAME = /^[0-9a-f]{1,3}$/;
/** Most levels of directories in content/. */
const MOST_LEVELS = 2;
/** Size in bytes that db/main is always below. */
const LARGEST_MAIN_BYTES = 64 * 1024;

/** Why a storage can't be created, or created anew, in a directory; undefined if it can. */
export function unfinishedLacks(directory: Dir): string | undefined {
  const names = directory.list().names.filter((name) => name !== LOST_AND_FOUND);
  const others = names.filter((name) => ![DB, CONTENT, TMP].includes(name));
  if (hasMain(directory)) return "there is one already";
  const isOurs = others.length === 0 && names.every((name) => isUnfinished(directory, name));
  return isOurs ? undefined : "the directory is not empty";
}

function hasMain(directory: Dir): boolean {
  if (directory.stat(DB)?.kind !== "dir") return false;
  using db = directory.openDir(DB);
  return db.stat(MAIN) !== undefined;
}

function isUnfinished(directory: Dir, name: Raw): boolean {
  if (directory.stat(name)?.kind !== "dir") return false;
  using part = directory.openDir(name);
  const { names } = part.list();
  if (name === CONTENT) return names.every((leaf) => isEmptyLeaf(part, leaf, 1));
  const file = name === DB ? LOCK : MAIN;
  return names.every((found) => found === file && isSmallFile(part, found));
}

function isSmallFile(directory: Dir, name: Raw): boolean {
  const stat = directory.stat(name);
  return stat?.kind === "file" && stat.size <= LARGEST_MAIN_BYTES;
}

/** True if the directory has only directories named by hex digits, on all levels. */
function isEmptyLeaf(parent: Dir, name: Raw, level: number): boolean {
  if (!LEAF_NAME.test(name) || level > MOST_LEVELS || parent.stat(name)?.kind !== "dir") return false;
  using directory = parent.openDir(name);
  return directory.list().names.every((below) => isEmptyLeaf(directory, below, level + 1));
}

/**
 * Removes what {@link unfinishedLacks} accepts: the first attempt may have had other settings. @throws DiskFault if a
 * directory isn't empty
 */
export function clearUnfinished(storage: Dir): void {
  using content = storage.openDir(CONTENT);
  using temp = storage.openDir(TMP);
  temp.unlink(MAIN);
  for (const path of emptyLeaves(content, rawOf(""))) {
    using parent = content.openPath(parentPath(path));
    parent.rmdir(baseName(path));
  }
}

/** Paths of all directories below, deepest first. */
function emptyLeaves(content: Dir, path: Raw): Raw[] {
  using directory = content.openPath(path);
  return directory.list().names.flatMap((name) => {
    const below = joinRaw(path, name);
    return [...emptyLeaves(content, below), below];
  });
}
