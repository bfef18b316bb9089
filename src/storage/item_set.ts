/** Very many ids in little memory: 61 bits of each, in a hash table with open addressing that grows. */
import { fingerprint } from "./claims.ts";

const FIRST_SLOTS = 1 << 12;
const FULLEST = 0.6;

/** May hold an id that was not added, once in 10^12 questions to a million ids; never lacks one that was. */
export class ItemSet {
  #words = new Int32Array(FIRST_SLOTS * 2);
  #size = 0;

  add(id: string): void {
    if (this.#size >= FULLEST * (this.#words.length / 2)) this.#grow();
    const { high, low } = fingerprint(id);
    this.#put(high, low);
    this.#size++;
  }

  has(id: string): boolean {
    const { high, low } = fingerprint(id);
    const words = this.#words, mask = words.length / 2 - 1;
    for (let slot = (high >>> 1) & mask; words[slot * 2] !== 0; slot = (slot + 1) & mask) {
      if (words[slot * 2] === high && words[slot * 2 + 1] === low) return true;
    }
    return false;
  }

  /** The first word is never 0. */
  #put(high: number, low: number): void {
    const words = this.#words, mask = words.length / 2 - 1;
    let slot = (high >>> 1) & mask;
    while (words[slot * 2] !== 0) slot = (slot + 1) & mask;
    words[slot * 2] = high;
    words[slot * 2 + 1] = low;
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) if (old[at] !== 0) this.#put(old[at]!, old[at + 1]!);
  }
}
