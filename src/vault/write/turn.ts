/** What several pieces of work need, and only one may have at a time. */
import { waitFor, type WaitingSteps } from "../../core/steps.ts";

export class Turn {
  #last: Promise<void> = Promise.resolve();

  /** Waits until everybody before is done. The turn ends when what comes back is disposed. */
  *take(): WaitingSteps<Disposable> {
    const before = this.#last, { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    yield* waitFor(before);
    return { [Symbol.dispose]: resolve };
  }
}
