/** Small text files: read whole, replaced whole. Bytes that are not UTF-8 are kept (core/raw.ts). */
import { bytesOf, type Raw, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";

const PRIVATE_FILE = 0o600;
const TEMP = rawOf("tmp");

/** The text of a file; undefined if there is none. @param mostBytes what comes after them is cut off */
export function readTextIn(directory: Dir, name: Raw, mostBytes = Infinity): string | undefined {
  using file = directory.open(name);
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(Math.min(file.stat().size, mostBytes));
  let done = 0;
  for (let got = 1; got > 0 && done < bytes.length; done += got) got = file.read(bytes.subarray(done), done);
  return textOf(rawOfBytes(bytes.subarray(0, done)));
}

/** Replaces a file in one step; it is durable when this returns. @param temp a directory on the same file system */
export function replaceTextIn(temp: Dir, directory: Dir, name: Raw, text: string, mode = PRIVATE_FILE): void {
  temp.unlink(TEMP);
  using file = temp.create(TEMP, mode);
  if (file === undefined) throw new DiskFault("EEXIST", "create", TEMP);
  file.write(bytesOf(rawOf(text)), 0);
  file.sync();
  temp.rename(TEMP, directory, name);
  directory.sync();
}
