/** Directories that somebody may choose from, for a restore or a backup. */
import { isBelow, joinRaw, type Raw } from "../core/raw.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";
import { ConfinedDisk } from "./confined_disk.ts";

export interface FoldersRequest {
  /** The directories below which somebody may choose: absolute paths. */
  readonly tops: readonly Raw[];
  /** One of them, or a directory below. */
  readonly path: Raw;
  /** Absolute paths of directories that are not shown: those of this program. */
  readonly hidden: readonly Raw[];
}

export interface FolderPage {
  /** Names of the directories in it, in the order of their bytes. */
  readonly names: readonly Raw[];
  /** False if there are more. */
  readonly isWhole: boolean;
}

const MOST = 1000;

/**
 * Lists the directories in a directory. Links are neither followed nor shown.
 * @returns undefined if it can't be read, or must not be shown
 * @throws OutsideLimits
 */
export function folders(disk: Disk, { tops, path, hidden }: FoldersRequest): FolderPage | undefined {
  const confined = new ConfinedDisk(disk, tops);
  confined.placeOf(path);
  try {
    using directory = confined.openDir(path);
    const here = confined.realPath(path), own = hidden.map((one) => realOr(disk, one));
    if (own.some((one) => one === here || isBelow(here, one))) return undefined;
    const names = directoriesIn(directory).filter((name) => !own.includes(joinRaw(here, name))).sort();
    return { names: names.slice(0, MOST), isWhole: names.length <= MOST };
  } catch (error) {
    if (error instanceof DiskFault) return undefined;
    throw error;
  }
}

function directoriesIn(directory: Dir): Raw[] {
  const { names, kinds } = directory.list();
  return names.filter((name, i) => (kinds[i] ?? directory.stat(name)?.kind) === "dir");
}

function realOr(disk: Disk, path: Raw): Raw {
  try {
    return disk.realPath(path);
  } catch (error) {
    if (error instanceof DiskFault) return path;
    throw error;
  }
}
