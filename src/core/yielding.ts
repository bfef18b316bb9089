/** Yields to the event loop during work that is mostly synchronous. */
import type { Clock } from "./clock.ts";
import { Interrupted } from "./fault.ts";
import { Turns } from "./turns.ts";

/** Awaited between the steps of an operation, because signals and timers only arrive while the event loop runs. */
export class Yielder {
  readonly #turns: Turns;
  readonly #signal: AbortSignal;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#turns = new Turns(clock);
    this.#signal = signal;
  }

  /** Yields to the event loop if it is due. @throws Interrupted */
  async yieldIfDue(): Promise<void> {
    if (this.#turns.isDue) await this.#turns.take();
    if (this.#signal.aborted) throw new Interrupted();
  }
}
