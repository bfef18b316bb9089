/** Own places that are whole directories of this machine: a vault, or the directories that hold state. */
import { isBelow, parentPath, type Raw, ROOT } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { type Dir, type Disk, DiskFault } from "./disk.ts";
import type { OwnPlace, OwnPlaces } from "./own_places.ts";

/** An existing directory, and how it is recognised whatever path leads to it. */
interface KnownDirectory {
  /** Absolute, without symlinks. */
  readonly path: Raw;
  readonly key: string | undefined;
  readonly place: OwnPlace;
}

export class DirectoryPlaces implements OwnPlaces {
  readonly #disk: Disk;
  readonly #known: readonly KnownDirectory[];

  /** @param directories absolute paths; those that are missing or unreadable are ignored */
  constructor(disk: Disk, directories: readonly { readonly path: Raw; readonly place: OwnPlace }[]) {
    this.#disk = disk;
    this.#known = directories.flatMap(({ path, place }) => {
      const stat = this.#look(path);
      return stat === undefined ? [] : [{ path: disk.realPath(path), key: keyOf(stat), place }];
    });
  }

  /**
   * Does nothing: copies of file systems show the same directories under other devices, where they are read like
   * everything else.
   */
  addCopies(): void {}

  whyNotFound(path: Raw, _name: Raw, stat: Stat): string | undefined {
    return this.#find(path, stat)?.place.why;
  }

  whyNotListed(): string | undefined {
    return undefined;
  }

  isOfStorage(_parent: Dir, _name: Raw, stat: Stat): boolean {
    const key = keyOf(stat);
    return key !== undefined && this.#known.some((known) => known.key === key && known.place.kind === "storage");
  }

  around(path: Raw): OwnPlace | undefined {
    for (let each = path;; each = parentPath(each)) {
      const stat = this.#look(each), found = stat && this.#find(each, stat);
      if (found !== undefined) return found.place;
      if (each === ROOT || each === "") return undefined;
    }
  }

  heldBy(path: Raw): { readonly path: Raw; readonly place: OwnPlace } | undefined {
    return this.#known.find((known) => known.path === path || isBelow(known.path, path));
  }

  isPart(): boolean {
    return false;
  }

  #find(path: Raw, stat: Stat): KnownDirectory | undefined {
    const key = keyOf(stat);
    return this.#known.find((known) => known.path === path || (key !== undefined && known.key === key));
  }

  #look(path: Raw): Stat | undefined {
    try {
      using dir = this.#disk.openDir(path);
      return dir.statSelf();
    } catch (error) {
      if (error instanceof DiskFault) return undefined;
      throw error;
    }
  }
}

/** A key for a directory; undefined where the file system has no inodes. */
function keyOf({ device, inode }: Stat): string | undefined {
  return inode === undefined || inode === "0" ? undefined : `${device} ${inode}`;
}
