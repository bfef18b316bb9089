/**
 * The file system by the runtime's own API: for systems other than Linux, and for Linux without FFI. Its limits, which
 * {@link DiskAbilities} states as data:
 *
 * - Times are read and set in milliseconds; ctimes, and the times of symlinks before 1970, in seconds.
 * - Names and symlink targets must be UTF-8. Others are listed with U+FFFD in them; using such a name is a fault (EILSEQ).
 * - No extended attributes and no ACLs: none are found, setting one is a fault (ENOTSUP).
 * - Devices, pipes and sockets can't be made (ENOTSUP). Holes in files can't be found.
 * - Windows has no owners, modes and inode numbers: they are ignored, and read as 0, 0644 or 0755, and "0".
 * - User and group names are unknown, but for the user who runs the program.
 * - Every call takes a whole path. Before it is made, each component below the directory that was opened by its path is
 *   checked not to be a symlink; somebody who swaps one between the check and the call is not caught.
 * - Deno before 2.7 can't try a lock: there {@link OpenFile.tryLock} waits until the lock is free.
 * - Where the whole file system can't be synced (Windows), each written file is synced when it is closed.
 */
import type { StatsFs } from "node:fs";
import type { Kind } from "../core/entry.ts";
import { joinAll, joinRaw, type Raw, rawOf, splitRaw, textOf } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
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
import { fileSystemName, hasLastingInodes } from "./file_systems.ts";
import { mountAround, readMounts } from "./mounts.ts";
import { syncVolume } from "./macos_sync.ts";
import { msOfTime } from "./ns_text.ts";
import { attempt, attemptUnless, checkName, IS_WINDOWS, kindOf, pathText, statOf } from "./portable_calls.ts";
import { type FileManner, PortableFile } from "./portable_file.ts";
import { portableTarget, symlinkType, windowsTarget } from "./windows_paths.ts";

const PORTABLE_ABILITIES: DiskAbilities = {
  timeUnitNs: 1_000_000,
  rawNames: false,
  owners: !IS_WINDOWS,
  xattrs: false,
  devices: false,
  inodes: !IS_WINDOWS,
};

/** Writes everything that the system holds in memory. */
const SYNC_PROGRAM = "/bin/sync";
/** Stands in a name for bytes that the runtime couldn't decode. */
const UNDECODED = rawOf("\ufffd");

/** Fetched when needed: a Linux machine with FFI never does, and it takes a thread 9 ms. */
const fs = () => process.getBuiltinModule("node:fs");
const os = () => process.getBuiltinModule("node:os");

/** Works everywhere. */
/** Opens the file system. @param paced called with the number of bytes read; may delay */
export function openPortableDisk(paced?: (bytes: number) => void): Disk {
  return new PortableDisk(paced);
}

class PortableDisk implements Disk {
  readonly abilities = PORTABLE_ABILITIES;
  readonly uid: number = Deno.uid() ?? 0;
  readonly gid: number = Deno.gid() ?? 0;
  readonly #manner: FileManner;

  constructor(paced: ((bytes: number) => void) | undefined) {
    this.#manner = { syncOnClose: !canRunSync(), paced };
  }

  statDirectory(path: Raw): Stat {
    const info = attempt("stat", path, () => Deno.statSync(pathText(path)));
    if (!info.isDirectory) throw new DiskFault("ENOTDIR", "stat", path);
    return statOf(info);
  }

  mounts(): readonly Mount[] {
    return readMounts(this);
  }

  openDir(path: Raw): Dir {
    const info = attempt("open", path, () => Deno.statSync(pathText(path)));
    if (!info.isDirectory) throw new DiskFault("ENOTDIR", "open", path);
    return new PortableDir(path, [], this.#manner);
  }

  realPath(path: Raw): Raw {
    const found = attempt("find", path, () => Deno.realPathSync(pathText(path)));
    return rawOf(IS_WINDOWS ? found.replaceAll("\\", "/") : found);
  }

  userName(uid: number): string | undefined {
    return uid === this.uid && !IS_WINDOWS ? os().userInfo().username : undefined;
  }

  groupName(_gid: number): string | undefined {
    return undefined;
  }

  userId(name: string): number | undefined {
    return name === this.userName(this.uid) ? this.uid : undefined;
  }

  groupId(_name: string): number | undefined {
    return undefined;
  }
}

function canRunSync(): boolean {
  if (IS_WINDOWS || Deno.permissions.querySync({ name: "run", command: SYNC_PROGRAM }).state !== "granted") {
    return false;
  }
  return fs().existsSync(SYNC_PROGRAM);
}

/** What is mounted around a directory: its real path, the table, its own device. */
interface Mounted {
  readonly path: Raw;
  readonly mounts: readonly Mount[];
  readonly device: number;
}

class PortableDir implements Dir {
  readonly path: Raw;
  /** The directory that was opened by its path; below it, paths must not lead through symlinks. */
  readonly #root: Raw;
  readonly #below: readonly Raw[];
  readonly #manner: FileManner;
  #mountsHere: Mounted | undefined;

