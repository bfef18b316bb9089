/**
 * Cuts large files: normalised content-defined chunking with a gear hash (FastCDC). A cut depends on the bytes shortly
 * before it and on the previous cut, so an insertion changes only the parts around it. The gear table is derived from
 * the vault's key: the cuts of a known file differ between vaults.
 */

/** Sizes of parts in bytes. The last part of a file may be smaller than `min`. */
export interface ChunkSizes {
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

/**
 * Bits of normalisation: before the average size a cut is 4 times rarer than at random, after it 4 times more frequent.
 */
const NORMALISATION_BITS = 2;

/**
 * Finds the cuts of one content after the other. The result doesn't depend on how the bytes are divided between calls.
 *
 * The hash of a part begins after its first `min` bytes, at 0; each byte shifts it left by one bit and adds a word of
 * the gear table, modulo 2^32. A part ends after a byte that makes the upper bits 0: two more than log2(average) of
 * them before byte number `average`, two fewer from there on; and at `max` in any case.
 */
export class Chunker {
  readonly #gear: Int32Array<ArrayBuffer>;
  readonly #sizes: ChunkSizes;
  readonly #strict: number;
  readonly #loose: number;
  #hash = 0;
  /** Bytes of the current part so far. */
  #length = 0;

  /** @param gear 256 words */
  constructor(gear: Uint32Array, sizes: ChunkSizes) {
    this.#gear = Int32Array.from(gear);
    this.#sizes = sizes;
    const bits = Math.round(Math.log2(sizes.average));
    this.#strict = upperBits(bits + NORMALISATION_BITS);
    this.#loose = upperBits(bits - NORMALISATION_BITS);
  }

  /** Begins the next content. */
  reset(): void {
    this.#hash = this.#length = 0;
  }

  /**
   * Searches `bytes`, which follow those of the previous calls.
   * @returns the index after which the current part ends; undefined if it goes on beyond these bytes. After a cut, call
   * again with the bytes from there on. The rest at the end of the content is its last part
   */
  findCut(bytes: Uint8Array): number | undefined {
    const { min, average, max } = this.#sizes, before = this.#length;
    // Positions below are in `bytes`, and may lie outside.
    const end = Math.min(bytes.length, max - before);
    const skipped = Math.max(0, min - before), normal = Math.min(end, average - before);
    const cut = this.#scan(bytes, skipped, normal, this.#strict) ??
      this.#scan(bytes, Math.max(skipped, normal), end, this.#loose) ??
      (before + end === max ? end : undefined);
    if (cut === undefined) this.#length += bytes.length;
    else this.reset();
    return cut;
  }

  /** The hot loop: it uses only local variables. */
  #scan(bytes: Uint8Array, from: number, to: number, mask: number): number | undefined {
    const gear = this.#gear;
    let hash = this.#hash;
    for (let i = from; i < to; i++) {
      hash = (hash << 1) + gear[bytes[i]!]! | 0;
      if ((hash & mask) === 0) return i + 1;
    }
    this.#hash = hash;
    return undefined;
  }
}

function upperBits(count: number): number {
  return count >= 32 ? -1 : ~0 << (32 - count);
}
