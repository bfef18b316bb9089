/** Long work that can be paused. */

/**
 * Work in small steps. Threads go through them without a break; the main thread gives the event loop a turn between them,
 * now and then, so that it hears of signals in the middle of a file.
 */
export type Steps<T> = Generator<undefined, T>;

/** Steps that may have to wait for something: that is what they give. A failure there comes up where it was waited for. */
export type WaitingSteps<T> = Generator<Promise<void> | undefined, T>;

/** Waits for a value, as one of the steps. */
export function* waitFor<T>(promise: Promise<T>): WaitingSteps<T> {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  yield promise.then((value) => void (outcome = { value }), (error) => void (outcome = { error }));
  if (outcome === undefined) throw new Error("Steps went on before what they waited for was there");
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

/** Goes through all steps, and waits where they have to. */
export async function inTurn<T>(steps: WaitingSteps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (step.value !== undefined) await step.value;
  }
}

/** Goes through all steps at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
