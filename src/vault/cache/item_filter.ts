/**
 * Rules out most items that are not in the cache without a look-up: nearly all contents of a backup are
 * new or unchanged, and a look-up costs more than all else that is done for a small one. 2 bytes an item.
 */
const BITS_PER_ITEM = 16, PROBES = 5;
const LEAST_ITEMS = 100_000;

export class ItemFilter {
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #room: number;
  #count = 0;

  /** @param items that will be in it, about */
  constructor(items: number) {
    this.#room = Math.max(LEAST_ITEMS, 2 * items);
    this.#words = new Uint32Array(Math.ceil(this.#room * BITS_PER_ITEM / 64));
  }

  /** With more in it than it was made for it would answer too rarely. */
  get isFull(): boolean {
    return this.#count > this.#room;
  }

  /** @param first, second of the words of a digest: they are random */
  add(first: number, second: number): void {
    this.#count++;
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = this.#bitOf(first, second, probe);
      this.#words[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  /** True if nothing with these words was added. */
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
