/** The rest of this machine: randomness, user and directories, environment, signals, and the standard streams. */
import type { Random } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { baseName, parentPath, type Raw, rawOf, rawOfBytes, replaceRaw, ROOT, textOf } from "../core/raw.ts";
import type { PathPlace } from "../core/written_path.ts";
import { Accounts } from "./accounts.ts";
import { DiskFault } from "./disk.ts";
import { openDisk } from "./open_disk.ts";
import { libcCurrentDirectory, loadLibc } from "./libc.ts";
import { attempt, errnoOf, IS_WINDOWS } from "./portable_calls.ts";
import { systemClock } from "./system_clock.ts";

/** Nobody reads our output any longer, as in `backup-tool ls | head`. */
export class PipeClosed extends Fault {
  readonly code = "pipe-closed";
  readonly hint = "Let the program that reads the output run to its end";
  constructor() {
    super("Cannot write the output: broken pipe");
  }
}

/** Random bytes from the system's secure source. */
export const systemRandom: Random = (bytes) => crypto.getRandomValues(new Uint8Array(bytes));

export function hostName(): string {
  return Deno.hostname() || "localhost";
}

/** Name of the user this process acts for; the number if the user has no name. */
export function loginName(): string {
  const libc = loadLibc();
  const uid = libc?.call.geteuid() ?? Deno.uid();
  const known = libc === undefined ? undefined : new Accounts(libc).nameOf("user", libc.call.geteuid());
  return known ?? environment(IS_WINDOWS ? "USERNAME" : "USER") ?? String(uid ?? "unknown");
}

/** Processor cores that this process may use. */
export function cores(): number {
  return Math.max(1, navigator.hardwareConcurrency);
}

/**
 * An environment variable; undefined if it is missing or empty. Bytes that are not UTF-8 are decoded as by {@link
 * textOf}.
 */
export function environment(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch (error) {
    if (!(error instanceof Deno.errors.InvalidData)) throw error;
    return rawEnvironment(name) || undefined;
  }
}

function rawEnvironment(name: string): string | undefined {
  const start = `${name}=`;
  const all = rawOfBytes(Deno.readFileSync("/proc/self/environ")).split("\0");
  const found = all.find((variable) => variable.startsWith(start));
  return found === undefined ? undefined : textOf(found.slice(start.length));
}

/**
 * Home directory of the user this process acts for, from the environment or the user database; undefined if unknown.
 */
export function homeDirectory(): string | undefined {
  const home = environment(IS_WINDOWS ? "USERPROFILE" : "HOME");
  // The home directory of a relative path would be another one in each directory.
  if (home !== undefined && (IS_WINDOWS || home.startsWith("/"))) return home;
  const libc = loadLibc();
  return libc === undefined ? undefined : new Accounts(libc).homeOf(libc.call.geteuid());
}

/** Current directory: absolute, with `/` between components on every system. */
export function currentDirectory(): Raw {
  const libc = loadLibc();
  return libc === undefined ? forwardSlashes(rawOf(Deno.cwd())) : libcCurrentDirectory(libc);
}

/** What the relative paths of this process are resolved against. */
export const here: PathPlace = { directory: currentDirectory, home: homeDirectory, isWindows: IS_WINDOWS };

function forwardSlashes(path: Raw): Raw {
  return IS_WINDOWS ? replaceRaw(path, /\\/g, ROOT) : path;
}

/**
 * Reads a file or pipe as text; bytes that are not UTF-8 are decoded as by {@link textOf}.
 * @param path absolute, as text; a name that isn't UTF-8 must be that of a regular file
 * @param mostBytes anything beyond is not read, because a device has no end
 * @throws DiskFault
 */
export function readTextFile(path: string, mostBytes = Infinity): string {
  const raw = rawOf(path);
  if (/[\udc80-\udcff]/u.test(path)) return textOf(rawOfBytes(readRegularFile(raw, mostBytes)));
  return textOf(rawOfBytes(attempt("read", raw, () => readUpTo(path, mostBytes))));
}

function readUpTo(path: string, mostBytes: number): Uint8Array<ArrayBuffer> {
  if (mostBytes === Infinity) return Deno.readFileSync(path);
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(mostBytes);
  let done = 0;
  for (let got: number | null = 0; got !== null && done < mostBytes; done += got ?? 0) {
    got = file.readSync(bytes.subarray(done));
  }
  return bytes.subarray(0, done);
}

/** Names in a directory, in no particular order. @param path absolute, as text @throws DiskFault */
export function namesIn(path: string): string[] {
  return attempt("read", rawOf(path), () => Array.from(Deno.readDirSync(path), ({ name }) => name));
}

/** The runtime takes no name that isn't UTF-8. */
function readRegularFile(path: Raw, mostBytes: number): Uint8Array<ArrayBuffer> {
  using directory = openDisk().openDir(parentPath(path));
  using file = directory.open(baseName(path));
  if (file === undefined) throw new DiskFault("ENOENT", "read", path);
  const bytes = new Uint8Array(Math.min(file.stat().size, mostBytes));
  let done = 0;
  for (let got = 1; got > 0 && done < bytes.length; done += got) got = file.read(bytes.subarray(done), done);
  return bytes.subarray(0, done);
}

/**
 * The arguments of this process, decoded as by {@link textOf}. The runtime loses bytes that are not UTF-8; Linux keeps
 * them.
 */
export function commandLine(): readonly string[] {
  const given = Deno.args;
  if (!given.some((argument) => argument.includes("\ufffd"))) return given;
  try {
    const all = rawOfBytes(Deno.readFileSync("/proc/self/cmdline")).split("\0").slice(0, -1);
    return all.slice(all.length - given.length).map(textOf);
  } catch {
    // No such file on this system: names that are not UTF-8 can't be given there.
    return given;
  }
}

const STOP_SIGNALS: readonly Deno.Signal[] = IS_WINDOWS ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];

/**
 * Calls `listener` on the first signal to stop, until disposed; the next signal ends the program as if nobody listened.
 * Signals arrive only while the event loop runs: synchronous work must yield to it now and then.
 */
export function onInterrupt(listener: () => void): Disposable {
  let listens = true;
  const stop = () => {
    if (!listens) return;
    listens = false;
    for (const signal of STOP_SIGNALS) Deno.removeSignalListener(signal, heard);
  };
  const heard = () => {
    stop();
    listener();
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, heard);
  return { [Symbol.dispose]: stop };
}

/** Calls `listener` on each SIGHUP, which announces a change, until disposed. */
export function onHangup(listener: () => void): Disposable {
  if (IS_WINDOWS) return { [Symbol.dispose]: () => {} };
  Deno.addSignalListener("SIGHUP", listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", listener) };
}

/** Writes all of `bytes` before it returns. @throws PipeClosed */
export function writeStdout(bytes: Uint8Array): void {
  writeAll(Deno.stdout, bytes);
}

/** Writes all of `bytes` before it returns. @throws PipeClosed */
export function writeStderr(bytes: Uint8Array): void {
  writeAll(Deno.stderr, bytes);
}

/** A reader that doesn't keep up is given that long before the next try. */
const FULL_PIPE_PAUSE_MS = 2;

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += stream.writeSync(bytes.subarray(done));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new PipeClosed();
      // Whoever started us may have made the pipe non-blocking for itself, and so for us.
      if (error instanceof Deno.errors.WouldBlock) systemClock.sleepSync(FULL_PIPE_PAUSE_MS);
      else throw error instanceof Error ? new DiskFault(errnoOf(error), "write", rawOf("output")) : error;
    }
  }
}
