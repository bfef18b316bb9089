/** System calls on descriptors, shared by directories and files. One {@link LinuxCalls} per isolate. */
import { knownRaw, type Raw, rawOf, splitRaw, textOf } from "../core/raw.ts";
import type { NsText } from "../core/entry.ts";
import type { Attributes } from "./disk.ts";
import { EACCES, EAGAIN, EINVAL, ENODATA, ENOTSUP, EPERM, ERANGE } from "./errno.ts";
import { AT, type Libc, LONGEST_PATH_BYTES, O, PathBuffer, SYSCALL } from "./libc.ts";
import { Statx } from "./linux_stat.ts";
import { splitTime } from "./ns_text.ts";

const RESOLVE_NO_MAGICLINKS_NO_SYMLINKS_BENEATH = 0x02 | 0x04 | 0x08;
const UTIME_OMIT = 0x3fff_ffff - 1;
const TWO_32 = 0x1_0000_0000;
/** Longest list of attribute names and longest value (XATTR_LIST_MAX, XATTR_SIZE_MAX). */
const XATTR_BYTES = 65536;
/** As `asm-generic/ioctl.h` makes them, for a `long`; the kernel reads and writes an `int`. */
const FS_IOC_GETFLAGS = 0x8008_6601, FS_IOC_SETFLAGS = 0x4008_6602;

/** Flags of those who open something for another purpose. */
const NO_READING = O.WRONLY | O.RDWR | O.CREAT | O.PATH;
/** EPERM by rule; the others from file systems that are programs, and ask another one in turn. */
const NOATIME_REFUSED: readonly number[] = [EPERM, EACCES, EINVAL];
/** For fchown: leave as it is. */
const UNCHANGED = 0xffff_ffff;

/** Attribute names to values. */
export type Xattrs = Record<string, Uint8Array<ArrayBuffer>>;
const NO_XATTRS: Xattrs = Object.freeze({});

/** Opens one part of a path; the flags say how. Throws nothing: a negative result is an error. */
type OpenPart = (fd: number, part: string, flags: number) => number;

export class LinuxCalls {
  readonly libc: Libc;
  readonly paced: ((bytes: number) => void) | undefined;
  readonly statx: Statx;
  readonly uid: number;
  readonly gid: number;
  /** Access and modification time for utimensat(2); the access time is never touched. */
  readonly #times = new DataView(new ArrayBuffer(32));
  readonly #timesBytes = new Uint8Array(this.#times.buffer);
  readonly #how = new DataView(new ArrayBuffer(24));
  readonly #howBytes = new Uint8Array(this.#how.buffer);
  readonly #xattrNames = new Uint8Array(XATTR_BYTES);
  readonly #xattrValue = new Uint8Array(XATTR_BYTES);
  readonly #xattrName = new PathBuffer();
  readonly #hasOpenat2: boolean;

  constructor(libc: Libc, paced?: (bytes: number) => void) {
    this.libc = libc;
    this.paced = paced;
    this.statx = new Statx(libc);
    this.uid = libc.call.geteuid();
    this.gid = libc.call.getegid();
    this.#times.setBigUint64(8, BigInt(UTIME_OMIT), true);
    this.#how.setBigUint64(16, BigInt(RESOLVE_NO_MAGICLINKS_NO_SYMLINKS_BENEATH), true);
    this.#hasOpenat2 = this.#tryOpenat2();
  }

  /** Opens a single name or a short path. @returns negative if it failed */
  open(fd: number, path: Uint8Array<ArrayBuffer>, flags: number, mode = 0): number {
    return this.#openQuietly(flags, (how) => this.libc.call.openat(fd, path, how, mode));
  }

