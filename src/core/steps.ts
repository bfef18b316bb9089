/** Long work that can be paused. */

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
