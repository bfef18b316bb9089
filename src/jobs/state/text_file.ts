/** Small text files: read whole, replaced whole. Bytes that are not UTF-8 are kept (core/raw.ts). */
import { bytesOf, type Raw, rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";

const PRIVATE_FILE = 0o600;
const TEMP = rawOf("tmp");
const MOST_ASIDE = 1000;
/** Answers of rename(2) where a directory has the name. */
const IS_DIRECTORY: readonly string[] = ["EISDIR", "ENOTEMPTY", "EEXIST"];

/** The text of a file; undefined if there is none. @param mostBytes the rest is ignored */
export function readTextIn(directory: Dir, name: Raw, mostBytes = Infinity): string | undefined {
  using file = directory.open(name);
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(Math.min(file.stat().size, mostBytes));
  let done = 0;
  for (let got = 1; got > 0 && done < bytes.length; done += got) got = file.read(bytes.subarray(done), done);
  return textOf(rawOfBytes(bytes.subarray(0, done)));
}

/**
 * Replaces a file in one step; it is durable when this returns.
 * @param temp a directory of our own on the same file system @param mode exact
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

/** As {@link replaceTextIn}, in a directory that is our own: what has the name, but is no file, is moved aside. */
export function replaceOwnTextIn(temp: Dir, directory: Dir, name: Raw, text: string): void {
  try {
    replaceTextIn(temp, directory, name, text);
  } catch (error) {
    if (!(error instanceof DiskFault && IS_DIRECTORY.includes(error.errno))) throw error;
    moveAside(directory, name);
    replaceTextIn(temp, directory, name, text);
  }
}

/** Renames what is in the way to "aside-1", or the first such name that is free. @throws DiskFault */
export function moveAside(directory: Dir, name: Raw): void {
  for (let n = 1; n < MOST_ASIDE; n++) {
    const aside = rawOf(`aside-${n}`);
    if (directory.stat(aside) === undefined) return directory.rename(name, directory, aside);
  }
  throw new DiskFault("EEXIST", "move aside", name);
}

/** Makes and opens a directory of our own; what has its name, but is none, is moved aside. @throws DiskFault */
export function openOwnDirectory(parent: Dir, name: Raw, mode: number): Dir {
  const there = parent.stat(name)?.kind;
  if (there !== undefined && there !== "dir") moveAside(parent, name);
  parent.mkdir(name, mode);
  return parent.openDir(name);
}

/** Undefined where nothing has the name, or something that is no directory. */
export function openUnlessMissing(open: () => Dir): Dir | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof DiskFault && ["ENOENT", "ENOTDIR", "ELOOP"].includes(error.errno)) return undefined;
    throw error;
  }
}
