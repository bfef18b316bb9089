/**
 * Makes a table of the bytes that the threads of a run have processed, readable while they work, because a single file
 * may take hours. Each thread has its own slot, which nobody else writes, so that counting costs only an addition.
 */
export function newMeterTable(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * Float64Array.BYTES_PER_ELEMENT);
}

export class Meter {
  readonly #slots: Float64Array<SharedArrayBuffer>;
  readonly #own: number;

  /** @param own index of the thread, from 0 */
  constructor(table: SharedArrayBuffer = newMeterTable(1), own = 0) {
    this.#slots = new Float64Array(table);
    this.#own = own;
  }

  /** @param bytes negative to undo what was counted */
  add(bytes: number): void {
    this.#slots[this.#own]! += bytes;
  }

  /** Bytes that this thread has counted. */
  get own(): number {
    return this.#slots[this.#own]!;
  }

  /** Resets this thread's count to an earlier value of {@link own}. */
  backTo(own: number): void {
    this.#slots[this.#own] = own;
  }

  /** Bytes that all threads have counted. */
  get total(): number {
    return this.#slots.reduce((sum, bytes) => sum + bytes, 0);
  }
}
