/** Decodes `struct statx` (statx(2)); its layout is the same on every processor. */
import type { Kind, NsText } from "../core/entry.ts";
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { FLAGS } from "./disk.ts";
import { ENOSYS } from "./errno.ts";
import { AT, EMPTY_PATH, type Libc, SYSCALL } from "./libc.ts";
import { TimeText } from "./ns_text.ts";

const STATX_TYPE = 0x1;
const STATX_TYPE_AND_SIZE = 0x201;
const STATX_BTIME = 0x800;
const STATX_BASIC_AND_BTIME = 0xfff;
/** Linux 5.8. */
const STATX_MNT_ID = 0x1000;
/** In `stx_attributes`; Linux 5.8. */
const STATX_ATTR_MOUNT_ROOT = 0x2000;
/** As much of the struct as is decoded. */
export const STAT_BYTES = 144;
const KNOWN_FLAGS = Object.values(FLAGS).reduce((all: number, flag) => all | flag, 0);
const TWO_32 = 0x1_0000_0000;
/** High halves below this make numbers that are exact. */
const EXACT_HIGH = 0x20_0000;

const KIND_OF_TYPE: readonly (Kind | undefined)[] = (() => {
  const kinds = new Array<Kind | undefined>(16).fill(undefined);
  kinds[1] = "fifo";
  kinds[2] = "char";
  kinds[4] = "dir";
  kinds[6] = "block";
  kinds[8] = "file";
  kinds[10] = "symlink";
  kinds[12] = "socket";
  return kinds;
})();

/** File type bits of mode_t, and `d_type` of directory entries, by kind. */
export const TYPE_OF_KIND: Readonly<Record<Kind, number>> = {
  fifo: 1,
  char: 2,
  dir: 4,
  block: 6,
  file: 8,
  symlink: 10,
  socket: 12,
};

/** Kind of a `d_type` or of the upper four mode bits; undefined for 0, "unknown". */
export function kindOfType(type: number): Kind | undefined {
  return KIND_OF_TYPE[type];
}

