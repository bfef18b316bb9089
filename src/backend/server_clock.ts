/** A server's time, which every answer states, so that it is seldom asked for. */

/** How long an answer counts, in ms of this machine's clock: in seconds, no clock goes far wrong. */
const RECENT_MS = 10_000;
/** Answers state whole seconds. */
const STEP_MS = 1000;

export class ServerClock {
  readonly #clock: { nowMs(): number };
  #heard: { readonly thereMs: number; readonly hereMs: number } | undefined;

  constructor(clock: { nowMs(): number }) {
    this.#clock = clock;
  }

  /** Takes note of an answer. What comes from a cache is not of now. */
  hear(headers: Headers): void {
    const thereMs = Date.parse(headers.get("date") ?? ""), expectedMs = this.nowMs() ?? -Infinity;
    if (Number.isNaN(thereMs) || headers.has("age")) return;
    // The same second once more must not set it back.
    const isExpected = thereMs <= expectedMs && expectedMs < thereMs + STEP_MS;
    this.#heard = { thereMs: isExpected ? expectedMs : thereMs, hereMs: this.#clock.nowMs() };
  }

  /** The server's time in ms since 1970; undefined if no answer came in the last seconds. */
  nowMs(): number | undefined {
    if (this.#heard === undefined) return undefined;
    const { thereMs, hereMs } = this.#heard, passedMs = this.#clock.nowMs() - hereMs;
    return passedMs >= 0 && passedMs < RECENT_MS ? thereMs + passedMs : undefined;
  }
}
