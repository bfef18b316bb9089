/** The files of a heap: one file, or all files below a directory. */
import { baseName, joinRaw, parentPath, type Raw, textOf } from "../../core/raw.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import type { HeapFile } from "./plaintext.ts";
import type { HeapEntry } from "./salvage.ts";

/**
 * @param path absolute path of a file or directory; symlinks in it are not followed
 * @param except a directory to skip, if it is below: the target of the salvage
 * @throws DiskFault
 */
export function* heapAt(disk: Disk, path: Raw, except?: Dir): Generator<HeapEntry> {
  const name = baseName(path);
  using parent = disk.openDir(parentPath(path));
  const kind = parent.stat(name)?.kind;
  if (kind === undefined) throw new DiskFault("ENOENT", "open", path);
  if (kind === "file") return yield entryOf(disk, parent.path, name);
  using dir = parent.openDir(name);
  yield* filesBelow(disk, dir, except);
}

function* filesBelow(disk: Disk, dir: Dir, except: Dir | undefined): Generator<HeapEntry> {
  if (except !== undefined && isSame(dir, except)) return;
  for (const name of [...dir.list().names].sort()) {
    const kind = dir.stat(name)?.kind;
    if (kind === "file") yield entryOf(disk, dir.path, name);
    else if (kind === "dir") {
      using below = dir.openDir(name);
      yield* filesBelow(disk, below, except);
    }
  }
}

function isSame(a: Dir, b: Dir): boolean {
  const [one, other] = [a.statSelf(), b.statSelf()];
  return one.device === other.device && one.inode === other.inode && (one.inode !== "0" || a.path === b.path);
}

function entryOf(disk: Disk, directory: Raw, name: Raw): HeapEntry {
  const path = joinRaw(directory, name);
  return {
    path: textOf(path),
    open: () => {
      using dir = disk.openDir(directory);
      const file = dir.open(name);
      if (file === undefined) throw new DiskFault("ENOENT", "open", path);
      const { size } = file.stat();
      return {
        size,
        read: (into, position) => file.read(into, position),
        [Symbol.dispose]: () => file[Symbol.dispose](),
      } satisfies
        & HeapFile
        & Disposable;
    },
  };
}
