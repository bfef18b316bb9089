/**
 * A Bloom filter that rules out most missing items without a look-up: nearly all contents of a backup are new or
 * unchanged, and for a small content a look-up costs more than everything else. It takes 2 bytes an item.
 */
const BITS_PER_ITEM = 16, PROBES = 5;
const LEAST_ITEMS = 100_000;

export class ItemFilter {
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #room: number;
  #count = 0;

  /** @param items approximate number of items to be added */
  constructor(items: number) {
    this.#room = Math.max(LEAST_ITEMS, 2 * items);
    this.#words = new Uint32Array(Math.ceil(this.#room * BITS_PER_ITEM / 64));
  }

  /** True if it holds more than it was made for, and would rule out too little. */
  get isFull(): boolean {
    return this.#count > this.#room;
  }

  /** Adds an item. @param first, second words of its digest, which are random */
  add(first: number, second: number): void {
    this.#count++;
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = this.#bitOf(first, second, probe);
      this.#words[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  /** True if no item with these words was added. */
  lacks(first: number, second: number): boolean {
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = this.#bitOf(first, second, probe);
      if ((this.#words[bit >>> 5]! & 1 << (bit & 31)) === 0) return true;
    }
    return false;
  }

  #bitOf(first: number, second: number, probe: number): number {
    return (first + Math.imul(probe, second | 1) >>> 0) % (this.#words.length * 32);
  }
}
