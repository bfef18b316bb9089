/**
 * Sizes of items that were verified, shared by all threads of a check: who looks at a manifest afterwards needn't ask the
 * disk again. It may forget (it doesn't grow); then the disk is asked.
 *
 * A hash table with open addressing in shared memory: four 32-bit words a slot, `[high, low, size low, size high + 1]`.
 */
import { fingerprint } from "./claims.ts";

/** Slots looked at before an item counts as unknown. */
const LONGEST_PROBE = 64;
const WORDS = 4;
/** Slots for each expected item. */
const ROOM = 1.2;
const FEWEST_SLOTS = 1 << 10;
/** 64 MiB: about three million items. */
const MOST_SLOTS = 1 << 22;
const TWO_32 = 0x1_0000_0000;

/** @param items how many are expected */
export function newSizeTable(items: number): SharedArrayBuffer {
  let slots = FEWEST_SLOTS;
  while (slots < items * ROOM && slots < MOST_SLOTS) slots *= 2;
  return new SharedArrayBuffer(slots * WORDS * 4);
}

export class SizeTable {
  readonly #words: Int32Array;
  readonly #mask: number;

  /** @param table of {@link newSizeTable} */
  constructor(table: SharedArrayBuffer) {
    this.#words = new Int32Array(table);
    this.#mask = this.#words.length / WORDS - 1;
  }

  /** Each item is set by one thread, once. */
  set(id: string, size: number): void {
    const { high, low } = fingerprint(id);
    for (let probe = 0; probe < LONGEST_PROBE; probe++) {
      const at = (((high >>> 1) + probe) & this.#mask) * WORDS;
      if (Atomics.compareExchange(this.#words, at, 0, high) !== 0) continue;
      this.#words[at + 1] = low;
      this.#words[at + 2] = size | 0;
      // The last word is never 0 in a slot that is complete.
      Atomics.store(this.#words, at + 3, Math.floor(size / TWO_32) + 1);
      return;
    }
  }

  /** Undefined if it was not set, or forgotten. */
  get(id: string): number | undefined {
    const { high, low } = fingerprint(id);
    for (let probe = 0; probe < LONGEST_PROBE; probe++) {
      const at = (((high >>> 1) + probe) & this.#mask) * WORDS;
      const held = Atomics.load(this.#words, at);
      if (held === 0) return undefined;
      const above = Atomics.load(this.#words, at + 3);
      if (held !== high || above === 0 || this.#words[at + 1] !== low) continue;
      return (above - 1) * TWO_32 + (this.#words[at + 2]! >>> 0);
    }
    return undefined;
  }
}
