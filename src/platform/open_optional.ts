/** Opening what need not be there. */
import type { Raw } from "../core/raw.ts";
import { type Dir, DiskFault, type OpenFile } from "./disk.ts";

/** What opening a directory says where there is none: nothing by that name, or something else. */
const NO_DIRECTORY: readonly string[] = ["ENOENT", "ENOTDIR", "ELOOP"];
/** What opening a file says of something that is no regular file. */
const NO_FILE: readonly string[] = ["EISDIR", "ELOOP", "ENXIO"];

/** True of a failure to open a directory that says that there is none. */
export function saysNoDirectory(error: unknown): error is DiskFault {
  return error instanceof DiskFault && NO_DIRECTORY.includes(error.errno);
}

/** What `open` gives; undefined if a directory that it needs is missing, or something else has its place. @throws DiskFault */
export function unlessNoDirectory<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (saysNoDirectory(error)) return undefined;
    throw error;
  }
}

/** The directory at a path below `parent`; undefined if it is missing, or something else has its place. @throws DiskFault */
export function openDirIfThere(parent: Dir, path: Raw): Dir | undefined {
  return unlessNoDirectory(() => parent.openPath(path));
}

/** A regular file for reading; undefined if it is missing, or something else has its place. @throws DiskFault */
export function openFileIfThere(directory: Dir, name: Raw): OpenFile | undefined {
  try {
    return directory.open(name);
  } catch (error) {
    if (error instanceof DiskFault && NO_FILE.includes(error.errno)) return undefined;
    throw error;
  }
}
