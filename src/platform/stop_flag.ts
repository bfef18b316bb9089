/** A request to stop that all threads of a run see, even in the middle of a file. */
import { Interrupted } from "../core/fault.ts";

export function newStopTable(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

export class StopFlag {
  readonly #word: Int32Array<SharedArrayBuffer>;

  constructor(table: SharedArrayBuffer = newStopTable()) {
    this.#word = new Int32Array(table);
  }

  request(): void {
    Atomics.store(this.#word, 0, 1);
  }

  /** Called between files, and between the chunks of a large one. @throws Interrupted if a stop was requested */
  check(): void {
    if (Atomics.load(this.#word, 0) !== 0) throw new Interrupted();
  }
}
