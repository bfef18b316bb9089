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

  /** @returns true if it was cut short */
  async wait(ms: number): Promise<boolean> {
    await this.#clock.sleep(ms, this.#called.signal);
    const { aborted } = this.#called.signal;
    this.#called = new AbortController();
    return aborted;
  }

  /**
   * Waits until the clock shows a time, in short steps: a clock that is set, and a machine that slept, must not make it
   * later. One that is set back ends the wait as well.
   */
  async waitUntil(untilMs: number, stepMs: number): Promise<void> {
    const startMs = this.#clock.nowMs();
    for (let nowMs = startMs; startMs <= nowMs && nowMs < untilMs; nowMs = this.#clock.nowMs()) {
      if (await this.wait(Math.min(stepMs, untilMs - nowMs))) return;
    }
  }
}
