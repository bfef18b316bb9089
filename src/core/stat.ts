/** What a look at an object of a file system says. */
import type { Kind, NsText } from "./entry.ts";

/** What a look at an object says. Sizes in bytes, times in ns since 1970. */
export interface Stat {
  readonly kind: Kind;
  /** Bytes of a regular file or of a symlink's target, as the system reports it. */
  readonly size: number;
  readonly mtime: NsText;
  readonly ctime: NsText | undefined;
  readonly birthtime: NsText | undefined;
  /** Of {@link FLAGS}; 0 where unknown. */
  readonly flags: number;
  /** Decimal; unique on its device, or "0" where the platform has none. */
  readonly inode: string;
  /** Names the device: "major:minor", or one constant where the platform has none. */
  readonly device: string;
  /** 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** 512-byte blocks in use; undefined where unknown. */
  readonly blocks: number | undefined;
  /** What a device node stands for; zeros for other kinds. */
  readonly major: number;
  readonly minor: number;
  /**
   * Something is mounted on that name: another file system, or another place of the same one (a bind mount). Of what was
   * looked at through an open descriptor, false where the system can't tell.
   */
  readonly isMountPoint: boolean;
}
