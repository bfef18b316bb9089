/**
 * Has threads look at the directories that a walk comes to next. Nothing depends on them: what they haven't seen when
 * the walk is there, or can't see, it looks at by itself.
 */
import type { Clock } from "../core/clock.ts";
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { type Dir, type Disk, DiskFault } from "./disk.ts";
import { loadLibc } from "./libc.ts";
import { isLinuxDisk } from "./linux_disk.ts";
import { STAT_BYTES, Statx } from "./linux_stat.ts";
import {
  ASKED,
  CLAIMED,
  FREE,
  LookAheadTable,
  type Place,
  SEEN,
  type Seen,
  SLOTS,
  UNSEEN,
} from "./look_ahead_table.ts";
import { startWorker } from "./start_worker.ts";

/** The role of the worker, for the program's script. */
export const LOOK_AHEAD_THREAD = "look-ahead";

/** Starts a thread that serves a table until that is closed. */
export type StartThread = (table: SharedArrayBuffer) => Disposable;

/** @param script the program's */
export function lookAheadThreads(script: URL): StartThread {
  return (table) => {
    const thread = startWorker<SharedArrayBuffer, never>(script, LOOK_AHEAD_THREAD, {
      message: () => {},
      failed: () => {}, // the walk does without
    });
    thread.post(table);
    return thread;
  };
}

/** How many of the next directories are asked for. */
export const PLACES_AHEAD = 6;
/** A thread takes some hundredths of a second and some megabytes: it is started if the walk goes on that long. */
const ENTRIES_BEFORE = 32_768, MS_BEFORE = 1000;
/** In ms: what was seen longer ago is looked at again. */
const OLDEST_MS = 10_000;
/** In ms: a walk that waits that long for a thread does the same by itself. */
const LONGEST_WAIT_MS = 1000;
/** One more thread is started on a slow disk: where a walk has waited that long, and for so many ms an entry. */
const WAITED_MS = 500, SLOW_MS = 0.05, MOST_THREADS = 4;

/** A directory that was seen a moment ago. */
export interface SeenDirectory {
  /** In byte order. */
  readonly names: readonly Raw[];
  /** What an entry was then. @param name of `names`; each must come after the one before; some may be skipped */
  stat(name: Raw): Stat;
}

export interface LookAheadOptions {
  readonly start: StartThread;
  readonly clock: Clock;
  /** Number of entries after which a thread is started; default: as many as are worth it. */
  readonly entriesBefore?: number;
}

export class LookAhead implements Disposable {
  readonly #options: LookAheadOptions;
  readonly #statx = new Statx(loadLibc()!);
  readonly #table = new LookAheadTable();
  readonly #threads: Disposable[] = [];
  /** What slots were asked for. */
  readonly #slots = new Map<string, number>();
  readonly #keys: (string | undefined)[] = new Array<undefined>(SLOTS).fill(undefined);
  readonly #sinceMs: number;
  #entries = 0;
  #turns = 0;
  #waitedMs = 0;
  #waitedEntries = 0;

  private constructor(options: LookAheadOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.nowMs();
  }

  /** @returns undefined for a disk on which other threads wouldn't see the same */
  static on(disk: Disk, options: LookAheadOptions): LookAhead | undefined {
    return isLinuxDisk(disk) ? new LookAhead(options) : undefined;
  }

