/** The wish that all threads of a run stop, seen by them in the middle of a file. */
import { Interrupted } from "../core/fault.ts";

export function newStopTable(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/**
 * Work in small steps. Threads go through them without a break; the main thread gives the event loop a turn between them,
 * now and then, so that it hears of signals in the middle of a file.
 */
export type Steps<T> = Generator<undefined, T>;

/** Goes through all steps at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

export class StopFlag {
  readonly #word: Int32Array<SharedArrayBuffer>;

  constructor(table: SharedArrayBuffer = newStopTable()) {
    this.#word = new Int32Array(table);
  }

  request(): void {
    Atomics.store(this.#word, 0, 1);
  }

  /** To be called between files, and between the chunks of a large one. @throws Interrupted if stopping was asked for */
  check(): void {
    if (Atomics.load(this.#word, 0) !== 0) throw new Interrupted();
  }
}
