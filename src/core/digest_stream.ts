/** Reads a file or stream to its end in chunks, and computes its digest on the way. */
import { type Algorithm, newHasher } from "./digest.ts";

/** Reads up to `into.length` bytes from a position on. @returns number of bytes read; 0 at the end */
export type ReadAt = (into: Uint8Array<ArrayBuffer>, position: number) => number;

/** A chunk of the bytes read, valid until the next one is requested. */
export interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of its first byte. */
  readonly at: number;
}

/** Can be iterated once. Afterwards `size` and `digest` describe everything that was read. */
export class DigestStream implements Iterable<Chunk> {
  readonly #algorithm: Algorithm;
  readonly #read: ReadAt;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #got: number | undefined;
  /** Bytes read so far. */
  size = 0;
  /** Lower-case hex; empty until everything is read. */
  digest = "";

  /**
   * @param buffer determines the largest chunk
   * @param got number of bytes, from the start on, that are already in the buffer
   */
  constructor(algorithm: Algorithm, read: ReadAt, buffer: Uint8Array<ArrayBuffer>, got?: number) {
    this.#algorithm = algorithm;
    this.#read = read;
    this.#buffer = buffer;
    this.#got = got;
  }

  *[Symbol.iterator](): Generator<Chunk> {
    const hasher = newHasher(this.#algorithm);
    for (let got = this.#got ?? this.#read(this.#buffer, 0); got > 0; got = this.#read(this.#buffer, this.size)) {
      const bytes = this.#buffer.subarray(0, got), at = this.size;
      hasher.update(bytes);
      this.size += got;
      yield { bytes, at };
    }
    this.digest = hasher.hex();
  }

  /** Reads everything. */
  run(): this {
    for (const _ of this);
    return this;
  }
}