  [Symbol.dispose](): void {
    this.#table.close();
    for (const thread of this.#threads) thread[Symbol.dispose]();
  }

  /**
   * Says where the walk goes next.
   * @param next in this order; at most {@link PLACES_AHEAD} count
   * @param entries that it has seen since the last time
   */
  expect(next: readonly Place[], entries: number): void {
    this.#entries += entries;
    if (this.#threads.length === 0 && !this.#isWorthIt()) return;
    if (this.#threads.length === 0) this.#start();
    const turn = ++this.#turns;
    let isAny = false;
    for (const [index, place] of next.slice(0, PLACES_AHEAD).entries()) {
      const key = keyOf(place);
      if (this.#slots.has(key)) continue;
      const slot = this.#freeSlot(turn * SLOTS);
      if (slot === undefined) break;
      if (!this.#table.ask(slot, place, turn * SLOTS - index)) continue;
      this.#slots.set(key, slot);
      this.#keys[slot] = key;
      isAny = true;
    }
    if (isAny) this.#table.wake();
  }

  /** What is in a directory, if that is known. @param dir the same directory, open */
  take(dir: Dir, place: Place): SeenDirectory | undefined {
    const slot = this.#slots.get(keyOf(place));
    if (slot === undefined) return undefined;
    const seen = this.#seenIn(slot);
    return seen !== undefined && this.#isSame(dir, seen) ? new SeenInOrder(seen, this.#statx) : undefined;
  }

  #isWorthIt(): boolean {
    const { clock, entriesBefore = ENTRIES_BEFORE } = this.#options;
    return this.#entries >= entriesBefore || clock.nowMs() - this.#sinceMs >= MS_BEFORE;
  }

  #start(): void {
    this.#threads.push(this.#options.start(this.#table.shared));
  }

  /** Takes what is needed last, if no slot is free. @param order of what is needed now */
  #freeSlot(order: number): number | undefined {
    let last: number | undefined;
    for (let slot = 0; slot < SLOTS; slot++) {
      const state = this.#table.stateOf(slot);
      if (state === CLAIMED) continue;
      if (state === FREE || state === UNSEEN) return this.#release(slot, state) ? slot : undefined;
      if (last === undefined || this.#table.orderOf(slot) < this.#table.orderOf(last)) last = slot;
    }
    if (last === undefined || this.#table.orderOf(last) >= order - SLOTS) return undefined;
    return this.#release(last, this.#table.stateOf(last)) ? last : undefined;
  }

  /** @returns false if a thread has just claimed it */
  #release(slot: number, state: number): boolean {
    if (state === CLAIMED || !this.#table.change(slot, state, FREE)) return false;
    const key = this.#keys[slot];
    if (key !== undefined) this.#slots.delete(key);
    this.#keys[slot] = undefined;
    return true;
  }

  #seenIn(slot: number): Seen | undefined {
    const { clock } = this.#options;
    if (this.#release(slot, ASKED)) return undefined;
    const begunMs = clock.nowMs();
    if (this.#table.stateOf(slot) === CLAIMED) this.#table.waitForAnswer(slot, LONGEST_WAIT_MS);
    const endMs = clock.nowMs(), seen = this.#table.stateOf(slot) === SEEN ? this.#table.seenIn(slot) : undefined;
    this.#release(slot, this.#table.stateOf(slot));
    this.#noteWait(endMs - begunMs, seen?.names.length ?? 0);
    return seen !== undefined && Math.abs(endMs - seen.atMs) <= OLDEST_MS ? seen : undefined;
  }

  #noteWait(ms: number, entries: number): void {
    this.#waitedMs += ms;
    this.#waitedEntries += entries;
    if (this.#waitedMs < WAITED_MS) return;
    if (this.#threads.length < MOST_THREADS && this.#waitedMs > SLOW_MS * this.#waitedEntries) this.#start();
    this.#waitedMs = this.#waitedEntries = 0;
  }

  /** Another one may have been moved to its path. */
  #isSame(dir: Dir, { stats }: Seen): boolean {
    try {
      const now = dir.statSelf(), then = this.#statx.decode(stats, 0);
      return now.device === then.device && now.inode === then.inode;
    } catch (error) {
      if (error instanceof DiskFault) return false;
      throw error;
    }
  }
}

function keyOf({ rootPath, relative }: Place): string {
  return `${rootPath}\0${relative}`;
}

class SeenInOrder implements SeenDirectory {
  readonly names: readonly Raw[];
  readonly #stats: Uint8Array<ArrayBuffer>;
  readonly #statx: Statx;
  #next = 0;

  constructor({ names, stats }: Seen, statx: Statx) {
    this.names = names;
    this.#stats = stats;
    this.#statx = statx;
  }

  stat(name: Raw): Stat {
    while (this.names[this.#next] !== name) {
      if (this.#next >= this.names.length) throw new Error("A name came out of order, or wasn't seen");
      this.#next++;
    }
    return this.#statx.decode(this.#stats, ++this.#next * STAT_BYTES);
  }
}
