/** Long work that can be paused. */

/**
 * Work in small steps. Threads run them without a break; the main thread yields to the event loop between them now and
 * then, so that it handles signals in the middle of a file.
 */
export type Steps<T> = Generator<undefined, T>;

/**
 * Steps that may have to wait: each yields the promise to wait for, or undefined. A rejection is thrown at that place.
 */
export type WaitingSteps<T> = Generator<Promise<void> | undefined, T>;

/** Waits for a promise as one of the steps. @returns its value */
export function* waitFor<T>(promise: Promise<T>): WaitingSteps<T> {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  yield promise.then((value) => void (outcome = { value }), (error) => void (outcome = { error }));
  if (outcome === undefined) throw new Error("Steps went on before what they waited for was there");
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

/** Runs all steps, and awaits the promises that they yield. */
export async function inTurn<T>(steps: WaitingSteps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (step.value !== undefined) await step.value;
  }
}

/** Runs all steps without a break. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
