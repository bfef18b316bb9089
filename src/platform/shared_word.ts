/** Waiting for another thread by a word in shared memory. */

/**
 * Holds up this thread while a word has a value, until it is notified of a change or `mostMs` milliseconds are over.
 * @returns false if they were over first
 */
export function waitForChange(words: Int32Array, at: number, value: number, mostMs: number): boolean {
  return Atomics.wait(words, at, value, mostMs) !== "timed-out";
}