  /** Looking at a file doesn't change when it was last used, as far as that is ours to say: only its owner and root may. */
  #openQuietly(flags: number, open: (flags: number) => number): number {
    const how = (flags & NO_READING) === 0 ? flags | O.NOATIME : flags;
    let opened: number;
    do opened = open(how | O.CLOEXEC); while (this.libc.again(opened));
    if (opened >= 0 || how === flags || !NOATIME_REFUSED.includes(this.libc.errno)) return opened;
    do opened = open(flags | O.CLOEXEC); while (this.libc.again(opened));
    return opened;
  }

  close(fd: number): void {
    // The descriptor is gone whatever the answer; what matters was synced before.
    this.libc.call.close(fd);
  }

  /** Opens a directory by a path of any length, following symlinks. @throws DiskFault */
  openFollowing(path: Raw, flags: number = O.RDONLY): number {
    return this.#openInParts(AT.FDCWD, path, path, (fd, part, how) => {
      return this.open(fd, this.libc.first.path(part), how);
    }, flags);
  }

  /** Opens the directory `relative` below `fd`; symlinks anywhere in it are refused. @throws DiskFault */
  openBeneath(fd: number, relative: Raw, path: Raw, flags: number = O.RDONLY): number {
    if (relative === "") {
      return this.#openInParts(fd, ".", path, (at, part, how) => this.open(at, this.libc.first.path(part), how), flags);
    }
    for (const part of splitRaw(relative, "/")) this.libc.first.component(part);
    const openPart: OpenPart = this.#hasOpenat2
      ? (at, part, how) => this.#openat2(at, part, how)
      : (at, part, how) => this.#openByComponents(at, part, how);
    return this.#openInParts(fd, relative, path, openPart, flags);
  }

  #openInParts(fd: number, whole: string, path: Raw, openPart: OpenPart, flags: number = O.RDONLY): number {
    let at = fd;
    let rest = whole;
    try {
      while (rest.length > LONGEST_PATH_BYTES) {
        const cut = rest.lastIndexOf("/", LONGEST_PATH_BYTES);
        const next = openPart(at, rest.slice(0, Math.max(cut, 1)), O.PATH | O.DIRECTORY);
        if (next < 0) throw this.libc.fault("open", path);
        if (at !== fd) this.close(at);
        at = next;
        // What is left is relative, even if there were several slashes.
        rest = rest.slice(cut + 1).replace(/^\/+/, "");
      }
      const opened = openPart(at, rest === "" && at !== fd ? "." : rest, flags | O.DIRECTORY);
      if (opened < 0) throw this.libc.fault("open", path);
      return opened;
    } finally {
      if (at !== fd) this.close(at);
    }
  }

  #openat2(fd: number, part: string, flags: number): number {
    const bytes = this.libc.first.path(part);
    const opened = this.#openQuietly(flags, (how) => {
      this.#how.setUint32(0, how, true);
      return this.libc.call.openat2(SYSCALL.openat2, fd, bytes, this.#howBytes, 24);
    });
    // EAGAIN: something was renamed meanwhile, and the kernel can't tell that nothing was left behind.
    return opened < 0 && this.libc.errno === EAGAIN ? this.#openByComponents(fd, part, flags) : opened;
  }

  #openByComponents(fd: number, path: string, flags: number): number {
    const parts = splitRaw(knownRaw(path), "/");
    let at = fd;
    for (const [index, part] of parts.entries()) {
      const how = index === parts.length - 1 ? flags : O.PATH | O.DIRECTORY;
      const next = this.open(at, this.libc.first.component(part), how | O.NOFOLLOW);
      if (at !== fd) this.close(at);
      if (next < 0) return next;
      at = next;
    }
    return at;
  }

  /** Some sandboxes answer with EPERM instead of ENOSYS: whatever fails on "." is not there. */
  #tryOpenat2(): boolean {
    this.#how.setUint32(0, O.PATH | O.DIRECTORY | O.CLOEXEC, true);
    const fd = this.libc.call.openat2(SYSCALL.openat2, AT.FDCWD, this.libc.first.path("."), this.#howBytes, 24);
    if (fd >= 0) this.close(fd);
    return fd >= 0;
  }

  /**
   * Sets owner, mode and time of an open descriptor, in this order, because a change of the owner clears setuid.
   * @throws DiskFault
   */
  setOfFd(fd: number, attributes: Attributes, path: Raw): void {
    const { call } = this.libc;
    if (attributes.uid !== undefined || attributes.gid !== undefined) {
      this.check(call.fchown(fd, attributes.uid ?? UNCHANGED, attributes.gid ?? UNCHANGED), "set the owner of", path);
    }
    if (attributes.mode !== undefined) this.check(call.fchmod(fd, attributes.mode), "set the mode of", path);
    if (attributes.mtime !== undefined) {
      this.check(call.futimens(fd, this.#timesOf(attributes.mtime)), "set the time of", path);
    }
  }

  /** Sets the same attributes for a name below `fd`; the mode of a symlink is ignored. */
  setAt(fd: number, name: Raw, attributes: Attributes, path: () => Raw): void {
    const { libc } = this;
    const bytes = libc.first.component(name);
    if (attributes.uid !== undefined || attributes.gid !== undefined) {
      const uid = attributes.uid ?? UNCHANGED, gid = attributes.gid ?? UNCHANGED;
      const result = libc.call.fchownat(fd, bytes, uid, gid, AT.SYMLINK_NOFOLLOW);
      if (result < 0) this.check(result, "set the owner of", path());
    }
    if (attributes.mode !== undefined) this.#chmodAt(fd, bytes, attributes.mode, path);
    if (attributes.mtime !== undefined) {
      const times = this.#timesOf(attributes.mtime);
      const result = libc.call.utimensat(fd, bytes, times, AT.SYMLINK_NOFOLLOW);
      if (result < 0) this.check(result, "set the time of", path());
    }
  }

  #chmodAt(fd: number, name: Uint8Array<ArrayBuffer>, mode: number, path: () => Raw): void {
    const { call } = this.libc;
    if (call.fchmodat2(SYSCALL.fchmodat2, fd, name, mode, AT.SYMLINK_NOFOLLOW) === 0) return;
    // A symlink, or a kernel before 6.6. A descriptor that was got without following can be reached through /proc.
    const handle = this.open(fd, name, O.PATH | O.NOFOLLOW);
    if (handle < 0) throw this.libc.fault("set the mode of", path());
    try {
      if (this.statx.kindAndSizeOfFd(handle, path()).kind === "symlink") return;
      const link = this.libc.second.path(`/proc/self/fd/${handle}`);
      this.check(call.chmod(link, mode), "set the mode of", path());
    } finally {
      this.close(handle);
    }
  }

  #timesOf(mtime: NsText): Uint8Array<ArrayBuffer> {
    const { seconds, nanoseconds } = splitTime(mtime);
    this.#times.setUint32(16, seconds >>> 0, true);
    this.#times.setInt32(20, Math.floor(seconds / TWO_32), true);
    this.#times.setUint32(24, nanoseconds, true);
    return this.#timesBytes;
  }

  /**
   * Sets the exact mode of a new object, and resets the group and removes the ACL that it may have inherited from its
   * directory.
   */
  makeExact(fd: number, mode: number, path: Raw): void {
    const { call } = this.libc;
    // File systems without owners refuse; they have no groups that could read it either.
    if (call.fchown(fd, UNCHANGED, this.gid) < 0 && this.libc.readErrno() !== EPERM) {
      throw this.libc.fault("set the group of", path);
    }
    call.fremovexattr(fd, ACCESS_ACL);
    call.fremovexattr(fd, DEFAULT_ACL);
    this.check(call.fchmod(fd, mode), "set the mode of", path);
  }

  /** Does the same for a name below `fd` that is not a directory. A symlink has neither a mode nor an ACL. */
  makeExactAt(fd: number, name: Raw, mode: number | undefined, path: () => Raw): void {
    const { call } = this.libc;
    const result = call.fchownat(fd, this.libc.first.component(name), UNCHANGED, this.gid, AT.SYMLINK_NOFOLLOW);
    if (result < 0 && this.libc.readErrno() !== EPERM) throw this.libc.fault("set the group of", path());
    if (mode === undefined) return;
    call.lremovexattr(this.#linkTo(fd, name), ACCESS_ACL);
    this.#chmodAt(fd, this.libc.first.component(name), mode, path);
  }

  /** True if new objects in the directory inherit an ACL. */
  hasDefaultAcl(fd: number): boolean {
    return this.libc.call.fgetxattr(fd, DEFAULT_ACL, this.#xattrValue, 0) > 0;
  }

  /** @throws DiskFault if `result` is negative */
  check(result: number, operation: string, path: Raw): void {
    if (result >= 0) return;
    this.libc.readErrno();
    throw this.libc.fault(operation, path);
  }

  xattrsOfFd(fd: number, path: () => Raw): Xattrs {
    const { call } = this.libc;
    const length = call.flistxattr(fd, this.#xattrNames, XATTR_BYTES);
    if (length === 0) return NO_XATTRS;
    return this.#readXattrs(length, (name) => call.fgetxattr(fd, name, this.#xattrValue, XATTR_BYTES), path);
  }

  /**
   * Extended attributes of a name below `fd`, which may be a symlink. There is no system call for this before Linux
   * 6.13, but a way through /proc.
   */
  xattrsAt(fd: number, name: Raw, path: () => Raw): Xattrs {
    const { call } = this.libc;
    const link = this.#linkTo(fd, name);
    const length = call.llistxattr(link, this.#xattrNames, XATTR_BYTES);
    if (length === 0) return NO_XATTRS;
    return this.#readXattrs(length, (name) => call.lgetxattr(link, name, this.#xattrValue, XATTR_BYTES), path);
  }

  setXattrOfFd(fd: number, name: string, value: Uint8Array<ArrayBuffer> | undefined, path: Raw): void {
    const raw = this.#xattrName.path(rawOf(name));
    if (value === undefined) {
      return this.check(this.libc.call.fremovexattr(fd, raw), `remove the attribute ${name} of`, path);
    }
    this.check(this.libc.call.fsetxattr(fd, raw, value, value.length, 0), `set the attribute ${name} of`, path);
  }

  /** Adds inode flags; the bits that `ioctl` takes equal those of statx, as far as FLAGS contains them. */
  addFlagsOfFd(fd: number, flags: number, path: Raw): void {
    const { call } = this.libc, word = new Int32Array(new ArrayBuffer(8)), bytes = new Uint8Array(word.buffer);
    this.check(call.ioctlBuffer(fd, FS_IOC_GETFLAGS, bytes), "read the flags of", path);
    const had = word[0] ?? 0;
    if ((had & flags) === flags) return;
    word[0] = had | flags;
    this.check(call.ioctlBuffer(fd, FS_IOC_SETFLAGS, bytes), "set the flags of", path);
  }

  setXattrAt(
    fd: number,
    name: Raw,
    attribute: string,
    value: Uint8Array<ArrayBuffer> | undefined,
    path: () => Raw,
  ): void {
    const { call } = this.libc;
    const link = this.#linkTo(fd, name);
    const raw = this.#xattrName.path(rawOf(attribute));
    const result = value === undefined
      ? call.lremovexattr(link, raw)
      : call.lsetxattr(link, raw, value, value.length, 0);
    if (result < 0) {
      this.check(result, `${value === undefined ? "remove" : "set"} the attribute ${attribute} of`, path());
    }
  }

  #linkTo(fd: number, name: Raw): Uint8Array<ArrayBuffer> {
    this.libc.second.component(name);
    return this.libc.first.path(`/proc/self/fd/${fd}/${name}`);
  }

  /** @param length what listing into `#xattrNames` answered */
  #readXattrs(length: number, get: (name: Uint8Array<ArrayBuffer>) => number, path: () => Raw): Xattrs {
    if (length < 0) {
      if (this.libc.readErrno() === ENOTSUP) return NO_XATTRS;
      throw this.libc.fault("list the attributes of", path());
    }
    const found: Xattrs = {};
    for (const name of rawNames(this.#xattrNames.subarray(0, length))) {
      const size = get(this.#xattrName.path(name));
      if (size >= 0) found[textOf(name)] = this.#xattrValue.slice(0, size);
      else if (!NO_VALUE.includes(this.libc.readErrno())) {
        throw this.libc.fault(`read the attribute ${textOf(name)} of`, path());
      }
    }
    return found;
  }
}

/** An attribute that went away meanwhile, or that is listed but has no value here. */
const NO_VALUE: readonly number[] = [ENODATA, ENOTSUP, ERANGE];

const ACCESS_ACL = new TextEncoder().encode("system.posix_acl_access\0");
const DEFAULT_ACL = new TextEncoder().encode("system.posix_acl_default\0");

/** Names that each end with NUL. */
function rawNames(bytes: Uint8Array<ArrayBuffer>): Raw[] {
  const names: Raw[] = [];
  let name = "";
  for (const byte of bytes) {
    if (byte !== 0) name += String.fromCharCode(byte);
    else {
      names.push(knownRaw(name));
      name = "";
    }
  }
  return names;
}
