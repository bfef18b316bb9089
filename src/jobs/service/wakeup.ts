/** A wait that can be ended early. */
import type { Clock } from "../../core/clock.ts";

export class Wakeup {
  readonly #clock: Clock;
  #called = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the current wait, or the next one before it begins. */
  call(): void {
    this.#called.abort();
  }

  /** Waits. @returns true if the wait was ended early */
  async wait(ms: number): Promise<boolean> {
    await this.#clock.sleep(ms, this.#called.signal);
    const { aborted } = this.#called.signal;
    this.#called = new AbortController();
    return aborted;
  }

  /**
   * Waits until the clock shows a time, in short steps, so that setting the clock or a suspended machine doesn't delay
   * it. Setting the clock back ends the wait as well.
   */
  async waitUntil(untilMs: number, stepMs: number): Promise<void> {
    const startMs = this.#clock.nowMs();
    for (let nowMs = startMs; startMs <= nowMs && nowMs < untilMs; nowMs = this.#clock.nowMs()) {
      if (await this.wait(Math.min(stepMs, untilMs - nowMs))) return;
    }
  }
}
