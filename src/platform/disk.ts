/**
 * The file system as this tool needs it. Everything is done relative to an open directory, by one name, and never
 * follows a link in that name; so nobody can redirect an operation by swapping a directory for a symlink.
 *
 * Names and paths are byte strings (core/raw.ts). Modes are exact: the process's umask does not apply. Every failure is
 * a {@link DiskFault}, except the answers named in a result type: those are ordinary, and exceptions are slow.
 */
import type { Kind, NsText } from "../core/entry.ts";
import { Fault } from "../core/fault.ts";
import { baseName, parentPath, type Raw, textOf } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";

/**
 * Flags of an inode by the bits of `struct statx`: those that `chattr` sets, and those that the file system sets
 * itself.
 */
export const FLAGS = {
  "compressed": 0x4,
  "immutable": 0x10,
  "append-only": 0x20,
  "no-dump": 0x40,
  "encrypted": 0x800,
  "verity": 0x10_0000,
} as const;

/** Names in a directory, in no particular order, without `.` and `..`. */
export interface DirListing {
  readonly names: readonly Raw[];
  /** Kinds of the names as far as the listing contains them, by position; undefined where a stat is needed. */
  readonly kinds: readonly (Kind | undefined)[];
}

/**
 * Outcome of a link attempt. "missing": the source name doesn't exist; "refused": this file system doesn't support the
 * link, or this user may not make it.
 */
export type LinkResult = "linked" | "exists" | "missing" | "too-many-links" | "refused";

export interface Attributes {
  readonly mtime?: NsText;
  readonly mode?: number;
  /** `uid` and `gid` are given together or not at all. */
  readonly uid?: number;
  readonly gid?: number;
}

/** An open file. Positions are explicit: nothing is shared between calls. */
export interface OpenFile extends Disposable {
  stat(): Stat;
  /** Reads up to `into.length` bytes from `position`; fewer only at the end of the file. */
  read(into: Uint8Array<ArrayBuffer>, position: number): number;
  /** Writes all of `bytes` at `position`. */
  write(bytes: Uint8Array<ArrayBuffer>, position: number): void;
  /** Starts writing a range to the disk in the background; guarantees nothing. */
  writeBack(position: number, length: number): void;
  /** Waits until the range that {@link writeBack} was called for is written, as far as the system reports it. */
  awaitWriteBack(position: number, length: number): void;
  truncate(size: number): void;
  /** Start of the next data or hole at or after `from`; undefined past the end, or where the platform can't tell. */
  seekData(from: number): number | undefined;
  seekHole(from: number): number | undefined;
  /**
   * Turns this file into a copy that shares its extents with the source.
   * @returns false if the file system can't do it; nothing was changed then
   */
  cloneFrom(source: OpenFile): boolean;
  setAttributes(attributes: Attributes): void;
  /** Attribute names (text form) to values; empty where the platform or file system has none. */
  xattrs(): Record<string, Uint8Array<ArrayBuffer>>;
  /** @param value undefined removes it */
  setXattr(name: string, value: Uint8Array<ArrayBuffer> | undefined): void;
  /**
   * Sets flags of the inode in addition to those it has.
   * @param flags bits of {@link FLAGS}
   * @throws DiskFault, also if they can't be set here
   */
  addFlags(flags: number): void;
  /** Makes content and attributes durable. */
  sync(): void;
  /**
   * Requests a lock that is held by the open file and released when it is closed.
   * @param kind many may hold a shared lock as long as nobody holds an exclusive one
   * @returns false if a conflicting lock is held elsewhere
   */
  tryLock(kind?: "exclusive" | "shared"): boolean;
}

/** Properties of a file system. */
export interface FileSystem {
  /** Name such as "ext4"; a number in hex for an unknown type. */
  readonly type: string;
  readonly totalBytes: number;
  /** Bytes that this user may still use. */
  readonly freeBytes: number;
  /** Maximum number of files; 0 if there is no limit. */
  readonly inodes: number;
  readonly freeInodes: number;
  /** True if mounted read-only; undefined where unknown. */
  readonly isReadOnly: boolean | undefined;
}

