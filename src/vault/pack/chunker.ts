/**
 * Where large files are cut: content-defined chunking with a gear hash, normalised (FastCDC). A cut depends on the bytes
 * shortly before it and on the cut before that, so an insertion changes the parts around it and no others. The gear table
 * comes from the vault's key: cut points of a known file are not those of another vault.
 */

/** Bytes of a part. The last one of a file may be smaller than `min`. */
export interface ChunkSizes {
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

/** Before the average a cut is 4 times rarer than at random, after it 4 times more frequent. */
const NORMALISATION_BITS = 2;

/**
 * Finds the cuts of one content after the other. How the bytes come, in how many pieces, makes no difference.
 *
 * The hash of a part begins after its first `min` bytes, at 0; each byte shifts it left by one bit and adds a word of the
 * gear table, modulo 2^32. A part ends after a byte that makes the upper bits 0: two more than log2(average) of them
 * before byte number `average`, two fewer from there on; and at `max` in any case.
 */
export class Chunker {
  readonly #gear: Int32Array<ArrayBuffer>;
  readonly #sizes: ChunkSizes;
  readonly #strict: number;
  readonly #loose: number;
  #hash = 0;
  /** Bytes of the part at hand. */
  #length = 0;

  /** @param gear 256 words */
  constructor(gear: Uint32Array, sizes: ChunkSizes) {
    this.#gear = Int32Array.from(gear);
    this.#sizes = sizes;
    const bits = Math.round(Math.log2(sizes.average));
    this.#strict = upperBits(bits + NORMALISATION_BITS);
    this.#loose = upperBits(bits - NORMALISATION_BITS);
  }

  /** Begins another content. */
  reset(): void {
    this.#hash = this.#length = 0;
  }

  /**
   * Looks through `bytes`, which follow those of the calls before.
   * @returns the index after which the part at hand ends; undefined if it goes on beyond these bytes. After a cut, call
   * again with the bytes from there on. What is left at the end of the content is its last part
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

  /** The hot loop: all that it uses is local. */
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
