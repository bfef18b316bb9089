/** Reading something to its end in chunks while its digest is computed. */
import { type Algorithm, newHasher } from "./digest.ts";

/** Reads from a position on, up to `into.length` bytes; 0 at the end. */
export type ReadAt = (into: Uint8Array<ArrayBuffer>, position: number) => number;

/** A piece of what is read, valid until the next one is asked for. */
export interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where it begins. */
  readonly at: number;
}

/** To be gone through once; then `size` and `digest` are those of everything that was read. */
export class DigestStream implements Iterable<Chunk> {
  readonly #algorithm: Algorithm;
  readonly #read: ReadAt;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #got: number | undefined;
  /** Bytes. */
  size = 0;
  /** Lower-case hex. */
  digest = "";

  /** @param buffer bounds the chunks @param got bytes from the start on that are in the buffer already */
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

  /** Goes through all of it. */
  run(): this {
    for (const _ of this);
    return this;
  }
}
