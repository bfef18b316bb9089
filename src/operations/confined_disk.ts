/**
 * A disk on which only some directories, and nothing that links in them lead to, can be reached. For work on behalf of
 * a person who has fewer rights than this program, in directories where others may move and link objects.
 */
import { Fault } from "../core/fault.ts";
import { EMPTY, isBelow, joinRaw, type Raw, relativeTo, textOf } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import type { Dir, Disk, DiskAbilities, Mount } from "../platform/disk.ts";

/** The path is not below any of the directories that the account may use. */
export class OutsideLimits extends Fault {
  readonly code = "outside-limits";
  readonly hint = "Name a directory below one of those that `serve` was started with";
  constructor(path: Raw) {
    super(`Cannot use ${JSON.stringify(textOf(path))}: this account may not reach it`);
  }
}

/** Where a path lies among the directories that may be reached. */
interface Place {
  /** The directory, as its owner named it. Links on the way to it are followed, because they are the owner's. */
  readonly top: Raw;
  /** Path below `top`; "" for `top` itself. */
  readonly relative: Raw;
}

export class ConfinedDisk implements Disk {
  readonly #disk: Disk;
  readonly #tops: readonly Raw[];

  /** @param tops absolute paths, without `.` and `..` */
  constructor(disk: Disk, tops: readonly Raw[]) {
    this.#disk = disk;
    this.#tops = tops;
  }

  /** Opens a directory. @throws OutsideLimits, DiskFault, also for a link below the top */
  openDir(path: Raw): Dir {
    const { top, relative } = this.placeOf(path);
    using directory = this.#disk.openDir(this.#disk.realPath(top));
    return directory.openPath(relative);
  }

  /** Resolves a path. @throws OutsideLimits, DiskFault, also for a link below the top */
  realPath(path: Raw): Raw {
    const { top, relative } = this.placeOf(path), real = this.#disk.realPath(top);
    using directory = this.#disk.openDir(real);
    using _ = directory.openPath(relative);
    return relative === EMPTY ? real : joinRaw(real, relative);
  }

  statDirectory(path: Raw): Stat {
    using directory = this.openDir(path);
    return directory.statSelf();
  }

  /** The permitted directory that contains a path, judging by names alone. @throws OutsideLimits */
  placeOf(path: Raw): Place {
    const top = this.#tops.find((one) => path === one || isBelow(path, one));
    if (top === undefined || /(?:^|\/)\.\.?(?:\/|$)/.test(path)) throw new OutsideLimits(path);
    return { top, relative: path === top ? EMPTY : relativeTo(top, path) };
  }

  mounts(): readonly Mount[] {
    return this.#disk.mounts();
  }

  get abilities(): DiskAbilities {
    return this.#disk.abilities;
  }
  get uid(): number {
    return this.#disk.uid;
  }
  get gid(): number {
    return this.#disk.gid;
  }
  userName(uid: number): string | undefined {
    return this.#disk.userName(uid);
  }
  groupName(gid: number): string | undefined {
    return this.#disk.groupName(gid);
  }
  userId(name: string): number | undefined {
    return this.#disk.userId(name);
  }
  groupId(name: string): number | undefined {
    return this.#disk.groupId(name);
  }
}
