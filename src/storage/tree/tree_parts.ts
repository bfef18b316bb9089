/** Lets threads remove large trees, a part each. */
import { joinRaw, type Raw } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import type { StoragePool } from "../threads/batch_executor.ts";

/** So many parts keep all threads busy until the end. */
const ENOUGH_PARTS = 64;
const DEEPEST = 16;

/**
 * Removes most of some directories. What can't be removed, and what lies above the parts, stays for the caller.
 * @param places paths relative to the storage
 * @param files approximate number of files in all of them
 */
export async function removeParts(
  storage: Dir,
  places: readonly Raw[],
  files: number,
  pool: StoragePool,
): Promise<void> {
  const parts = places.flatMap((place) => partsOf(storage, place));
  const load = { items: files / Math.max(parts.length, 1), bytes: 0 };
  await Promise.all(parts.map((part) => pool.run("remove", part, load)));
}

/** Directories of the first level that has enough of them, or of the last one. */
function partsOf(storage: Dir, place: Raw): Raw[] {
  let parts: Raw[] = [];
  for (let depth = 0, level = [place]; depth < DEEPEST && level.length > 0 && parts.length < ENOUGH_PARTS; depth++) {
    level = level.flatMap((path) => directoriesIn(storage, path));
    if (level.length > 0) parts = level;
  }
  return parts;
}

/** What is mounted there is not ours. */
function directoriesIn(storage: Dir, path: Raw): Raw[] {
  try {
    using directory = storage.openPath(path);
    const { names, kinds } = directory.list();
    const candidates = names.filter((_, i) => kinds[i] === undefined || kinds[i] === "dir");
    return candidates.filter((name) => isOwnDirectory(directory, name)).map((name) => joinRaw(path, name));
  } catch (error) {
    if (error instanceof DiskFault) return []; // the caller reports it, if it remains
    throw error;
  }
}

function isOwnDirectory(parent: Dir, name: Raw): boolean {
  const stat = parent.stat(name);
  return stat?.kind === "dir" && !stat.isMountPoint;
}
