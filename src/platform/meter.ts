/**
 * How many bytes the threads of a run have processed, reported while they work: a single file may take hours. Each
 * thread has a slot of its own and alone writes it, so that counting costs no more than an addition.
 */
export function newMeterTable(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * Float64Array.BYTES_PER_ELEMENT);
}

export class Meter {
  readonly #slots: Float64Array<SharedArrayBuffer>;
  readonly #own: number;

  /** @param own number of the thread, from 0 */
  constructor(table: SharedArrayBuffer = newMeterTable(1), own = 0) {
    this.#slots = new Float64Array(table);
    this.#own = own;
  }

  /** @param bytes below 0: what was counted has come to nothing */
  add(bytes: number): void {
    this.#slots[this.#own]! += bytes;
  }

  /** Of this thread. */
  get own(): number {
    return this.#slots[this.#own]!;
  }

  /** Takes back what this thread has counted since {@link own} was that much. */
  backTo(own: number): void {
    this.#slots[this.#own] = own;
  }

  /** Of all threads. */
  get total(): number {
    return this.#slots.reduce((sum, bytes) => sum + bytes, 0);
  }
}
