/** Yields to the event loop: signals, timers and messages of threads only arrive when it runs. */
import type { Clock } from "./clock.ts";

/** A wish to stop, and progress on a terminal, may wait that long. */
const TURN_MS = 100;

export class Turns {
  readonly #clock: Clock;
  #lastMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastMs = clock.nowMs();
  }

  /** True if synchronous work has lasted long enough. */
  get isDue(): boolean {
    const ms = this.#clock.nowMs() - this.#lastMs;
    return ms >= TURN_MS || ms < 0;
  }

  async take(): Promise<void> {
    await this.#clock.sleep(0);
    this.#lastMs = this.#clock.nowMs();
  }
}
