/**
 * The Linux file system through the C library: names are bytes, times have nanoseconds, and every step is relative to
 * an open directory.
 */
import type { Kind } from "../core/entry.ts";
import { joinAll, joinRaw, type Raw, rawOfBytes, ROOT, splitRaw, textOf } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { Accounts } from "./accounts.ts";
import {
  type Attributes,
  type Dir,
  type DirListing,
  type Disk,
  type DiskAbilities,
  DiskFault,
  type FileSystem,
  type LinkResult,
  type Mount,
  type OpenFile,
} from "./disk.ts";
import { EAGAIN, EEXIST, EINVAL, EMLINK, ENOENT, ENOSYS, ENOTSUP, EPERM, EXDEV } from "./errno.ts";
import { fileSystemName, hasLastingInodes } from "./file_systems.ts";
import { AT, type Libc, libcCurrentDirectory, loadLibc, O, SYSCALL } from "./libc.ts";
import { LinuxCalls, type Xattrs } from "./linux_calls.ts";
import { LinuxFile } from "./linux_file.ts";
import { listOpened } from "./linux_listing.ts";
import { isMountPointByProc, mountIdByProc } from "./linux_mounts.ts";
import { TYPE_OF_KIND } from "./linux_stat.ts";
import { readMounts } from "./mounts.ts";
import { noteUmask } from "./umask.ts";

const LONGEST_TARGET_BYTES = 8192;
/** As the kernel does it: more symlinks than that in one path are taken for a loop. */
const MOST_SYMLINKS = 40;
/** Answers of linkat(2) that mean "not this file, not here". */
const REFUSED: readonly number[] = [EPERM, EXDEV, ENOTSUP, ENOSYS];
/** Answers of renameat2(2) that mean "this kernel or file system can't". */
const NO_EXCHANGE: readonly number[] = [EINVAL, ENOSYS, ENOTSUP];
/** linux/fs.h */
const RENAME_EXCHANGE = 2;
/** For regular files that others made: never wait for a pipe's writer, never become a terminal's session. */
const SAFELY = O.NOFOLLOW | O.NONBLOCK | O.NOCTTY;

const LINUX_ABILITIES: DiskAbilities = {
  timeUnitNs: 1,
  rawNames: true,
  owners: true,
  xattrs: true,
  devices: true,
  inodes: true,
};

/**
 * This machine's file system; undefined where the C library can't be loaded or the kernel is too old.
 * @param paced called with the number of bytes read; may delay
 */
export function openLinuxDisk(
  libc: Libc | undefined = loadLibc(),
  paced?: (bytes: number) => void,
): Disk | undefined {
  if (libc === undefined) return undefined;
  const calls = new LinuxCalls(libc, paced);
  if (!calls.statx.isThere()) return undefined;
  // Modes are exact; the mask belongs to the whole process.
  noteUmask(libc.call.umask(0));
  return new LinuxDisk(calls);
}

class LinuxDisk implements Disk {
  readonly abilities = LINUX_ABILITIES;
  readonly uid: number;
  readonly gid: number;
  readonly #calls: LinuxCalls;
  readonly #accounts: Accounts;

  constructor(calls: LinuxCalls) {
    this.#calls = calls;
    this.#accounts = new Accounts(calls.libc);
    this.uid = calls.uid;
    this.gid = calls.gid;
  }

  static is(disk: Disk): boolean {
    return #calls in disk;
  }