/** An open directory. `name` is always one component. */
export interface Dir extends Disposable {
  /** Path for messages; on Linux, operations never use it. */
  readonly path: Raw;
  /** Path of `name` in this directory, for libraries that take only text; valid while the directory is open. */
  textPath(name: Raw): string;
  list(): DirListing;
  /** Metadata of the directory itself. */
  statSelf(): Stat;
  /** Metadata of an object, without following a symlink; undefined if it doesn't exist. */
  stat(name: Raw): Stat | undefined;
  openDir(name: Raw): Dir;
  /**
   * Opens the directory `relative` (several components of any total length; "" for this one), none of which may be a
   * symlink.
   */
  openPath(relative: Raw): Dir;
  /**
   * Opens a regular file for reading; never blocks on a pipe, and fails on a symlink. Undefined if it doesn't exist.
   */
  open(name: Raw): OpenFile | undefined;
  /** Creates a file for writing; undefined if the name is taken. */
  create(name: Raw, mode: number): OpenFile | undefined;
  /** Opens or creates a file for reading and writing: locks, and files that are rewritten in place. */
  openOrCreate(name: Raw, mode: number): OpenFile;
  /** Creates a directory. @returns false if the name is taken */
  mkdir(name: Raw, mode: number): boolean;
  /** Links `name` here to `toName` in `to`. */
  link(name: Raw, to: Dir, toName: Raw): LinkResult;
  symlink(target: Raw, name: Raw): void;
  readlink(name: Raw): Raw;
  /** Creates a pipe, a socket or a device node. */
  mknod(name: Raw, mode: number, kind: Kind, device: { major: number; minor: number }): void;
  /** Renames `name` to `toName` in `to`, replacing what exists there. */
  rename(name: Raw, to: Dir, toName: Raw): void;
  /** Swaps two existing names in one step. @returns false if this file system can't; nothing was changed then */
  exchange(name: Raw, to: Dir, toName: Raw): boolean;
  /** Removes a name that is not a directory. @returns false if it didn't exist */
  unlink(name: Raw): boolean;
  /** Removes an empty directory. @returns false if it didn't exist */
  rmdir(name: Raw): boolean;
  /** Sets attributes of an object, without following a symlink (whose mode is ignored). */
  setAttributes(name: Raw, attributes: Attributes): void;
  setSelfAttributes(attributes: Attributes): void;
  xattrs(name: Raw): Record<string, Uint8Array<ArrayBuffer>>;
  /** Sets an extended attribute of an object, without following a symlink. @param value undefined removes it */
  setXattr(name: Raw, attribute: string, value: Uint8Array<ArrayBuffer> | undefined): void;
  selfXattrs(): Record<string, Uint8Array<ArrayBuffer>>;
  /** Sets an extended attribute of the directory itself. @param value undefined removes it */
  setSelfXattr(attribute: string, value: Uint8Array<ArrayBuffer> | undefined): void;
  /** Sets flags of the directory itself, as {@link OpenFile.addFlags} does. */
  addFlags(flags: number): void;
  /** Makes the names in this directory durable. */
  sync(): void;
  /** Makes everything on this file system durable, without blocking the thread. */
  syncFileSystem(): Promise<void>;
  /** Bytes that this user may still use; undefined where unknown. */
  freeBytes(): number | undefined;
  /** The file system that holds this directory; undefined where unknown. */
  fileSystem(): FileSystem | undefined;
  /**
   * Identifies the mount that this directory was reached through: equal for two directories if nothing is mounted
   * between them. The same value as {@link Mount.id}; where the system has none, the device.
   */
  mountId(): string;
  /** False on network and FUSE file systems, whose inode numbers and ctimes may change without a reason. */
  reliableInodes(): boolean;
}

/** What an implementation can do on this machine; constant for its lifetime. */
export interface DiskAbilities {
  /** Resolution of the times that it reads and writes. */
  readonly timeUnitNs: 1 | 1_000_000;
  /** True if names may be other than UTF-8, and paths of any length. */
  readonly rawNames: boolean;
  readonly owners: boolean;
  readonly xattrs: boolean;
  readonly devices: boolean;
  /** True if ctimes and inode numbers exist. */
  readonly inodes: boolean;
}

/** A line of the table of mounts. */
export interface Mount {
  readonly id: string;
  /** "major:minor" of the file system. */
  readonly device: string;
  /** Directory of the file system that is mounted: an absolute path inside it. */
  readonly root: Raw;
  /** Mount point: absolute, without symlinks. */
  readonly point: Raw;
  /**
   * Absolute paths that the mount claims to show, for FUSE file systems and unions that show directories of another
   * file system. The claim has to be verified: other file systems have the path of a device here, or nothing.
   */
  readonly shows: readonly Raw[];
}

