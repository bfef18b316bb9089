/** Keeps very many ids in little memory: 61 bits of each, in a growing hash table with open addressing. */
import { fingerprint, fingerprintOfWords } from "./fingerprint.ts";

const FIRST_SLOTS = 1 << 12;
const FULLEST = 0.6;

/** A set with rare false positives (one in 10^12 lookups among a million ids) and no false negatives. */
export class ItemSet {
  #words = new Int32Array(FIRST_SLOTS * 2);
  #size = 0;

  /** Number of different ids. */
  get size(): number {
    return this.#size;
  }

  /** @param beginning of an id that is given without it, of at most 8 digits @returns false if it was there */
  add(id: string, beginning?: string): boolean {
    const { high, low } = fingerprint(id, beginning);
    return this.#add(high, low);
  }

  /** Adds an id without a suffix, given by its first 64 bits as two words. @returns false if it was there */
  addWords(first: number, second: number): boolean {
    const { high, low } = fingerprintOfWords(first, second);
    return this.#add(high, low);
  }

  /** Adds many ids that another thread has read. @param words result of {@link fingerprints} */
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

  #add(high: number, low: number): boolean {
    if (this.#size >= FULLEST * (this.#words.length / 2)) this.#grow();
    const isNew = this.#put(high, low);
    if (isNew) this.#size++;
    return isNew;
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

/** Two words for each id: what a set stores of it. */
export function fingerprints(ids: readonly string[]): Int32Array<ArrayBuffer> {
  const words = new Int32Array(ids.length * 2);
  ids.forEach((id, i) => {
    const { high, low } = fingerprint(id);
    words[i * 2] = high;
    words[i * 2 + 1] = low;
  });
  return words;
}