  openDir(path: Raw): Dir {
    return new LinuxDir(this.#calls, this.#calls.openFollowing(path), path);
  }

  statDirectory(path: Raw): Stat {
    const fd = this.#calls.openFollowing(path, O.PATH);
    try {
      return this.#calls.statx.ofFd(fd, path);
    } finally {
      this.#calls.close(fd);
    }
  }

  mounts(): readonly Mount[] {
    return readMounts(this);
  }

  realPath(path: Raw): Raw {
    const start = path.startsWith("/") ? path : joinRaw(libcCurrentDirectory(this.#calls.libc), path);
    const root = this.#calls.openFollowing(ROOT);
    try {
      return this.#resolve(root, start, path);
    } finally {
      this.#calls.close(root);
    }
  }

  /** Component by component: so the length doesn't matter, and /proc isn't needed. */
  #resolve(root: number, start: Raw, path: Raw): Raw {
    const pending = splitRaw(start, "/").reverse();
    let done: Raw[] = [];
    let symlinks = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === "" || part === ".") continue;
      if (part === "..") {
        done.pop();
        continue;
      }
      const target = this.#symlinkTarget(root, done, part, path);
      if (target === undefined) done.push(part);
      else {
        if (++symlinks > MOST_SYMLINKS) throw new DiskFault("ELOOP", "find", path);
        if (target.startsWith("/")) done = [];
        pending.push(...splitRaw(target, "/").reverse());
      }
    }
    return joinRaw(ROOT, joinAll(done));
  }

  /** Undefined if `name` in the directory `parents` is not a symlink. */
  #symlinkTarget(root: number, parents: readonly Raw[], name: Raw, path: Raw): Raw | undefined {
    const parent = joinAll(parents);
    using dir = new LinuxDir(this.#calls, this.#calls.openBeneath(root, parent, path, O.PATH), path);
    const stat = dir.stat(name);
    if (stat === undefined) throw new DiskFault("ENOENT", "find", path);
    return stat.kind === "symlink" ? dir.readlink(name) : undefined;
  }

  userName(uid: number): string | undefined {
    return this.#accounts.nameOf("user", uid);
  }

  groupName(gid: number): string | undefined {
    return this.#accounts.nameOf("group", gid);
  }

  userId(name: string): number | undefined {
    return this.#accounts.idOf("user", name);
  }

  groupId(name: string): number | undefined {
    return this.#accounts.idOf("group", name);
  }
}

/** True if this is the machine's file system itself, which every thread can open: nothing is around it. */
export const isLinuxDisk = LinuxDisk.is;

const statfsBuffer = new Uint8Array(256);
/** In `f_flags`. */
const ST_RDONLY = 1;
const targetBuffer = new Uint8Array(LONGEST_TARGET_BYTES);

class LinuxDir implements Dir {
  readonly path: Raw;
  readonly #calls: LinuxCalls;
  #fd: number;
  /** True once the descriptor's position isn't at the start. */
  #isListed = false;
  #inherits: boolean | undefined;

