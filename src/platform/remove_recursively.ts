import type { Raw } from "../core/raw.ts";
import { type Dir, DiskFault } from "./disk.ts";

const PRIVATE = 0o700;

/**
 * Removes a directory with everything in it, without following links. What is mounted in it is not ours: it stays, and so
 * do the directories around it.
 * @returns true if it was there, and is gone
 */
export function removeRecursively(parent: Dir, name: Raw): boolean {
  const stat = parent.stat(name);
  if (stat === undefined || stat.isMountPoint) return false;
  if (stat.kind !== "dir") return parent.unlink(name);
  if ((stat.mode & PRIVATE) !== PRIVATE) parent.setAttributes(name, { mode: stat.mode | PRIVATE });
  return emptyDirectory(parent, name) && parent.rmdir(name);
}

/** @returns false if something had to stay */
function emptyDirectory(parent: Dir, name: Raw): boolean {
  using directory = parent.openDir(name);
  const { names, kinds } = directory.list();
  let left = 0;
  names.forEach((child, i) => {
    const isFile = kinds[i] !== "dir" && kinds[i] !== undefined;
    if (!(isFile ? unlinkUnlessMounted(directory, child) : removeRecursively(directory, child))) left++;
  });
  return left === 0 || directory.list().names.length === 0;
}

function unlinkUnlessMounted(directory: Dir, name: Raw): boolean {
  try {
    return directory.unlink(name);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "EBUSY") return false;
    throw error;
  }
}
