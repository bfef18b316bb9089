/**
 * Journals of changes to sources that have to be undone. They are written durably before the changes are made. Each
 * lock has a journal, and beside it a file that its holder has locked: the kernel releases it when the process ends,
 * however that happens.
 */
import { Fault } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import { type Dir, type Disk, DiskFault, makeDirectories, type OpenFile } from "../../platform/disk.ts";
import type { LockStep, Step } from "./act.ts";

const FORMAT = "backup-tool source lock";
const PRIVATE = 0o700, PRIVATE_FILE = 0o600;
const MOST_BYTES = 1024 * 1024;
const ENDING = ".json";

export interface JournalRecord {
  readonly kind: string;
  /** Paths of the sources, as text. */
  readonly sources: readonly string[];
  /** Start of the lock in ISO 8601, UTC. */
  readonly started: string;
  /** Steps in the order in which they were begun, without `run`. */
  readonly acts: readonly LockStep[];
}

/** A journal can't be read, so what it lists can't be undone. */
export class DamagedJournal extends Fault {
  readonly code = "damaged-journal";
  readonly hint = "Look at the file, undo by hand what it names, then remove it";
  constructor(path: Raw, why: string) {
    super(`Cannot read ${JSON.stringify(path)}, which says what was done to a source: ${why}`);
  }
}

/** The directory that holds journals. */
export class JournalDirectory implements Disposable {
  readonly #dir: Dir;

  /** @returns undefined if the directory doesn't exist */
  static existing(disk: Disk, path: Raw): JournalDirectory | undefined {
    try {
      return new JournalDirectory(disk.openDir(path));
    } catch (error) {
      if (error instanceof DiskFault && error.errno === "ENOENT") return undefined;
      throw error;
    }
  }

  static make(disk: Disk, path: Raw): JournalDirectory {
    return new JournalDirectory(makeDirectories(disk, path, PRIVATE));
  }

  constructor(dir: Dir) {
    this.#dir = dir;
  }

  [Symbol.dispose](): void {
    this.#dir[Symbol.dispose]();
  }

  /** Names of locks that have a journal. */
  names(): string[] {
    return this.#dir.list().names.filter((name) => name.endsWith(ENDING)).map((name) => name.slice(0, -ENDING.length))
      .sort();
  }

  /** Takes the lock of that name; undefined if another process holds it. */
  hold(name: string): OpenFile | undefined {
    using held = new DisposableStack();
    const file = held.use(this.#dir.openOrCreate(rawOf(`${name}.lock`), PRIVATE_FILE));
    if (!file.tryLock()) return undefined;
    held.move();
    return file;
  }

  /** True if a process holds the lock of that name. Creates nothing. */
  isHeld(name: string): boolean {
    using file = this.#dir.open(rawOf(`${name}.lock`));
    return file !== undefined && !file.tryLock();
  }

  /** As {@link hold}. @throws DamagedJournal if something else is in the lock's place */
  tryHold(name: string): OpenFile | undefined {
    try {
      return this.hold(name);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      throw new DamagedJournal(error.path, error.message);
    }
  }

  /** Reads a journal; undefined if there is none. @throws DamagedJournal */
  read(name: string): JournalRecord | undefined {
    const path = joinRaw(this.#dir.path, rawOf(name + ENDING));
    const text = this.#text(rawOf(name + ENDING), path);
    return text === undefined ? undefined : parseRecord(text, path);
  }

  /** Text of a journal. One that isn't a file, or can't be read, counts as damaged. @throws DamagedJournal */
  #text(name: Raw, path: Raw): string | undefined {
    try {
      using file = this.#dir.open(name);
      if (file === undefined) return undefined;
      const bytes = new Uint8Array(Math.min(file.stat().size, MOST_BYTES));
      return new TextDecoder().decode(bytes.subarray(0, file.read(bytes, 0)));
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      throw new DamagedJournal(path, error.message);
    }
  }

  /** Writes a journal; it is durable on return. */
  write(name: string, record: JournalRecord): void {
    const temporary = rawOf(`${name}.new`);
    this.#dir.unlink(temporary);
    using file = this.#dir.create(temporary, PRIVATE_FILE);
    if (file === undefined) throw new DiskFault("EEXIST", "create", temporary);
    file.write(
      new TextEncoder().encode(`${JSON.stringify({ format: FORMAT, version: 1, ...record }, undefined, 2)}\n`),
      0,
    );
    file.sync();
    this.#dir.rename(temporary, this.#dir, rawOf(name + ENDING));
    this.#dir.sync();
  }

  remove(name: string): void {
    if (this.#dir.unlink(rawOf(name + ENDING))) this.#dir.sync();
  }
}

function parseRecord(text: string, path: Raw): JournalRecord {
  try {
    const { format, version, kind, sources, started, acts } = JSON.parse(text);
    if (format !== FORMAT || version !== 1) throw new Error(`it is of another version (${version})`);
    return {
      kind: String(kind),
      sources: [...sources].map(String),
      started: String(started),
      acts: [...acts].map(actOf),
    };
  } catch (error) {
    throw new DamagedJournal(path, (error as Error).message);
  }
}

function actOf({ what, undo, test, reach }: Record<string, unknown>): LockStep {
  return { what: String(what), run: undefined, undo: stepOf(undo), test: stepOf(test), reach: stepOf(reach) };
}

function stepOf(value: unknown): Step | undefined {
  if (value === undefined) return undefined;
  const { argv, env } = value as Step;
  return { argv: [...argv].map(String), ...(env !== undefined && { env }) };
}
