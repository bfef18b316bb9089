/** Writes a file that appears only when it is complete. */
import { baseName, parentPath, type Raw, rawOf } from "../../../core/raw.ts";
import { DiskFault } from "../../../platform/disk.ts";
import type { Machine } from "../../../platform/machine.ts";
import { assertReplaceable } from "../../../platform/whole_file.ts";

const PRIVATE = 0o600, ID_BYTES = 6;

/**
 * Replaces the file at `path` once everything is on the disk.
 * @param path absolute; what is there must be a file
 * @param write receives a function that takes the bytes in order
 * @returns number of bytes
 * @throws DiskFault, and what `write` throws
 */
export async function intoFile(
  { disk, random }: Pick<Machine, "disk" | "random">,
  path: Raw,
  write: (to: (bytes: Uint8Array<ArrayBuffer>) => void) => Promise<void>,
): Promise<number> {
  using directory = disk.openDir(parentPath(path));
  assertReplaceable(directory, baseName(path));
  const temporary = rawOf(`.${random(ID_BYTES).toHex()}.backup-tool-part`);
  using file = directory.create(temporary, PRIVATE);
  if (file === undefined) throw new DiskFault("EEXIST", "create", path);
  let position = 0;
  try {
    await write((bytes) => {
      file.write(bytes, position);
      position += bytes.length;
    });
    file.sync();
    directory.rename(temporary, directory, baseName(path));
    directory.sync();
    return position;
  } catch (error) {
    directory.unlink(temporary);
    throw error;
  }
}
