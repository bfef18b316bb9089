/** Translates the runtime's errors and file metadata to those of this tool. */
import type { Kind } from "../core/entry.ts";
import { type Raw, textOf } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { DiskFault } from "./disk.ts";
import { errnoName } from "./errno.ts";
import { timeOfMs } from "./ns_text.ts";
import { isWindowsTrap } from "./windows_paths.ts";

export const IS_WINDOWS = Deno.build.os === "windows";

/**
 * Calls the runtime, and turns its errors into faults.
 * @param operation a verb, as in "Cannot {operation} {path}"
 * @throws DiskFault
 */
export function attempt<T>(operation: string, path: Raw, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof DiskFault || !(error instanceof Error)) throw error;
    throw new DiskFault(errnoOf(error), operation, path);
  }
}

/** The same, except that one error returns `answer`. @param errno symbolic number of that error */
export function attemptUnless<T, U>(errno: string, answer: U, operation: string, path: Raw, call: () => T): T | U {
  try {
    return attempt(operation, path, call);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === errno) return answer;
    throw error;
  }
}

/** Symbolic error number for an error of the runtime. */
export function errnoOf(error: Error): string {
  const code: unknown = "code" in error ? error.code : undefined;
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code === "EOPNOTSUPP" ? "ENOTSUP" : code;
  const number = Number(/\(os error (\d+)\)/.exec(error.message)?.[1]);
  return BY_CLASS[error.name] ?? (Number.isNaN(number) ? error.message : byNumber(number));
}

function byNumber(number: number): string {
  if (IS_WINDOWS) return windowsErrno(number);
  return Deno.build.os === "linux" ? errnoName(number) : BY_MACOS_NUMBER[number] ?? `error ${number}`;
}

const BY_CLASS: Readonly<Record<string, string>> = {
  NotFound: "ENOENT",
  PermissionDenied: "EACCES",
  NotCapable: "EACCES",
  AlreadyExists: "EEXIST",
  NotADirectory: "ENOTDIR",
  IsADirectory: "EISDIR",
  FilesystemLoop: "ELOOP",
  // A name or target that isn't UTF-8.
  InvalidData: "EILSEQ",
  NotSupported: "ENOTSUP",
  Busy: "EBUSY",
  TimedOut: "ETIMEDOUT",
  // A path with a NUL in it, which the system isn't even asked for.
  TypeError: "EINVAL",
};

/** Symbolic error number for a Win32 error code. */
export function windowsErrno(code: number): string {
  return BY_WINDOWS_NUMBER[code] ?? `error ${code}`;
}

const BY_WINDOWS_NUMBER: Readonly<Record<number, string>> = {
  1: "ENOTSUP",
  4: "EMFILE",
  17: "EXDEV",
  19: "EROFS",
  23: "EIO",
  // Another program has the file open, or a part of it locked.
  32: "EBUSY",
  33: "EBUSY",
  39: "ENOSPC",
  50: "ENOTSUP",
  112: "ENOSPC",
  123: "EILSEQ",
  145: "ENOTEMPTY",
  206: "ENAMETOOLONG",
  267: "ENOTDIR",
  1117: "EIO",
  1142: "EMLINK",
  1314: "EPERM",
  1392: "EIO",
};

/** Where macOS numbers differ from names that the runtime gives. */
const BY_MACOS_NUMBER: Readonly<Record<number, string>> = {
  18: "EXDEV",
  31: "EMLINK",
  45: "ENOTSUP",
  62: "ELOOP",
  66: "ENOTEMPTY",
  69: "EDQUOT",
  92: "EILSEQ",
  102: "ENOTSUP",
};

/**
 * Converts a path for the runtime.
 * @throws DiskFault EILSEQ if it isn't UTF-8, because the runtime would use another name
 */
export function pathText(path: Raw): string {
  const text = textOf(path);
  if (!text.isWellFormed()) throw new DiskFault("EILSEQ", "use as a path", path);
  return text;
}

/** Checks that `name` is a single component. @throws DiskFault */
export function checkName(name: Raw): void {
  const isWrong = name === "" || name === "." || name === ".." || /[/\0]/.test(name);
  if (isWrong) throw new DiskFault("EINVAL", "use as a name", name);
  if (IS_WINDOWS && isWindowsTrap(textOf(name))) throw new DiskFault("EILSEQ", "use as a name", name);
}

export function kindOf(info: Deno.FileInfo): Kind {
  if (info.isFile) return "file";
  if (info.isDirectory) return "dir";
  if (info.isSymlink) return "symlink";
  if (info.isFifo) return "fifo";
  if (info.isSocket) return "socket";
  if (info.isCharDevice) return "char";
  return info.isBlockDevice ? "block" : "file";
}

export function statOf(info: Deno.FileInfo): Stat {
  const kind = kindOf(info);
  const isDevice = kind === "char" || kind === "block";
  return {
    kind,
    size: kind === "file" || kind === "symlink" ? info.size : 0,
    mtime: timeOf(info.mtime) ?? "0",
    ctime: timeOf(info.ctime),
    birthtime: timeOf(info.birthtime),
    flags: 0,
    // Beyond that the runtime's number is rounded, and two files could seem to be one.
    inode: info.ino !== null && Number.isSafeInteger(info.ino) ? String(info.ino) : "0",
    device: deviceText(info.dev ?? 0),
    mode: (info.mode || (kind === "dir" ? 0o755 : 0o644)) & 0o7777,
    uid: info.uid ?? 0,
    gid: info.gid ?? 0,
    links: info.nlink ?? 1,
    blocks: info.blocks ?? undefined,
    ...(isDevice ? deviceOf(info.rdev ?? 0) : { major: 0, minor: 0 }),
    isMountPoint: false,
  };
}

function timeOf(date: Date | null): string | undefined {
  return date === null ? undefined : timeOfMs(date.getTime());
}

/** As people know it: "major:minor", or the number of a volume. */
function deviceText(dev: number): string {
  if (IS_WINDOWS) return String(dev);
  const { major, minor } = deviceOf(dev);
  return `${major}:${minor}`;
}

function deviceOf(rdev: number): { major: number; minor: number } {
  if (Deno.build.os === "darwin") return { major: rdev >>> 24, minor: rdev & 0xff_ffff };
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xf_ff00) };
}