export interface Disk {
  readonly abilities: DiskAbilities;
  /** Opens a directory by a path as a person gave it: symlinks in it are followed. Any length. */
  openDir(path: Raw): Dir;
  /** Absolute path of an existing object, without symlinks. */
  realPath(path: Raw): Raw;
  /**
   * Metadata of a directory, following symlinks in its path; works for one that may be passed through but not listed.
   */
  statDirectory(path: Raw): Stat;
  /** Everything that is currently mounted; empty where the system doesn't report it. */
  mounts(): readonly Mount[];
  /** Name of a user or group; undefined if the machine doesn't know the number. Cached. */
  userName(uid: number): string | undefined;
  groupName(gid: number): string | undefined;
  /** Number of a user or group; undefined if the machine doesn't know the name. Cached. */
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
  /** The effective user and group of this process. */
  readonly uid: number;
  readonly gid: number;
}

/** A system call failed. */
export class DiskFault extends Fault {
  readonly code = "disk";
  /** Symbolic error number, such as "ENOSPC". */
  readonly errno: string;
  readonly operation: string;
  readonly path: Raw;
  constructor(errno: string, operation: string, path: Raw) {
    super(`Cannot ${operation} ${JSON.stringify(textOf(path))}: ${EXPLAINED[errno] ?? errno}`);
    this.errno = errno;
    this.operation = operation;
    this.path = path;
  }
  /** True if there is no room, on the disk or for this user. */
  get isFull(): boolean {
    return this.errno === "ENOSPC" || this.errno === "EDQUOT";
  }
  get hint(): string {
    const where = this.path.startsWith("/") ? ` that holds ${JSON.stringify(textOf(parentPath(this.path)))}` : "";
    return HINTS[this.errno]?.replace("%WHERE%", where) ?? "The system's log may say more";
  }
}

const EXPLAINED: Readonly<Record<string, string>> = {
  EACCES: "permission denied (EACCES)",
  EPERM: "not permitted (EPERM)",
  ENOENT: "no such file or directory (ENOENT)",
  ENOTDIR: "not a directory (ENOTDIR)",
  EISDIR: "is a directory (EISDIR)",
  EEXIST: "exists already (EEXIST)",
  ENOTEMPTY: "directory not empty (ENOTEMPTY)",
  ELOOP: "a symbolic link is in the way (ELOOP)",
  ENOSPC: "no space left on the disk (ENOSPC)",
  EDQUOT: "disk quota exceeded (EDQUOT)",
  EROFS: "the file system is read-only (EROFS)",
  EIO: "input/output error (EIO)",
  EREMOTEIO: "input/output error of a device (EREMOTEIO)",
  EBADMSG: "the file system found damaged data (EBADMSG)",
  EUCLEAN: "the file system is damaged (EUCLEAN)",
  ENOMEDIUM: "no medium in the drive (ENOMEDIUM)",
  EINVAL: "not a valid name or value (EINVAL)",
  EILSEQ: "the name can't be written on this platform: it is not valid UTF-8 (EILSEQ)",
  ENXIO: "not a regular file (ENXIO)",
  EMFILE: "too many open files (EMFILE)",
  ENFILE: "too many open files in the whole system (ENFILE)",
  ENOMEM: "not enough memory (ENOMEM)",
  EAGAIN: "the system can't do that at the moment (EAGAIN)",
  EBUSY: "something uses it (EBUSY)",
  ETXTBSY: "a program that is running (ETXTBSY)",
  ENAMETOOLONG: "name too long (ENAMETOOLONG)",
  EXDEV: "on another file system (EXDEV)",
  EMLINK: "too many links (EMLINK)",
  ESTALE: "the network share has gone away (ESTALE)",
  ENOTCONN: "what serves that file system doesn't answer (ENOTCONN)",
  ETIMEDOUT: "the network share doesn't answer (ETIMEDOUT)",
  EHOSTDOWN: "the network share's machine is down (EHOSTDOWN)",
  EHOSTUNREACH: "the network share can't be reached (EHOSTUNREACH)",
  ECONNREFUSED: "the network share refuses the connection (ECONNREFUSED)",
  ENODEV: "the device has gone away (ENODEV)",
  ENOTSUP: "not supported here (ENOTSUP)",
  ENOSYS: "not known to this system (ENOSYS)",
  EFBIG: "file too large for this file system (EFBIG)",
  EOVERFLOW: "a value too large for this system (EOVERFLOW)",
  ENOLCK: "the file system can't lock files (ENOLCK)",
  ENOKEY: "the encrypted directory is locked (ENOKEY)",
  EKEYEXPIRED: "the key of the encrypted directory has expired (EKEYEXPIRED)",
  EPIPE: "nobody reads any more (EPIPE)",
};