  constructor(root: Raw, below: readonly Raw[], manner: FileManner) {
    this.#root = root;
    this.#below = below;
    this.#manner = manner;
    this.path = joinRaw(root, joinAll(below));
  }

  [Symbol.dispose](): void {
    // Nothing is held.
  }

  textPath(name: Raw): string {
    return textOf(joinRaw(this.path, name));
  }

  list(): DirListing {
    const names: Raw[] = [];
    const kinds: (Kind | undefined)[] = [];
    this.#onSelf("list", (path) => {
      for (const entry of Deno.readDirSync(path)) {
        names.push(rawOf(entry.name));
        kinds.push(entry.isFile ? "file" : entry.isDirectory ? "dir" : entry.isSymlink ? "symlink" : undefined);
      }
    });
    return { names, kinds };
  }

  statSelf(): Stat {
    return statOf(this.#onSelf("stat", (path) => Deno.statSync(path)));
  }

  stat(name: Raw): Stat | undefined {
    const info = this.#info(name);
    return info && { ...statOf(info), isMountPoint: info.isDirectory && this.#isMountPoint(name, info) };
  }

  /** By the table of mounts; where there is none, something is mounted where another device begins. */
  #isMountPoint(name: Raw, { dev }: Deno.FileInfo): boolean {
    const { path, mounts, device } = this.#mounted();
    return mounts.length === 0 ? dev !== device : mounts.some(({ point }) => point === joinRaw(path, name));
  }

  mountId(): string {
    const { path, mounts, device } = this.#mounted();
    return mountAround(mounts, path)?.id ?? String(device);
  }

  /** Read once for each directory that is opened: reading it for each name would take long. */
  #mounted(): Mounted {
    return this.#mountsHere ??= this.#onSelf("stat", (path) => ({
      path: rawOf(Deno.realPathSync(path)),
      mounts: readMounts({ openDir: (table) => new PortableDir(table, [], this.#manner) }),
      device: Deno.statSync(path).dev,
    }));
  }

  openDir(name: Raw): Dir {
    checkName(name);
    return this.#child([name]);
  }

  openPath(relative: Raw): Dir {
    const parts = relative === "" ? [] : splitRaw(relative, "/");
    parts.forEach(checkName);
    return this.#child(parts);
  }

  #child(parts: readonly Raw[]): PortableDir {
    const child = new PortableDir(this.#root, [...this.#below, ...parts], this.#manner);
    child.#onSelf("open", (path) => {
      if (!Deno.lstatSync(path).isDirectory && parts.length > 0) throw new DiskFault("ENOTDIR", "open", child.path);
    });
    return child;
  }

  open(name: Raw): OpenFile | undefined {
    const info = this.#info(name);
    if (info === undefined) return undefined;
    this.#checkRegular(info, name);
    const file = this.#on(name, "open", (path) => Deno.openSync(path, { read: true }), "ENOENT");
    return file && this.#file(this.#verified(file, info, name), name, info.nlink);
  }

  create(name: Raw, mode: number): OpenFile | undefined {
    const options = { read: true, write: true, createNew: true, mode };
    const file = this.#on(name, "create", (path) => Deno.openSync(path, options), "EEXIST");
    if (file === undefined) return undefined;
    this.#setMode(name, mode);
    return this.#file(file, name);
  }

  openOrCreate(name: Raw, mode: number): OpenFile {
    for (;;) {
      const info = this.#info(name);
      if (info !== undefined) {
        this.#checkRegular(info, name);
        const file = this.#on(name, "open", (path) => Deno.openSync(path, { read: true, write: true }), "ENOENT");
        if (file !== undefined) return this.#file(this.#verified(file, info, name), name, info.nlink);
      }
      const created = this.create(name, mode);
      if (created !== undefined) return created;
    }
  }

  #checkRegular(info: Deno.FileInfo, name: Raw): void {
    const kind = kindOf(info);
    if (kind === "file") return;
    const errno = kind === "dir" ? "EISDIR" : kind === "symlink" ? "ELOOP" : "ENXIO";
    throw new DiskFault(errno, "open", joinRaw(this.path, name));
  }

  /** Notices if what was opened isn't what was looked at. */
  #verified(file: Deno.FsFile, seen: Deno.FileInfo, name: Raw): Deno.FsFile {
    const info = file.statSync();
    if (info.isFile && info.ino === seen.ino && info.dev === seen.dev) return file;
    file.close();
    throw new DiskFault("ELOOP", "open", joinRaw(this.path, name));
  }

  #file(file: Deno.FsFile, name: Raw, links: number | null = null): PortableFile {
    return new PortableFile({
      file,
      path: joinRaw(this.path, name),
      isNamed: links !== null && links > 0,
      ...this.#manner,
      setByName: (attributes) => this.setAttributes(name, attributes),
    });
  }

  mkdir(name: Raw, mode: number): boolean {
    const made = this.#on(name, "create", (path) => {
      Deno.mkdirSync(path, { mode });
      return true;
    }, "EEXIST");
    if (made === undefined) return false;
    this.#setMode(name, mode);
    return true;
  }

  link(name: Raw, to: Dir, toName: Raw): LinkResult {
    try {
      const target = portable(to).#pathOf(toName, "link");
      this.#on(name, "link", (path) => Deno.linkSync(path, target));
      return "linked";
    } catch (error) {
      const result = error instanceof DiskFault ? LINK_RESULTS[error.errno] : undefined;
      if (result === undefined) throw error;
      return result;
    }
  }

  symlink(target: Raw, name: Raw): void {
    this.#on(name, "create", (path) => {
      const text = pathText(target);
      if (!IS_WINDOWS) return Deno.symlinkSync(text, path);
      const type = symlinkType(pathText(this.path), text, isDirectory);
      Deno.symlinkSync(windowsTarget(text), path, { type });
    });
  }

  readlink(name: Raw): Raw {
    const text = this.#on(name, "read the link", (path) => Deno.readLinkSync(path));
    const target = rawOf(IS_WINDOWS ? portableTarget(text) : text);
    if (target.includes(UNDECODED)) throw new DiskFault("EILSEQ", "read the link", joinRaw(this.path, name));
    return target;
  }

  mknod(name: Raw, _mode: number, _kind: Kind, _device: { major: number; minor: number }): never {
    throw new DiskFault("ENOTSUP", "create", joinRaw(this.path, name));
  }

  rename(name: Raw, to: Dir, toName: Raw): void {
    const target = portable(to).#pathOf(toName, "rename");
    this.#on(name, "rename", (path) => Deno.renameSync(path, target));
  }

  exchange(): boolean {
    return false;
  }

  unlink(name: Raw): boolean {
    return this.#remove(name, false);
  }

  rmdir(name: Raw): boolean {
    return this.#remove(name, true);
  }

  /** The runtime's call removes both files and empty directories. */
  #remove(name: Raw, isDirectory: boolean): boolean {
    const info = this.#info(name);
    if (info === undefined) return false;
    if (info.isDirectory !== isDirectory) {
      throw new DiskFault(isDirectory ? "ENOTDIR" : "EISDIR", "remove", joinRaw(this.path, name));
    }
    return this.#on(name, "remove", (path) => {
      Deno.removeSync(path);
      return true;
    }, "ENOENT") ?? false;
  }

  setAttributes(name: Raw, attributes: Attributes): void {
    const info = this.#info(name);
    if (info === undefined) throw new DiskFault("ENOENT", "set the attributes of", joinRaw(this.path, name));
    this.#on(name, "set the attributes of", (path) => setAttributes(path, info, attributes));
  }

  setSelfAttributes(attributes: Attributes): void {
    this.#onSelf("set the attributes of", (path) => setAttributes(path, Deno.statSync(path), attributes));
  }

  xattrs(_name: Raw): Record<string, Uint8Array<ArrayBuffer>> {
    return {};
  }

  setXattr(name: Raw, attribute: string, _value: Uint8Array<ArrayBuffer> | undefined): never {
    throw new DiskFault("ENOTSUP", `set the attribute ${attribute} of`, joinRaw(this.path, name));
  }

  selfXattrs(): Record<string, Uint8Array<ArrayBuffer>> {
    return {};
  }

  setSelfXattr(attribute: string, _value: Uint8Array<ArrayBuffer> | undefined): never {
    throw new DiskFault("ENOTSUP", `set the attribute ${attribute} of`, this.path);
  }

  addFlags(_flags: number): never {
    throw new DiskFault("ENOTSUP", "set the flags of", this.path);
  }

  sync(): void {
    // Windows has no such call; NTFS keeps its names in a journal.
    if (IS_WINDOWS) return;
    this.#onSelf("sync", (path) => {
      using directory = Deno.openSync(path);
      directory.syncSync();
    });
  }

  async syncFileSystem(): Promise<void> {
    if (this.#manner.syncOnClose || await syncVolume(pathText(this.path))) return;
    const { success } = await new Deno.Command(SYNC_PROGRAM).output();
    if (!success) throw new DiskFault("EIO", "sync the file system of", this.path);
  }

  freeBytes(): number | undefined {
    const found = this.#statfs();
    return found && found.bavail * found.bsize;
  }

  fileSystem(): FileSystem | undefined {
    const found = this.#statfs();
    if (found === undefined) return undefined;
    const { type, bsize, blocks, bavail, files, ffree } = found;
    return {
      type: Deno.build.os === "linux" ? fileSystemName(type) : "unknown",
      totalBytes: blocks * bsize,
      freeBytes: bavail * bsize,
      inodes: files,
      freeInodes: ffree,
      isReadOnly: undefined,
    };
  }

  reliableInodes(): boolean {
    if (Deno.build.os !== "linux") return PORTABLE_ABILITIES.inodes;
    const found = this.#statfs();
    return found !== undefined && hasLastingInodes(found.type);
  }

  #statfs(): StatsFs | undefined {
    try {
      return fs().statfsSync(pathText(this.path));
    } catch {
      // Not to know is an answer of both callers.
      return undefined;
    }
  }

  #info(name: Raw): Deno.FileInfo | undefined {
    const info = this.#on(name, "stat", (path) => Deno.lstatSync(path), "ENOENT");
    if (info === undefined && name.includes(UNDECODED)) {
      throw new DiskFault("EILSEQ", "stat", joinRaw(this.path, name));
    }
    return info;
  }

  #setMode(name: Raw, mode: number): void {
    if (!IS_WINDOWS) this.#on(name, "set the mode of", (path) => Deno.chmodSync(path, mode));
  }

  /** Makes a call on a name here. @param missing the error that is an ordinary answer: undefined */
  #on<T>(name: Raw, operation: string, call: (path: string) => T): T;
  #on<T>(name: Raw, operation: string, call: (path: string) => T, missing: string): T | undefined;
  #on<T>(name: Raw, operation: string, call: (path: string) => T, missing = ""): T | undefined {
    const path = this.#pathOf(name, operation);
    return attemptUnless(missing, undefined, operation, joinRaw(this.path, name), () => call(path));
  }

  #onSelf<T>(operation: string, call: (path: string) => T): T {
    this.#checkWay(operation);
    return attempt(operation, this.path, () => call(pathText(this.path)));
  }

  #pathOf(name: Raw, operation: string): string {
    checkName(name);
    this.#checkWay(operation);
    return pathText(joinRaw(this.path, name));
  }

  #checkWay(operation: string): void {
    let path = this.#root;
    for (const part of this.#below) {
      path = joinRaw(path, part);
      const info = attempt(operation, path, () => Deno.lstatSync(pathText(path)));
      if (info.isSymlink) throw new DiskFault("ELOOP", operation, path);
    }
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

