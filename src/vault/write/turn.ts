/** A mutex for several pieces of work. */
import { waitFor, type WaitingSteps } from "../../core/steps.ts";

export class Turn {
  #last: Promise<void> = Promise.resolve();

  /** Waits for all earlier turns. The turn ends when the result is disposed. */
  *take(): WaitingSteps<Disposable> {
    const before = this.#last, { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    yield* waitFor(before);
    return { [Symbol.dispose]: resolve };
  }
}