  /** Takes ownership of `fd`. */
  constructor(calls: LinuxCalls, fd: number, path: Raw) {
    this.#calls = calls;
    this.#fd = fd;
    this.path = path;
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) this.#calls.close(this.#fd);
    this.#fd = -1;
  }

  textPath(name: Raw): string {
    const text = textOf(joinRaw(this.path, name));
    const isAbsolute = text.startsWith("/");
    return isAbsolute && text.isWellFormed() ? text : `/proc/self/fd/${this.#fd}/${textOf(name)}`;
  }

  list(): DirListing {
    const { libc } = this.#calls;
    if (this.#isListed) libc.call.lseek(this.#fd, 0, 0);
    this.#isListed = true;
    return listOpened(libc, this.#fd, this.path);
  }

  statSelf(): Stat {
    return this.#calls.statx.ofFd(this.#fd, this.path);
  }

  stat(name: Raw): Stat | undefined {
    const { libc, statx } = this.#calls;
    const stat = statx.at(this.#fd, libc.first.component(name));
    if (stat === undefined && libc.errno !== ENOENT) throw this.#fault("stat", name);
    if (stat?.kind !== "dir" || statx.knowsMountPoints()) return stat;
    return { ...stat, isMountPoint: isMountPointByProc(this.#calls, this.#fd, libc.first.component(name)) };
  }

  openDir(name: Raw): Dir {
    const { libc } = this.#calls;
    const fd = this.#calls.open(this.#fd, libc.first.component(name), O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
    if (fd < 0) throw this.#fault("open", name);
    return new LinuxDir(this.#calls, fd, joinRaw(this.path, name));
  }

  openPath(relative: Raw): Dir {
    const path = joinRaw(this.path, relative);
    return new LinuxDir(this.#calls, this.#calls.openBeneath(this.#fd, relative, path), path);
  }

  open(name: Raw): OpenFile | undefined {
    const { libc } = this.#calls;
    let fd = this.#calls.open(this.#fd, libc.first.component(name), O.RDONLY | SAFELY);
    if (fd < 0 && libc.errno === EAGAIN) fd = this.#openLeased(name);
    // Also if it has gone in between.
    if (fd < 0 && libc.errno === ENOENT) return undefined;
    if (fd < 0) throw this.#fault("open", name);
    return this.#regularFile(fd, name);
  }

  /** A file server holds a lease on the file and gives it up when somebody waits for it; O_NONBLOCK doesn't wait. */
  #openLeased(name: Raw): number {
    const { libc } = this.#calls;
    const handle = this.#calls.open(this.#fd, libc.first.component(name), O.PATH | O.NOFOLLOW);
    if (handle < 0) return handle;
    try {
      if (this.#calls.statx.kindAndSizeOfFd(handle, this.path).kind !== "file") return -1;
      return this.#calls.open(AT.FDCWD, libc.second.path(`/proc/self/fd/${handle}`), O.RDONLY);
    } finally {
      this.#calls.close(handle);
    }
  }

  /** Takes over `fd`, or closes it and throws if it is something else. */
  #regularFile(fd: number, name: Raw): LinuxFile {
    let kind: Kind | undefined, size: number;
    try {
      ({ kind, size } = this.#calls.statx.kindAndSizeOfFd(fd, this.path));
      if (kind === "file") return this.#file(fd, name, size);
    } finally {
      if (kind !== "file") this.#calls.close(fd);
    }
    throw new DiskFault(kind === "dir" ? "EISDIR" : "ENXIO", "open", joinRaw(this.path, name));
  }

  #file(fd: number, name: Raw, size = 0): LinuxFile {
    return new LinuxFile(this.#calls, fd, () => joinRaw(this.path, name), size);
  }

  create(name: Raw, mode: number): OpenFile | undefined {
    const { libc } = this.#calls;
    const inherits = this.#newObjectsInherit();
    const flags = O.RDWR | O.CREAT | O.EXCL | O.NOFOLLOW;
    const fd = this.#calls.open(this.#fd, libc.first.component(name), flags, inherits ? mode & 0o700 : mode);
    if (fd < 0 && libc.errno === EEXIST) return undefined;
    if (fd < 0) throw this.#fault("create", name);
    const file = this.#file(fd, name);
    if (!inherits) return file;
    try {
      this.#calls.makeExact(fd, mode, joinRaw(this.path, name));
      return file;
    } catch (error) {
      file[Symbol.dispose]();
      this.unlink(name);
      throw error;
    }
  }

  openOrCreate(name: Raw, mode: number): OpenFile {
    const { libc } = this.#calls;
    for (;;) {
      const fd = this.#calls.open(this.#fd, libc.first.component(name), O.RDWR | SAFELY);
      if (fd >= 0) return this.#regularFile(fd, name);
      if (libc.errno !== ENOENT) throw this.#fault("open", name);
      const created = this.create(name, mode);
      if (created !== undefined) return created;
    }
  }

  mkdir(name: Raw, mode: number): boolean {
    const { libc } = this.#calls;
    const inherits = this.#newObjectsInherit();
    const path = libc.first.component(name);
    let result: number;
    do result = libc.call.mkdirat(this.#fd, path, inherits ? mode & 0o700 : mode); while (libc.again(result));
    if (result < 0) {
      if (libc.errno === EEXIST) return false;
      throw libc.fault("create", joinRaw(this.path, name));
    }
    if (inherits) this.#makeExact(name, mode);
    // mkdir(2) ignores these bits.
    else if ((mode & 0o6000) !== 0) this.setAttributes(name, { mode });
    return true;
  }

  /** True if new objects get a group or an ACL from this directory (setgid, mount option grpid, default ACL). */
  #newObjectsInherit(): boolean {
    if (this.#inherits === undefined) {
      const { mode, gid } = this.statSelf();
      this.#inherits = (mode & 0o2000) !== 0 || gid !== this.#calls.gid || this.#calls.hasDefaultAcl(this.#fd);
    }
    return this.#inherits;
  }

  #makeExact(name: Raw, mode: number): void {
    const flags = O.RDONLY | O.DIRECTORY | O.NOFOLLOW;
    const path = joinRaw(this.path, name);
    const fd = this.#calls.open(this.#fd, this.#calls.libc.first.component(name), flags);
    if (fd < 0) throw this.#fault("open", name);
    try {
      this.#calls.makeExact(fd, mode, path);
    } finally {
      this.#calls.close(fd);
    }
  }

  link(name: Raw, to: Dir, toName: Raw): LinkResult {
    const { libc } = this.#calls;
    const from = libc.first.component(name);
    const into = libc.second.component(toName);
    let result: number;
    do result = libc.call.linkat(this.#fd, from, fdOf(to), into, 0); while (libc.again(result));
    if (result === 0) return "linked";
    const { errno } = libc;
    if (errno === EEXIST) return "exists";
    if (errno === ENOENT) return "missing";
    if (errno === EMLINK) return "too-many-links";
    if (REFUSED.includes(errno)) return "refused";
    throw libc.fault("link", joinRaw(to.path, toName));
  }

  symlink(target: Raw, name: Raw): void {
    const { libc } = this.#calls;
    const inherits = this.#newObjectsInherit();
    const result = libc.call.symlinkat(libc.first.path(target), this.#fd, libc.second.component(name));
    this.#check(result, "create", name);
    if (inherits) this.#makeNewExact(name, undefined);
  }

  readlink(name: Raw): Raw {
    const { libc } = this.#calls;
    const length = libc.call.readlinkat(this.#fd, libc.first.component(name), targetBuffer, LONGEST_TARGET_BYTES);
    this.#check(length, "read the link", name);
    return rawOfBytes(targetBuffer.subarray(0, length));
  }

  mknod(name: Raw, mode: number, kind: Kind, device: { major: number; minor: number }): void {
    const { libc } = this.#calls;
    const type = TYPE_OF_KIND[kind] << 12;
    const inherits = this.#newObjectsInherit();
    const result = libc.call.mknodat(
      SYSCALL.mknodat,
      this.#fd,
      libc.first.component(name),
      type | (inherits ? mode & 0o700 : mode),
      deviceNumber(device.major, device.minor),
    );
    this.#check(result, "create", name);
    if (inherits) this.#makeNewExact(name, mode);
  }

  /** What could not be made exact is not left behind. */
  #makeNewExact(name: Raw, mode: number | undefined): void {
    try {
      this.#calls.makeExactAt(this.#fd, name, mode, () => joinRaw(this.path, name));
    } catch (error) {
      this.unlink(name);
      throw error;
    }
  }

  rename(name: Raw, to: Dir, toName: Raw): void {
    const { libc } = this.#calls;
    const from = libc.first.component(name);
    const result = libc.call.renameat(this.#fd, from, fdOf(to), libc.second.component(toName));
    this.#check(result, "rename", name);
  }

  exchange(name: Raw, to: Dir, toName: Raw): boolean {
    const { libc } = this.#calls;
    const from = libc.first.component(name), into = libc.second.component(toName);
    const result = libc.call.renameat2(SYSCALL.renameat2, this.#fd, from, fdOf(to), into, RENAME_EXCHANGE);
    if (result === 0) return true;
    if (NO_EXCHANGE.includes(libc.readErrno())) return false;
    throw this.#fault("exchange", name);
  }

  unlink(name: Raw): boolean {
    return this.#remove(name, 0);
  }

  rmdir(name: Raw): boolean {
    return this.#remove(name, AT.REMOVEDIR);
  }

  #remove(name: Raw, flags: number): boolean {
    const { libc } = this.#calls;
    const path = libc.first.component(name);
    let result: number;
    do result = libc.call.unlinkat(this.#fd, path, flags); while (libc.again(result));
    if (result === 0) return true;
    if (libc.errno === ENOENT) return false;
    throw libc.fault("remove", joinRaw(this.path, name));
  }

  setAttributes(name: Raw, attributes: Attributes): void {
    this.#calls.setAt(this.#fd, name, attributes, () => joinRaw(this.path, name));
  }

  setSelfAttributes(attributes: Attributes): void {
    this.#inherits = undefined;
    this.#calls.setOfFd(this.#fd, attributes, this.path);
  }

  xattrs(name: Raw): Xattrs {
    return this.#calls.xattrsAt(this.#fd, name, () => joinRaw(this.path, name));
  }

  setXattr(name: Raw, attribute: string, value: Uint8Array<ArrayBuffer> | undefined): void {
    this.#calls.setXattrAt(this.#fd, name, attribute, value, () => joinRaw(this.path, name));
  }

  selfXattrs(): Xattrs {
    return this.#calls.xattrsOfFd(this.#fd, () => this.path);
  }

  setSelfXattr(attribute: string, value: Uint8Array<ArrayBuffer> | undefined): void {
    this.#inherits = undefined;
    this.#calls.setXattrOfFd(this.#fd, attribute, value, this.path);
  }

  addFlags(flags: number): void {
    this.#calls.addFlagsOfFd(this.#fd, flags, this.path);
  }

  sync(): void {
    const { libc } = this.#calls;
    let result: number;
    do result = libc.call.fsync(this.#fd); while (libc.again(result));
    if (result < 0) throw libc.fault("sync", this.path);
  }

  async syncFileSystem(): Promise<void> {
    // Why it failed is known to the other thread alone.
    if (await this.#calls.libc.call.syncfs(this.#fd) < 0) {
      throw new DiskFault("EIO", "sync the file system of", this.path);
    }
  }

  freeBytes(): number | undefined {
    const view = this.#statfs();
    if (view === undefined) return undefined;
    const blockSize = Number(view.getBigInt64(72, true)) || Number(view.getBigInt64(8, true));
    return Number(view.getBigUint64(32, true)) * blockSize;
  }

  /** Offsets and flags of `struct statfs` on 64-bit Linux. */
  fileSystem(): FileSystem | undefined {
    const view = this.#statfs();
    if (view === undefined) return undefined;
    const field = (offset: number) => Number(view.getBigUint64(offset, true));
    const blockSize = field(72) || field(8);
    return {
      type: fileSystemName(view.getUint32(0, true)),
      totalBytes: field(16) * blockSize,
      freeBytes: field(32) * blockSize,
      inodes: field(40),
      freeInodes: field(48),
      isReadOnly: (field(80) & ST_RDONLY) !== 0,
    };
  }

  mountId(): string {
    return this.#calls.statx.mountIdOfFd(this.#fd) ?? mountIdByProc(this.#calls, this.#fd) ?? this.statSelf().device;
  }

  reliableInodes(): boolean {
    const view = this.#statfs();
    return view !== undefined && hasLastingInodes(view.getUint32(0, true));
  }

  /** `struct statfs`, as on every 64-bit processor. */
  #statfs(): DataView | undefined {
    const { libc } = this.#calls;
    let result: number;
    do result = libc.call.fstatfs(this.#fd, statfsBuffer); while (libc.again(result));
    return result < 0 ? undefined : new DataView(statfsBuffer.buffer);
  }

  #check(result: number, operation: string, name: Raw): void {
    if (result >= 0) return;
    this.#calls.libc.readErrno();
    throw this.#fault(operation, name);
  }

  #fault(operation: string, name: Raw): DiskFault {
    return this.#calls.libc.fault(operation, joinRaw(this.path, name));
  }

  /** The descriptor of a directory that this implementation opened. */
  static fdOf(dir: Dir): number {
    if (!(dir instanceof LinuxDir)) throw new Error("The directories belong to different file systems");
    return dir.#fd;
  }
}

const { fdOf } = LinuxDir;

/** The kernel's 32-bit form of a device number (new_encode_dev). */
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}
