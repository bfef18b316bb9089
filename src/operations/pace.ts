/** Letting the rest of the program have its turn during work that is mostly synchronous. */
import type { Clock } from "../core/clock.ts";
import { Interrupted } from "../core/fault.ts";

/** A wish to stop, and progress on a terminal, may wait that long. */
const TURN_MS = 100;

/** Awaited between the steps of an operation: signals and timers only arrive while the event loop turns. */
export class Pace {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #lastMs: number;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#lastMs = clock.nowMs();
  }

  /** @throws Interrupted */
  async step(): Promise<void> {
    if (this.#clock.nowMs() - this.#lastMs >= TURN_MS) {
      await new Promise((resume) => setTimeout(resume, 0));
      this.#lastMs = this.#clock.nowMs();
    }
    if (this.#signal.aborted) throw new Interrupted();
  }
}
