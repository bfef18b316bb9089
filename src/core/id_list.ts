/**
 * Keeps very many ids in little memory: 33 bytes for an id of 64 hex digits, where a string takes more than twice that.
 */

const CHUNK_BYTES = 1024 * 1024;
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
      for (let at = 0; at < end; at += 1 + bytes[at]!) yield bytes.subarray(at + 1, at + 1 + bytes[at]!).toHex();
    }
  }
}