const LINK_RESULTS: Readonly<Record<string, LinkResult>> = {
  EEXIST: "exists",
  ENOENT: "missing",
  EMLINK: "too-many-links",
  EPERM: "refused",
  EXDEV: "refused",
  ENOTSUP: "refused",
  ENOSYS: "refused",
};

function portable(dir: Dir): PortableDir {
  if (!(dir instanceof PortableDir)) throw new Error("The directories belong to different file systems");
  return dir;
}

/** In this order: a change of the owner clears setuid. */
function setAttributes(path: string, info: Deno.FileInfo, { uid, gid, mode, mtime }: Attributes): void {
  if ((uid !== undefined || gid !== undefined) && !IS_WINDOWS) {
    fs().lchownSync(path, uid ?? info.uid ?? 0, gid ?? info.gid ?? 0);
  }
  if (mode !== undefined && !IS_WINDOWS && !info.isSymlink) Deno.chmodSync(path, mode);
  if (mtime === undefined) return;
  const accessed = info.atime ?? new Date(0), modified = new Date(msOfTime(mtime));
  if (info.isSymlink) fs().lutimesSync(path, settable(accessed), settable(modified));
  else Deno.utimeSync(path, accessed, modified);
}

/** The call for symlinks refuses a part of a second before 1970. */
function settable(time: Date): Date {
  const ms = time.getTime();
  return ms >= 0 ? time : new Date(Math.floor(ms / 1000) * 1000);
}
