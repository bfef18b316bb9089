/** Metadata of an object of a file system, as stat returns it. */
import type { Kind, NsText } from "./entry.ts";

/** The result of stat. Sizes are in bytes, times in ns since 1970. */
export interface Stat {
  readonly kind: Kind;
  /** Bytes of a regular file or of a symlink's target, as the system reports it. */
  readonly size: number;
  readonly mtime: NsText;
  readonly ctime: NsText | undefined;
  readonly birthtime: NsText | undefined;
  /** Bits of {@link FLAGS}; 0 where unknown. */
  readonly flags: number;
  /** Inode number in decimal; unique on its device, or "0" where the platform has none. */
  readonly inode: string;
  /** Identifies the device: "major:minor", or one constant where the platform has none. */
  readonly device: string;
  /** Permission bits: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** 512-byte blocks in use; undefined where unknown. */
  readonly blocks: number | undefined;
  /** Device numbers of a device node; 0 for other kinds. */
  readonly major: number;
  readonly minor: number;
  /**
   * True if something is mounted there: another file system, or another directory of the same one (a bind mount). For
   * an object examined through an open descriptor, false where the system can't tell.
   */
  readonly isMountPoint: boolean;
}
