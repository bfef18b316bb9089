/**
 * The verified items and their sizes, shared by all threads of a check: whoever reads a manifest afterwards needn't ask
 * the disk again. The table doesn't grow, so an item may be missing; then the disk is asked.
 *
 * A hash table with open addressing in shared memory: two 32-bit words a slot, both of them nonzero once it is
 * complete: `[half of the fingerprint, the other half mixed with the size]`.
 */
import { fingerprint } from "../../core/fingerprint.ts";

/** Slots that are tried before an item counts as unknown. */
const LONGEST_PROBE = 64;
const WORDS = 2;
/** Slots per expected item. */
const ROOM = 1.25;
const FEWEST_SLOTS = 1 << 10;
/** Largest table: 32 MiB, for more than three million items. */
const MOST_SLOTS = 1 << 22;
const TWO_30 = 0x4000_0000;

/** A new table. @param items expected number of items */
export function newSizeTable(items: number): SharedArrayBuffer {
  const slots = Math.ceil(Math.min(Math.max(items * ROOM, FEWEST_SLOTS), MOST_SLOTS));
  return new SharedArrayBuffer(slots * WORDS * Int32Array.BYTES_PER_ELEMENT);
}

export class SizeTable {
  readonly #words: Int32Array;
  readonly #slots: number;

  /** @param table from {@link newSizeTable} */
  constructor(table: SharedArrayBuffer) {
    this.#words = new Int32Array(table);
    this.#slots = this.#words.length / WORDS;
  }

  /** Adds an item. Each is added once, by one thread. */
  add(id: string, size: number): void {
    const { high, low } = fingerprint(id);
    for (let probe = 0; probe < LONGEST_PROBE; probe++) {
      const at = this.#at(high, probe);
      if (Atomics.compareExchange(this.#words, at, 0, high) !== 0) continue;
      Atomics.store(this.#words, at + 1, mixed(low, size));
      return;
    }
  }

  /**
   * True if the item is known with this size. For a known item of another size, it is wrongly true once in 10^9 calls.
   */
  has(id: string, size: number): boolean {
    const { high, low } = fingerprint(id);
    const wanted = mixed(low, size);
    for (let probe = 0; probe < LONGEST_PROBE; probe++) {
      const at = this.#at(high, probe);
      const held = Atomics.load(this.#words, at);
      if (held === 0) return false;
      if (held === high && Atomics.load(this.#words, at + 1) === wanted) return true;
    }
    return false;
  }

  #at(high: number, probe: number): number {
    return (((high >>> 1) + probe) % this.#slots) * WORDS;
  }
}

/** Mixes the second half of a fingerprint with a size. @param low its last two bits are 0 */
function mixed(low: number, size: number): number {
  const hash = (size % TWO_30) ^ Math.imul(Math.floor(size / TWO_30), 0x9e3779b1);
  return low ^ (hash << 2) | 1;
}
