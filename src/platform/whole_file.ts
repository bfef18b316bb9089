/** Writes files for other programs, which see either the old file or the new one, always complete. */
import { baseName, bytesOf, parentPath, type Raw, raw, rawOf } from "../core/raw.ts";
import { type Disk, DiskFault } from "./disk.ts";

/** Replaces a file in one step. @param path absolute @throws DiskFault */
export function replaceWholeFile(disk: Disk, path: Raw, text: string, mode: number): void {
  using directory = disk.openDir(parentPath(path));
  const name = baseName(path), temporary = raw`.${name}.new`;
  if (directory.stat(name)?.kind === "dir") throw new DiskFault("EISDIR", "write", path);
  directory.unlink(temporary);
  {
    using file = directory.create(temporary, mode);
    if (file === undefined) throw new DiskFault("EEXIST", "create", path);
    file.write(bytesOf(rawOf(text)), 0);
    file.sync();
  }
  directory.rename(temporary, directory, name);
}
