/** Small text files: read whole, replaced whole. Bytes that are not UTF-8 are kept (core/raw.ts). */
import { bytesOf, type Raw, rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";

const PRIVATE_FILE = 0o600;
const TEMP = rawOf("tmp");
const MOST_ASIDE = 1000;
/** Answers of rename(2) where a directory has the name. */
const IS_DIRECTORY: readonly string[] = ["EISDIR", "ENOTEMPTY", "EEXIST"];

/** Reads a file; undefined if it doesn't exist. @param mostBytes the rest is ignored */
export function readTextIn(directory: Dir, name: Raw, mostBytes = Infinity): string | undefined {
  using file = directory.open(name);
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(Math.min(file.stat().size, mostBytes));
  let done = 0;
  for (let got = 1; got > 0 && done < bytes.length; done += got) got = file.read(bytes.subarray(done), done);
  return textOf(rawOfBytes(bytes.subarray(0, done)));
}

/**
 * Replaces a file in one step; durable on return.
 * @param temp own directory on the same file system
 * @param mode exact
 */
export function replaceTextIn(temp: Dir, directory: Dir, name: Raw, text: string, mode = PRIVATE_FILE): void {
  if (temp.stat(TEMP)?.kind === "dir") moveAside(temp, TEMP);
  temp.unlink(TEMP);
  using file = temp.create(TEMP, mode);
  if (file === undefined) throw new DiskFault("EEXIST", "create", TEMP);
  file.write(bytesOf(rawOf(text)), 0);
  file.sync();
  temp.rename(TEMP, directory, name);
  directory.sync();
}

/**
 * Replaces a file like {@link replaceTextIn}, in a directory of our own: an object of that name that is not a file is
 * moved aside.
 */
export function replaceOwnTextIn(temp: Dir, directory: Dir, name: Raw, text: string): void {
  try {
    replaceTextIn(temp, directory, name, text);
  } catch (error) {
    if (!(error instanceof DiskFault && IS_DIRECTORY.includes(error.errno))) throw error;
    moveAside(directory, name);
    replaceTextIn(temp, directory, name, text);
  }
}

/** Renames an object that is in the way to "aside-1", or to the first such name that is free. @throws DiskFault */
export function moveAside(directory: Dir, name: Raw): void {
  for (let n = 1; n < MOST_ASIDE; n++) {
    const aside = rawOf(`aside-${n}`);
    if (directory.stat(aside) === undefined) return directory.rename(name, directory, aside);
  }
  throw new DiskFault("EEXIST", "move aside", name);
}

/**
 * Creates and opens a directory of our own; an object of that name that is not a directory is moved aside.
 * @throws DiskFault
 */
export function openOwnDirectory(parent: Dir, name: Raw, mode: number): Dir {
  const there = parent.stat(name)?.kind;
  if (there !== undefined && there !== "dir") moveAside(parent, name);
  parent.mkdir(name, mode);
  return parent.openDir(name);
}

/** Opens a directory; undefined if it doesn't exist, or isn't a directory. */
export function openUnlessMissing(open: () => Dir): Dir | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof DiskFault && ["ENOENT", "ENOTDIR", "ELOOP"].includes(error.errno)) return undefined;
    throw error;
  }
}
