/** Opens files and directories that may be missing. */
import type { Raw } from "../core/raw.ts";
import { type Dir, DiskFault, type OpenFile } from "./disk.ts";

/** What opening a directory says where there is none: nothing by that name, or something else. */
const NO_DIRECTORY: readonly string[] = ["ENOENT", "ENOTDIR", "ELOOP"];
/** What opening a file says of something that is no regular file. */
const NO_FILE: readonly string[] = ["EISDIR", "ELOOP", "ENXIO"];

/** True if opening a directory failed because there is none. */
export function saysNoDirectory(error: unknown): error is DiskFault {
  return error instanceof DiskFault && NO_DIRECTORY.includes(error.errno);
}

/** The result of `open`; undefined if a directory on the way is missing, or isn't a directory. @throws DiskFault */
export function unlessNoDirectory<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (saysNoDirectory(error)) return undefined;
    throw error;
  }
}

/** Opens the directory at a path below `parent`; undefined if it is missing, or isn't a directory. @throws DiskFault */
export function openDirIfThere(parent: Dir, path: Raw): Dir | undefined {
  return unlessNoDirectory(() => parent.openPath(path));
}

/** Opens a regular file for reading; undefined if it is missing, or isn't a regular file. @throws DiskFault */
export function openFileIfThere(directory: Dir, name: Raw): OpenFile | undefined {
  try {
    return directory.open(name);
  } catch (error) {
    if (error instanceof DiskFault && NO_FILE.includes(error.errno)) return undefined;
    throw error;
  }
}
