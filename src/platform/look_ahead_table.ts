/**
 * The table in shared memory through which threads are asked to look at directories ahead of a walk, and answer. Each
 * slot holds one directory: first its path, then the names in it, sorted, and what statx(2) says of each.
 */
import { bytesOf, type Raw, rawOfBytes, sliceRaw, splitRaw } from "../core/raw.ts";
import { waitForChange } from "./shared_word.ts";
import { STAT_BYTES } from "./linux_stat.ts";

/** A directory: `relative` below `rootPath`, in which no symlink is followed. */
export interface Place {
  readonly rootPath: Raw;
  readonly relative: Raw;
}

/** What a directory held when it was looked at. */
export interface Seen {
  /** In ms since 1970. */
  readonly atMs: number;
  /** In byte order. */
  readonly names: readonly Raw[];
  /** {@link STAT_BYTES} for the directory itself, and then for each name. */
  readonly stats: Uint8Array<ArrayBuffer>;
}

/** States of a slot; only the walk frees one, and asks, and only the thread that has claimed it goes on from there. */
export const FREE = 0, ASKED = 1, CLAIMED = 2, SEEN = 3, UNSEEN = 4;

export const SLOTS = 16;
const SLOT_BYTES = 256 * 1024;
/** Words of a slot; the time takes two. */
const STATE = 0, ORDER = 1, ROOT_LENGTH = 2, RELATIVE_LENGTH = 3, COUNT = 4, NAMES_LENGTH = 5, TIME = 6;
const PATH_AT = 32, DATA_AT = 2048;
const LONGEST_PATH = DATA_AT - PATH_AT;
const DATA_BYTES = SLOT_BYTES - DATA_AT;
/** Words of the table itself, after the slots: how often something was asked for, and whether it is over. */
const ASKINGS = SLOTS * SLOT_BYTES / 4, CLOSED = ASKINGS + 1;
/** In ms: a thread that nobody wakes looks whether its process still wants anything. */
const LONGEST_SLEEP_MS = 10_000;

export class LookAheadTable {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #times: Float64Array<SharedArrayBuffer>;

  constructor(shared = new SharedArrayBuffer(SLOTS * SLOT_BYTES + 8)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
    this.#bytes = new Uint8Array(shared);
    this.#times = new Float64Array(shared);
  }

  stateOf(slot: number): number {
    return Atomics.load(this.#words, wordOf(slot, STATE));
  }

  /** @returns false if it wasn't in the state `from` any more */
  change(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, wordOf(slot, STATE), from, to) === from;
  }

  /** Waits until a claimed slot has been answered. @returns false if that takes longer */
  waitForAnswer(slot: number, mostMs: number): boolean {
    return waitForChange(this.#words, wordOf(slot, STATE), CLAIMED, mostMs);
  }

  /**
   * Asks for a directory. @param slot a free one @param order the highest is looked at first
   * @returns false if the path is too long
   */
  ask(slot: number, { rootPath, relative }: Place, order: number): boolean {
    if (rootPath.length + relative.length > LONGEST_PATH) return false;
    const words = this.#words, at = slot * SLOT_BYTES + PATH_AT;
    words[wordOf(slot, ORDER)] = order;
    words[wordOf(slot, ROOT_LENGTH)] = rootPath.length;
    words[wordOf(slot, RELATIVE_LENGTH)] = relative.length;
    this.#bytes.set(bytesOf(rootPath), at);
    this.#bytes.set(bytesOf(relative), at + rootPath.length);
    Atomics.store(words, wordOf(slot, STATE), ASKED);
    return true;
  }

  orderOf(slot: number): number {
    return this.#words[wordOf(slot, ORDER)]!;
  }

  /** Wakes the threads. */
  wake(): void {
    Atomics.add(this.#words, ASKINGS, 1);
    Atomics.notify(this.#words, ASKINGS);
  }

  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    this.wake();
  }

  /** Claims the slot that is needed first; waits for one. @returns undefined when it is over */
  claim(): number | undefined {
    while (Atomics.load(this.#words, CLOSED) === 0) {
      const askings = Atomics.load(this.#words, ASKINGS), slot = this.#first();
      if (slot === undefined) waitForChange(this.#words, ASKINGS, askings, LONGEST_SLEEP_MS);
      else if (this.change(slot, ASKED, CLAIMED)) return slot;
    }
    return undefined;
  }

  #first(): number | undefined {
    let first: number | undefined;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.stateOf(slot) !== ASKED) continue;
      if (first === undefined || this.orderOf(slot) > this.orderOf(first)) first = slot;
    }
    return first;
  }

  placeOf(slot: number): Place {
    const root = this.#words[wordOf(slot, ROOT_LENGTH)]!, at = slot * SLOT_BYTES + PATH_AT;
    const path = rawOfBytes(this.#bytes.slice(at, at + root + this.#words[wordOf(slot, RELATIVE_LENGTH)]!));
    return { rootPath: sliceRaw(path, 0, root), relative: sliceRaw(path, root) };
  }

  /**
   * Answers for a claimed slot.
   * @param keep puts a stat of an entry, or of the directory itself for undefined, into the bytes; false: can't
   * @returns false if there are too many names, or one can't be kept
   */
  put(
    slot: number,
    names: readonly Raw[],
    atMs: number,
    keep: (name: Raw | undefined, into: Uint8Array, at: number) => boolean,
  ): boolean {
    const statsBytes = (names.length + 1) * STAT_BYTES;
    const namesBytes = names.reduce((sum, name) => sum + name.length + 1, 0);
    if (statsBytes + namesBytes > DATA_BYTES) return false;
    let stat = slot * SLOT_BYTES + DATA_AT, at = stat + statsBytes;
    if (!keep(undefined, this.#bytes, stat)) return false;
    for (const name of names) {
      if (!keep(name, this.#bytes, stat += STAT_BYTES)) return false;
      for (let i = 0; i < name.length; i++) this.#bytes[at++] = name.charCodeAt(i);
      this.#bytes[at++] = SLASH;
    }
    this.#words[wordOf(slot, COUNT)] = names.length;
    this.#words[wordOf(slot, NAMES_LENGTH)] = namesBytes;
    this.#times[wordOf(slot, TIME) / 2] = atMs;
    return true;
  }

  /** Says that a claimed slot has been answered. @param state SEEN or UNSEEN */
  answer(slot: number, state: number): void {
    Atomics.store(this.#words, wordOf(slot, STATE), state);
    Atomics.notify(this.#words, wordOf(slot, STATE));
  }

  /** Copies what was put into a slot. */
  seenIn(slot: number): Seen {
    const count = this.#words[wordOf(slot, COUNT)]!, length = this.#words[wordOf(slot, NAMES_LENGTH)]!;
    const start = slot * SLOT_BYTES + DATA_AT, end = start + (count + 1) * STAT_BYTES;
    const names = count === 0 ? [] : splitRaw(rawOfBytes(this.#bytes.slice(end, end + length - 1)), "/");
    const stats = new Uint8Array(end - start);
    stats.set(this.#bytes.subarray(start, end));
    return { atMs: this.#times[wordOf(slot, TIME) / 2]!, names, stats };
  }
}

const SLASH = 47;

function wordOf(slot: number, word: number): number {
  return slot * SLOT_BYTES / 4 + word;
}
