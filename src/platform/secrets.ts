/** Reads users' secrets: from private files, and from a terminal without echo. */
import { Fault, Interrupted } from "../core/fault.ts";
import { type Raw, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import { DiskFault } from "./disk.ts";
import { attempt, IS_WINDOWS } from "./portable_calls.ts";

/** A file with a secret that others may read or write. */
export class ExposedSecret extends Fault {
  readonly code = "exposed-secret";
  readonly hint: string;
  constructor(path: Raw, why: string) {
    const quoted = JSON.stringify(textOf(path));
    super(`Cannot use the secret in ${quoted}: ${why}`);
    this.hint = `Give it to yourself alone, with \`chown\` and \`chmod 600 ${textOf(path)}\``;
  }
}

const OTHERS = 0o007, GROUP = 0o070;

/**
 * Reads the text of a file or pipe that only this user and the system's administrator can read.
 * @param path absolute, as text
 * @param mostBytes anything beyond is not read
 * @throws ExposedSecret, DiskFault
 */
export function readSecret(path: string, mostBytes: number): string {
  const raw = rawOf(path);
  using file = attempt("read", raw, () => Deno.openSync(path));
  const stat = file.statSync();
  if (stat.isDirectory) throw new DiskFault("EISDIR", "read", raw);
  assertPrivate(raw, stat);
  return textOf(rawOfBytes(attempt("read", raw, () => readUpTo(file, mostBytes))));
}

/** What is looked at is the file that is open: its name may be another's by now. */
function assertPrivate(path: Raw, { mode, uid, gid }: Deno.FileInfo): void {
  if (IS_WINDOWS || mode === null) return;
  // What the system hands to a service belongs to the group of root.
  if ((mode & OTHERS) !== 0 || ((mode & GROUP) !== 0 && gid !== 0)) {
    const shown = (mode & 0o777).toString(8).padStart(3, "0");
    throw new ExposedSecret(path, `others may read or write the file (its mode is ${shown})`);
  }
  if (uid !== 0 && uid !== Deno.uid()) throw new ExposedSecret(path, "the file is somebody else's");
}

function readUpTo(file: Deno.FsFile, mostBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(mostBytes);
  let done = 0;
  for (let got: number | null = 0; got !== null && done < mostBytes; done += got ?? 0) {
    got = file.readSync(bytes.subarray(done));
  }
  return bytes.subarray(0, done);
}

const TERMINAL = "/dev/tty";
const ENTER = [0x0a, 0x0d], ERASE = [0x08, 0x7f];
const INTERRUPT = 0x03, END = 0x04, ERASE_ALL = 0x15, ESCAPE = 0x1b;

/**
 * Asks for a secret at the terminal of this process, without echo; undefined if there is no terminal. Standard input
 * may be redirected.
 * @throws Interrupted
 */
export async function askSecret(question: string, signal: AbortSignal): Promise<string | undefined> {
  if (signal.aborted) throw new Interrupted();
  using terminal = openTerminal();
  if (terminal === undefined) return undefined;
  const encoder = new TextEncoder();
  terminal.setRaw(true);
  try {
    terminal.writeSync(encoder.encode(question));
    return new TextDecoder().decode(new Uint8Array(await lineFrom(terminal, signal)));
  } finally {
    terminal.setRaw(false);
    terminal.writeSync(encoder.encode("\n"));
  }
}

function openTerminal(): Deno.FsFile | undefined {
  try {
    const file = Deno.openSync(TERMINAL, { read: true, write: true });
    if (file.isTerminal()) return file;
    file.close();
  } catch {
    // A service, or a system without such a file.
  }
  return undefined;
}

/** In raw mode keys come as they are pressed, and stop nothing by themselves. */
async function lineFrom(terminal: Deno.FsFile, signal: AbortSignal): Promise<number[]> {
  const line: number[] = [], buffer = new Uint8Array(256);
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Interrupted()), { once: true });
  });
  for (;;) {
    const got = await Promise.race([terminal.read(buffer), stopped]);
    if (got === null) throw new Interrupted();
    for (const key of buffer.subarray(0, got)) {
      if (ENTER.includes(key)) return line;
      if (key === INTERRUPT || key === END) throw new Interrupted();
      if (ERASE.includes(key)) eraseCharacter(line);
      else if (key === ERASE_ALL) line.length = 0;
      else if (key !== ESCAPE) line.push(key);
    }
  }
}

/** All bytes of it: in UTF-8 those after the first begin with the bits 10. */
function eraseCharacter(line: number[]): void {
  for (let byte = line.pop(); byte !== undefined && (byte & 0xc0) === 0x80;) byte = line.pop();
}
