/**
 * Detects files that return more bytes than their size: those in /proc and /sys report 0 bytes, and some of them never
 * end.
 */
import { Fault } from "../core/fault.ts";
import type { OpenFile } from "./disk.ts";

/** More than a file is said to have, without a word that it has grown. */
const UNTOLD_BYTES = 64 * 1024 * 1024;
/** What a file may grow by while it is read, or to twice its size. */
const GROWTH_BYTES = 1024 * 1024 * 1024;

export class Endless extends Fault {
  readonly code = "source-endless";
  readonly hint = "Leave it out with `--exclude`; what is in /proc and /sys is no data";
  constructor(path: string) {
    super(`Cannot read ${JSON.stringify(path)}: it gives far more bytes than it has, and may never end`);
  }
}

/**
 * Wraps `read`.
 * @param size of the file, in bytes
 * @param path for people
 * @throws Endless, from the returned function, beyond any plausible end
 */
export function withinBounds(
  file: Pick<OpenFile, "stat">,
  read: OpenFile["read"],
  { size, path }: { readonly size: number; readonly path: () => string },
): OpenFile["read"] {
  const most = Math.max(2 * size, size + GROWTH_BYTES);
  let limit = size + UNTOLD_BYTES;
  return (into, position) => {
    if (position > limit) {
      limit = file.stat().size + UNTOLD_BYTES;
      if (position > limit || position > most) throw new Endless(path());
    }
    return read(into, position);
  };
}
