/** Waits for another thread through a word in shared memory. */

/**
 * Blocks this thread while a word has a value, until a change is notified or `mostMs` milliseconds have passed.
 * @returns false after a timeout
 */
export function waitForChange(words: Int32Array, at: number, value: number, mostMs: number): boolean {
  return Atomics.wait(words, at, value, mostMs) !== "timed-out";
}
