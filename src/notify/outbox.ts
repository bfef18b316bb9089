/**
 * Notifications that still have to be sent, each in a file of its own, so that neither a crash nor a network failure
 * loses one. Several processes may send from the same outbox: the one that locks a file sends it.
 */
import { BadJson, fieldsOf, parseJson } from "../core/json.ts";
import { bytesOf, joinRaw, type Raw, raw, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import { type Dir, DiskFault, makeDirectories, type OpenFile } from "../platform/disk.ts";
import type { Machine } from "../platform/machine.ts";
import { Deliveries } from "./deliveries.ts";
import { EVENTS, type Notice } from "./notice.ts";

const FORMAT = "backup-tool notice";
const PRIVATE_DIRECTORY = 0o700, PRIVATE_FILE = 0o600;
const MOST_ENTRIES = 100, MOST_BYTES = 1024 * 1024;
const NAME = /^(\d{13})-([0-9a-f]{1,64})\.json$/;

/** A notification, with the targets that still have to be notified. */
export interface Pending {
  readonly notice: Notice;
  /** Maps names of targets to the attempts made. */
  readonly waiting: Readonly<Record<string, Waiting>>;
}

export interface Waiting {
  readonly tries: number;
  /** Time of the next attempt, in milliseconds since 1970. */
  readonly nextMs: number;
}

/** A locked entry: no other process sends it meanwhile. */
export interface HeldEntry extends Disposable {
  readonly pending: Pending;
  /** When it was added, in ms since 1970. */
  readonly putMs: number;
  /** Records the remaining targets; removes the entry if there are none. */
  update(waiting: Pending["waiting"]): void;
}

export class Outbox implements Disposable {
  readonly deliveries: Deliveries;
  readonly #dir: Dir;

  /** @param path absolute; created if it is missing @throws DiskFault */
  constructor({ disk }: Pick<Machine, "disk">, path: Raw) {
    this.#dir = makeDirectories(disk, path, PRIVATE_DIRECTORY);
    this.deliveries = new Deliveries(this.#dir);
  }

  [Symbol.dispose](): void {
    this.#dir[Symbol.dispose]();
  }

  /**
   * Adds a notification; it is durable on return. One with the same id is not added again. If the outbox is full, the
   * oldest are removed.
   * @returns number of removed notifications
   */
  put(pending: Pending, nowMs: number): number {
    const names = this.names(), { id } = pending.notice;
    if (names.some((name) => name.endsWith(`-${id}.json`))) return 0;
    const name = rawOf(`${String(Math.max(0, nowMs)).padStart(13, "0")}-${id}.json`), temporary = raw`.${name}`;
    this.#write(temporary, pending);
    this.#dir.rename(temporary, this.#dir, name);
    this.#dir.sync();
    const excess = names.slice(0, Math.max(0, names.length + 1 - MOST_ENTRIES));
    for (const old of excess) this.#dir.unlink(old);
    return excess.length;
  }

  /** Names of the entries, oldest first. */
  names(): Raw[] {
    return this.#dir.list().names.filter((name) => NAME.test(name)).sort();
  }

  /** All notifications in the outbox, oldest first, including those that are being sent. */
  all(): Pending[] {
    return this.names().flatMap((name) => {
      using file = this.#dir.open(name);
      return file === undefined ? [] : pendingIn(textIn(file)) ?? [];
    });
  }

  /** Locks an entry; undefined if another process has it or it is gone. An invalid entry is removed. */
  hold(name: Raw): HeldEntry | undefined {
    using held = new DisposableStack();
    const file = held.use(this.#dir.openOrCreate(name, PRIVATE_FILE));
    if (!file.tryLock() || this.#dir.stat(name)?.inode !== file.stat().inode) return undefined;
    const pending = pendingIn(textIn(file)), putMs = Number(NAME.exec(name)?.[1]);
    if (pending === undefined) {
      this.#dir.unlink(name);
      return undefined;
    }
    const update = (waiting: Pending["waiting"]) => {
      if (Object.keys(waiting).length === 0) return void this.#dir.unlink(name);
      // A line more, for the lock is that of the file: what a crash cuts off is not believed, and the line before it is.
      file.write(bytesOf(rawOf(`${JSON.stringify({ waiting })}\n`)), file.stat().size);
      file.sync();
    };
    const owned = held.move();
    return { pending, putMs, update, [Symbol.dispose]: () => owned.dispose() };
  }

  #write(name: Raw, pending: Pending): void {
    this.#dir.unlink(name);
    using file = this.#dir.create(name, PRIVATE_FILE);
    if (file === undefined) throw new DiskFault("EEXIST", "create", joinRaw(this.#dir.path, name));
    file.write(bytesOf(rawOf(textOfPending(pending))), 0);
    file.sync();
  }
}

function textOfPending(pending: Pending): string {
  return `${JSON.stringify({ format: FORMAT, version: 1, ...pending })}\n`;
}

function textIn(file: OpenFile): string {
  const bytes = new Uint8Array(Math.min(file.stat().size, MOST_BYTES));
  let done = 0;
  for (let got = 1; got > 0 && done < bytes.length; done += got) got = file.read(bytes.subarray(done), done);
  return textOf(rawOfBytes(bytes.subarray(0, done)));
}

type Written = Partial<Pending> & { readonly format?: unknown; readonly version?: unknown };

/**
 * The first line has everything, later ones the remaining targets. A crash may truncate a line; only this program
 * writes here.
 */
function pendingIn(text: string): Pending | undefined {
  const [first, ...later] = text.split("\n").slice(0, -1).map(writtenIn);
  if (first?.format !== FORMAT || first.version !== 1 || first.notice === undefined) return undefined;
  const waiting = later.findLast((line) => line?.waiting !== undefined)?.waiting ?? first.waiting;
  return EVENTS.includes(first.notice.event) && waiting !== undefined ? { notice: first.notice, waiting } : undefined;
}

function writtenIn(line: string): Written | undefined {
  try {
    return fieldsOf(parseJson(line));
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    return undefined;
  }
}
