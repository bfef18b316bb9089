/**
 * Keeps very many ids in little memory: 33 bytes for an id of 64 hex digits, where a string takes more than twice that.
 */

const CHUNK_BYTES = 1024 * 1024;
/** A position and the beginning of an id as one number, which has room for 53 bits. */
const POSITIONS = 2 ** 32;
const LONGEST_ID_BYTES = 255;

export class IdList implements Iterable<string> {
  readonly #chunks: { readonly bytes: Uint8Array<ArrayBuffer>; end: number }[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param id an even number of hex digits, 510 at most */
  add(id: string): void {
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.end + 1 + LONGEST_ID_BYTES > CHUNK_BYTES) {
      this.#chunks.push(chunk = { bytes: new Uint8Array(CHUNK_BYTES), end: 0 });
    }
    const { written } = chunk.bytes.subarray(chunk.end + 1).setFromHex(id);
    chunk.bytes[chunk.end] = written;
    chunk.end += 1 + written;
    this.#length++;
  }

  /** Yields the ids in the order in which they were added. */
  *[Symbol.iterator](): Generator<string> {
    for (const { bytes, end } of this.#chunks) {
      for (let at = 0; at < end; at += 1 + bytes[at]!) yield idAt(bytes, at);
    }
  }

  /** Yields the ids in the order of their first 20 bits, with 8 more bytes for each meanwhile. */
  *byBeginning(): Generator<string> {
    const keys = new Float64Array(this.#length);
    let count = 0;
    for (const [number, { bytes, end }] of this.#chunks.entries()) {
      for (let at = 0; at < end; at += 1 + bytes[at]!) {
        keys[count++] = beginningOf(bytes, at) * POSITIONS + number * CHUNK_BYTES + at;
      }
    }
    for (const key of keys.sort()) {
      const position = key % POSITIONS, at = position % CHUNK_BYTES;
      yield idAt(this.#chunks[(position - at) / CHUNK_BYTES]!.bytes, at);
    }
  }
}

function idAt(bytes: Uint8Array, at: number): string {
  return bytes.subarray(at + 1, at + 1 + bytes[at]!).toHex();
}

/** The first 20 bits; an id that ends earlier counts as one with zeros. */
function beginningOf(bytes: Uint8Array, at: number): number {
  const length = bytes[at]!, byte = (index: number) => index <= length ? bytes[at + index]! : 0;
  return (byte(1) << 12) | (byte(2) << 4) | (byte(3) >> 4);
}
