/** Decides which signs of change can be trusted: how reliable a file system's inode numbers and times are. */
import type { NsText } from "../core/entry.ts";
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";

export interface Detection {
  /** Treat nothing as unchanged. */
  readonly force?: boolean;
  /** Ignore inode numbers: the file system, or whatever moves the files, assigns new ones. */
  readonly ignoreInode?: boolean;
  /** Ignore ctime: something changes attributes all the time. */
  readonly ignoreCtime?: boolean;
}

/** When an earlier snapshot looked at its files, in ms since 1970. */
export interface LookedAt {
  readonly startMs: number;
  readonly endMs: number;
}

/** Granularity of ordinary time stamps in ms, with a margin: the kernel's clock ticks at least every 10 ms. */
const TICK_MS = 20;
/** Granularity in ms of file systems that store whole seconds; FAT stores every other one. */
const COARSE_MS = 2000;
/** End of a time stamp without anything finer than 10 ms: it nearly always comes from a coarse file system. */
const COARSE = "0000000";
/** Number of digits of time stamps from 2001 to 2286: texts of one length sort like the numbers. */
const USUAL_DIGITS = 19;

/** Decides for each object which signs of change apply. */
export class ChangeSignals {
  readonly #disk: Disk;
  readonly #counted: Readonly<Record<"ctime" | "inode", boolean>>;
  /** By device: whether inode numbers are permanent. */
  readonly #lasting = new Map<string, boolean>();

  constructor(disk: Disk, detection: Detection) {
    this.#disk = disk;
    this.#counted = { ctime: detection.ignoreCtime !== true, inode: detection.ignoreInode !== true };
  }

  /** Checks each file system once, when the walk reaches it. @param name in `parent`; "" is the directory itself */
  learn(stat: Stat, parent: Dir, name: Raw): void {
    if (this.#lasting.has(stat.device)) return;
    this.#lasting.set(stat.device, this.#disk.abilities.inodes && hasLastingInodes(stat, parent, name));
  }

  /** The signs of change that apply to an object. Its file system must have been checked by {@link learn}. */
  of(stat: Stat): Readonly<Record<"ctime" | "inode", boolean>> {
    if (stat.ctime === undefined || this.#lasting.get(stat.device) !== true) return NONE;
    return this.#counted;
  }
}

const NONE = { ctime: false, inode: false };

function hasLastingInodes(stat: Stat, parent: Dir, name: Raw): boolean {
  if (name === "" || stat.kind !== "dir") return parent.reliableInodes();
  try {
    // Another file system may be mounted there.
    using directory = parent.openDir(name);
    return directory.reliableInodes();
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  }
}

/**
 * Time stamps that are too close to the time of an earlier look: an object that was changed again right after it,
 * within the granularity of its time stamps, shows the same stamps as then. (Git calls such an entry "racily clean".)
 */
export class RacyTimestamps {
  readonly #windows: readonly { readonly fine: NsText; readonly coarse: NsText; readonly end: NsText }[];

  constructor(looks: readonly LookedAt[]) {
    this.#windows = looks.map(({ startMs, endMs }) => ({
      fine: nsText(startMs - TICK_MS),
      coarse: nsText(startMs - COARSE_MS),
      end: nsText(endMs + COARSE_MS),
    }));
  }

  /** True if the object may have changed unnoticed. @param stamp the latest time stamp of the object */
  has(stamp: NsText): boolean {
    if (stamp.length !== USUAL_DIGITS) return false;
    for (const { fine, coarse, end } of this.#windows) {
      if (stamp < coarse || stamp > end) continue;
      if (stamp >= fine || stamp.endsWith(COARSE)) return true;
    }
    return false;
  }
}

function nsText(ms: number): NsText {
  return `${ms}000000`;
}
