/** Waiting that can be cut short. */
import type { Clock } from "../../core/clock.ts";

export class Wakeup {
  readonly #clock: Clock;
  #called = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait under way, or the next one before it begins. */
  call(): void {
    this.#called.abort();
  }

  async wait(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#called.signal);
    this.#called = new AbortController();
  }
}
