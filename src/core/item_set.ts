/** Very many ids in little memory: 61 bits of each, in a hash table with open addressing that grows. */
import { fingerprint } from "./fingerprint.ts";

const FIRST_SLOTS = 1 << 12;
const FULLEST = 0.6;

/** May hold an id that was not added, once in 10^12 questions to a million ids; never lacks one that was. */
export class ItemSet {
  #words = new Int32Array(FIRST_SLOTS * 2);
  #size = 0;

  add(id: string): void {
    const { high, low } = fingerprint(id);
    this.#add(high, low);
  }

  /** @param words of {@link fingerprints}: many ids that another thread has read */
  addAll(words: Int32Array): void {
    for (let at = 0; at < words.length; at += 2) this.#add(words[at]!, words[at + 1]!);
  }

  has(id: string): boolean {
    const { high, low } = fingerprint(id);
    const words = this.#words, mask = words.length / 2 - 1;
    for (let slot = (high >>> 1) & mask; words[slot * 2] !== 0; slot = (slot + 1) & mask) {
      if (words[slot * 2] === high && words[slot * 2 + 1] === low) return true;
    }
    return false;
  }

  #add(high: number, low: number): void {
    if (this.#size >= FULLEST * (this.#words.length / 2)) this.#grow();
    if (this.#put(high, low)) this.#size++;
  }

  /** The first word is never 0. @returns false if it was there */
  #put(high: number, low: number): boolean {
    const words = this.#words, mask = words.length / 2 - 1;
    let slot = (high >>> 1) & mask;
    while (words[slot * 2] !== 0) {
      if (words[slot * 2] === high && words[slot * 2 + 1] === low) return false;
      slot = (slot + 1) & mask;
    }
    words[slot * 2] = high;
    words[slot * 2 + 1] = low;
    return true;
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) if (old[at] !== 0) this.#put(old[at]!, old[at + 1]!);
  }
}

/** What a set keeps of ids: two words of each. */
export function fingerprints(ids: readonly string[]): Int32Array<ArrayBuffer> {
  const words = new Int32Array(ids.length * 2);
  ids.forEach((id, i) => {
    const { high, low } = fingerprint(id);
    words[i * 2] = high;
    words[i * 2 + 1] = low;
  });
  return words;
}