/** Makes the statx calls; one per isolate, with one buffer. */
export class Statx {
  readonly #libc: Libc;
  readonly #buffer = new Uint8Array(256);
  readonly #kept = this.#buffer.subarray(0, STAT_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #times = new TimeText();
  readonly #byNumber: boolean;
  #deviceMajor = -1;
  #deviceMinor = -1;
  #device = "";

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#byNumber = libc.call.statx === null;
  }

  /** True if the kernel supports the call (since 4.11), or the C library emulates it. */
  isThere(): boolean {
    return this.#run(AT.FDCWD, EMPTY_PATH, AT.EMPTY_PATH, STATX_TYPE) >= 0 || this.#libc.errno !== ENOSYS;
  }

  /**
   * Metadata of `path` relative to `fd`, without following a symlink; undefined if the call failed (see `libc.errno`).
   */
  at(fd: number, path: Uint8Array<ArrayBuffer>): Stat | undefined {
    return this.#run(fd, path, AT.SYMLINK_NOFOLLOW, STATX_BASIC_AND_BTIME) < 0 ? undefined : this.#read();
  }

  /**
   * Makes the same call and keeps the answer for {@link decode}, in this thread or in another one.
   * @param into receives {@link STAT_BYTES} bytes from index `at` on
   * @returns false if the call failed, or doesn't say what is mounted where
   */
  keep(fd: number, path: Uint8Array<ArrayBuffer>, into: Uint8Array, at: number): boolean {
    if (this.#run(fd, path, AT.SYMLINK_NOFOLLOW, STATX_BASIC_AND_BTIME) < 0) return false;
    into.set(this.#kept, at);
    return this.knowsMountPoints();
  }

  /** Decodes what {@link keep} has put into `from` at index `at`. */
  decode(from: Uint8Array, at: number): Stat {
    this.#buffer.set(from.subarray(at, at + STAT_BYTES));
    return this.#read();
  }

  /** Metadata of an open descriptor. @param path for messages */
  ofFd(fd: number, path: Raw): Stat {
    if (this.#run(fd, EMPTY_PATH, AT.EMPTY_PATH, STATX_BASIC_AND_BTIME) < 0) throw this.#libc.fault("stat", path);
    return this.#read();
  }

  /** Only the kind and the size of an open descriptor. @param path for messages */
  kindAndSizeOfFd(fd: number, path: Raw): { kind: Kind | undefined; size: number } {
    if (this.#run(fd, EMPTY_PATH, AT.EMPTY_PATH, STATX_TYPE_AND_SIZE) < 0) throw this.#libc.fault("stat", path);
    const size = this.#view.getUint32(40, true) + this.#view.getUint32(44, true) * TWO_32;
    return { kind: kindOfType(this.#view.getUint16(28, true) >> 12), size };
  }

  /** Mount id of an open descriptor; undefined if the kernel doesn't report it. */
  mountIdOfFd(fd: number): string | undefined {
    if (this.#run(fd, EMPTY_PATH, AT.EMPTY_PATH, STATX_MNT_ID) < 0) return undefined;
    return (this.#view.getUint32(0, true) & STATX_MNT_ID) === 0 ? undefined : this.#decimal(144);
  }

  /** True if {@link Stat.isMountPoint} of the last result was reported by the kernel. */
  knowsMountPoints(): boolean {
    return (this.#view.getUint32(56, true) & STATX_ATTR_MOUNT_ROOT) !== 0;
  }

  #run(fd: number, path: Uint8Array<ArrayBuffer>, flags: number, mask: number): number {
    const { call } = this.#libc;
    let result: number;
    do {
      result = this.#byNumber || call.statx === null
        ? call.statxByNumber(SYSCALL.statx, fd, path, flags, mask, this.#buffer)
        : call.statx(fd, path, flags, mask, this.#buffer);
    } while (this.#libc.again(result));
    return result;
  }

  #read(): Stat {
    const view = this.#view;
    const mode = view.getUint16(28, true);
    const kind = KIND_OF_TYPE[mode >> 12] ?? "file";
    const attributes = view.getUint32(8, true);
    const hasBirth = (view.getUint32(0, true) & STATX_BTIME) !== 0;
    return {
      kind,
      size: kind === "file" || kind === "symlink" ? this.#number(40) : 0,
      mtime: this.#time(112),
      ctime: this.#time(96),
      birthtime: hasBirth ? this.#time(80) : undefined,
      flags: attributes & KNOWN_FLAGS,
      inode: this.#decimal(32),
      device: this.#deviceText(view.getUint32(136, true), view.getUint32(140, true)),
      mode: mode & 0o7777,
      uid: view.getUint32(20, true),
      gid: view.getUint32(24, true),
      links: view.getUint32(16, true),
      blocks: this.#number(48),
      major: view.getUint32(128, true),
      minor: view.getUint32(132, true),
      isMountPoint: (attributes & STATX_ATTR_MOUNT_ROOT) !== 0,
    };
  }

  #number(at: number): number {
    return this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }

  #decimal(at: number): string {
    const high = this.#view.getUint32(at + 4, true);
    return high < EXACT_HIGH
      ? String(high * TWO_32 + this.#view.getUint32(at, true))
      : String(this.#view.getBigUint64(at, true));
  }

  #time(at: number): NsText {
    const seconds = this.#view.getInt32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
    return this.#times.text(seconds, this.#view.getUint32(at + 8, true));
  }

  /** Nearly always the same as last time. */
  #deviceText(major: number, minor: number): string {
    if (major !== this.#deviceMajor || minor !== this.#deviceMinor) {
      this.#device = `${major}:${minor}`;
      this.#deviceMajor = major;
      this.#deviceMinor = minor;
    }
    return this.#device;
  }
}
