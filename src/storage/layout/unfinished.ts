/** A storage whose creation was interrupted: recognised, and removed. It holds nothing but empty directories. */
import { baseName, joinRaw, parentPath, type Raw, rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";

const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp"), MAIN = rawOf("main"), LOCK = rawOf("lock");
/** What the root of a new file system may hold. */
const LOST_AND_FOUND = rawOf("lost+found");
const LEAF_NAME = /^[0-9a-f]{1,3}$/;
/** Levels of directories in content/. */
const MOST_LEVELS = 2;
/** db/main is smaller. */
const LARGEST_MAIN_BYTES = 64 * 1024;

/** Why a storage can't be made, or made anew, in a directory; undefined if nothing speaks against it. */
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

/** Only directories with names of hex digits, at all levels. */
function isEmptyLeaf(parent: Dir, name: Raw, level: number): boolean {
  if (!LEAF_NAME.test(name) || level > MOST_LEVELS || parent.stat(name)?.kind !== "dir") return false;
  using directory = parent.openDir(name);
  return directory.list().names.every((below) => isEmptyLeaf(directory, below, level + 1));
}

/** Takes away what {@link unfinishedLacks} lets pass: other settings may have been asked for then. @throws DiskFault if it isn't empty */
export function clearUnfinished(storage: Dir): void {
  using content = storage.openDir(CONTENT);
  using temp = storage.openDir(TMP);
  temp.unlink(MAIN);
  for (const path of emptyLeaves(content, rawOf(""))) {
    using parent = content.openPath(parentPath(path));
    parent.rmdir(baseName(path));
  }
}

/** Deepest first. */
function emptyLeaves(content: Dir, path: Raw): Raw[] {
  using directory = content.openPath(path);
  return directory.list().names.flatMap((name) => {
    const below = joinRaw(path, name);
    return [...emptyLeaves(content, below), below];
  });
}
