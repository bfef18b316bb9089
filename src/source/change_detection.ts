/** Which signs of change can be trusted: what a file system's inode numbers and times are worth. */
import type { NsText } from "../core/entry.ts";
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";

export interface Detection {
  /** Takes nothing for unchanged. */
  readonly force?: boolean;
  /** Inode numbers tell nothing: the file system, or whatever moves the files about, gives new ones. */
  readonly ignoreInode?: boolean;
  /** Times of change tell nothing: something changes attributes all the time. */
  readonly ignoreCtime?: boolean;
}

/** When an earlier snapshot looked at its files, ms since 1970. */
export interface LookedAt {
  readonly startMs: number;
  readonly endMs: number;
}

/** File systems note times when the clock of the kernel ticks: every 10 ms at most. */
const TICK_MS = 20;
/** Of file systems that note whole seconds; FAT every other one. */
const COARSE_MS = 2000;
/** A stamp without anything finer than 10 ms comes from such a file system, nearly always. */
const COARSE = "0000000";
/** Of stamps from 2001 to 2286: texts of one length are ordered as the numbers are. */
const USUAL_DIGITS = 19;

/** Decides for every object which signs of change apply. */
export class ChangeSignals {
  readonly #disk: Disk;
  readonly #counted: Readonly<Record<"ctime" | "inode", boolean>>;
  /** Whether inode numbers last, by device. */
  readonly #lasting = new Map<string, boolean>();

  constructor(disk: Disk, detection: Detection) {
    this.#disk = disk;
    this.#counted = { ctime: detection.ignoreCtime !== true, inode: detection.ignoreInode !== true };
  }

  /** Asks each file system that the walk comes to, once. @param parent holds `name`; "" is the directory itself */
  learn(stat: Stat, parent: Dir, name: Raw): void {
    if (this.#lasting.has(stat.device)) return;
    this.#lasting.set(stat.device, this.#disk.abilities.inodes && hasLastingInodes(stat, parent, name));
  }

  /** Of an object on a file system that has been asked. */
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
 * Stamps too close to the time of an earlier look: an object that was changed once more right after it, within the
 * granularity of its time stamps, shows the same stamps as then. (Git calls such an entry "racily clean".)
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

  /** @param stamp the latest that the object shows */
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