const FAILING_DISK = "Check the disk, its cables and the system's log";
const DAMAGED_FILE_SYSTEM = "Check the file system with `fsck`, then the disk; the system's log may say more";
const GONE_SHARE = "Check the network share, and mount it again";
const LOCKED_DIRECTORY = "Unlock the encrypted directory, as by logging in";

/** What can be done. None but the errors of a disk speak of disks: whoever checks cables because of a name loses an evening. */
/** `%WHERE%` says which disk it is: the storage's, or that of a restore's target. */
const HINTS: Readonly<Record<string, string>> = {
  EACCES: "Run as a user who may access it, or change its permissions",
  EPERM: "Run as a user who may do that",
  ENOENT: "Check the spelling, and that the disk is mounted",
  ENOTDIR: "Check the spelling: something on that path is a file",
  EISDIR: "Name a file: that is a directory",
  EEXIST: "Choose another name, or move away what is there",
  ENOTEMPTY: "Something has come into it in the meantime; run the same command again",
  ELOOP: "Name the place that the link leads to, or remove a link that leads to itself",
  ENOSPC: "Free some space on the disk%WHERE%; what was backed up before is untouched",
  EDQUOT: "Free some space, or raise the quota, on the disk%WHERE%; what was backed up before is untouched",
  EROFS: "Mount the disk%WHERE% writable",
  EIO: FAILING_DISK,
  EREMOTEIO: FAILING_DISK,
  EBADMSG: DAMAGED_FILE_SYSTEM,
  EUCLEAN: DAMAGED_FILE_SYSTEM,
  ENODEV: "Check that the device is connected, and mount it again",
  ENOMEDIUM: "Put the medium in, and mount it",
  EINVAL: "This file system can't handle that name or value; use another",
  EILSEQ: "Use a name that is valid UTF-8, or a file system that takes any",
  ENXIO: "Name a regular file or a directory",
  EMFILE: "Raise the limit of open files (`ulimit -n`), or use fewer `--workers`",
  ENFILE: "Close some programs, or raise the limit of the system (`fs.file-max`)",
  ENOMEM: "Close some programs, or use fewer `--workers`",
  EAGAIN: "Try again later",
  EBUSY: "Something is mounted there, or a program uses it: unmount or stop that first",
  ETXTBSY: "Stop that program first",
  EXDEV: "Keep the storage on one file system",
  EMLINK: "This file system allows no more links to one file, or directories in one directory",
  ENAMETOOLONG: "This system can't handle a name that long",
  ESTALE: GONE_SHARE,
  ENOTCONN: GONE_SHARE,
  ETIMEDOUT: GONE_SHARE,
  EHOSTDOWN: GONE_SHARE,
  EHOSTUNREACH: GONE_SHARE,
  ECONNREFUSED: GONE_SHARE,
  ENOTSUP: "Use another file system for that",
  ENOSYS: "Use a newer kernel, or another file system",
  EFBIG: "Use a file system that takes files of that size",
  EOVERFLOW: "Use a file system that takes values of that size",
  ENOLCK: "Mount it so that files can be locked, or use another file system",
  ENOKEY: LOCKED_DIRECTORY,
  EKEYEXPIRED: LOCKED_DIRECTORY,
};

/**
 * Opens a directory, durably creating it and its missing parents. If one of them can't be created, none of them is
 * left.
 * @throws DiskFault
 */
export function makeDirectories(disk: Disk, path: Raw, mode: number): Dir {
  const missing: Raw[] = [], made: Raw[] = [];
  let nearest = openUnlessMissing(disk, path);
  for (let at = path; nearest === undefined; nearest = openUnlessMissing(disk, at)) {
    missing.unshift(at);
    at = parentPath(at);
  }
  try {
    for (const next of missing) {
      using parent = nearest;
      if (parent.mkdir(baseName(next), mode)) made.unshift(next);
      parent.sync();
      nearest = disk.openDir(next);
    }
    return nearest;
  } catch (error) {
    for (const one of made) removeEmpty(disk, one);
    throw error;
  }
}

function openUnlessMissing(disk: Disk, path: Raw): Dir | undefined {
  try {
    return disk.openDir(path);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT" && path !== "/") return undefined;
    throw error;
  }
}

/** Removes what is no longer needed. A failure here matters less than the one that is being reported. */
function removeEmpty(disk: Disk, path: Raw): void {
  try {
    using parent = disk.openDir(parentPath(path));
    parent.rmdir(baseName(path));
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
  }
}
