/** Writes files for other programs, which see either the old file or the new one, always complete. */
import type { Kind } from "../core/entry.ts";
import { baseName, bytesOf, joinRaw, parentPath, type Raw, raw, rawOf } from "../core/raw.ts";
import { type Dir, type Disk, DiskFault } from "./disk.ts";

/** What must not be replaced: whoever names it wants to write into it, or made a mistake. */
const IN_THE_WAY: Readonly<Record<Exclude<Kind, "file">, string>> = {
  dir: "EISDIR",
  symlink: "ELOOP",
  fifo: "ENXIO",
  socket: "ENXIO",
  char: "ENXIO",
  block: "ENXIO",
};

/**
 * Checks that a name that a user gave is free, or that of a file: a rename would put a file in the place of /dev/null,
 * and of the link that /dev/stdout is.
 * @throws DiskFault
 */
export function assertReplaceable(directory: Dir, name: Raw): void {
  const kind = directory.stat(name)?.kind ?? "file";
  if (kind !== "file") throw new DiskFault(IN_THE_WAY[kind], "write", joinRaw(directory.path, name));
}

/** Replaces a file in one step. @param path absolute @throws DiskFault */
export function replaceWholeFile(disk: Disk, path: Raw, text: string, mode: number): void {
  using directory = disk.openDir(parentPath(path));
  const name = baseName(path), temporary = raw`.${name}.new`;
  assertReplaceable(directory, name);
  directory.unlink(temporary);
  {
    using file = directory.create(temporary, mode);
    if (file === undefined) throw new DiskFault("EEXIST", "create", path);
    file.write(bytesOf(rawOf(text)), 0);
    file.sync();
  }
  directory.rename(temporary, directory, name);
}
