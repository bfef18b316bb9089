/**
 * Keeps the disk writing during a run, so that little is left for the sync at its end, which could otherwise take
 * minutes on a slow disk, without progress or a way to stop.
 */
import type { Clock } from "../core/clock.ts";

/** The first time is early: it shows how fast the disk is. */
const FIRST_BYTES = 8 * 1024 * 1024;
const NEXT_BYTES = 64 * 1024 * 1024;
/** On a slow disk the time counts. */
const NEXT_MS = 3000, LEAST_BYTES = 1024 * 1024;
/** What is stored may be that far ahead of what is written, in the time that the disk takes. */
const AHEAD_MS = 5000, AHEAD_BYTES = 4 * 1024 * 1024;
/** Before that nothing can be said of the disk by what is under way: it may be that much, or what was known before. */
const JUDGE_MS = 1000, UNJUDGED_BYTES = 16 * 1024 * 1024;

export class WriteOut {
  readonly #sync: () => Promise<void>;
  readonly #clock: Clock;
  /** Stored since the last sync began. */
  #waiting = 0;
  #underWay = 0;
  #beganMs = 0;
  /** Bytes a millisecond that the last sync came to; undefined: none has ended. */
  #lastRate: number | undefined;
  #hasBegun = false;
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();

  /** @param sync returns when everything that was stored before the call is durable */
  constructor(sync: () => Promise<void>, clock: Clock) {
    this.#sync = sync;
    this.#clock = clock;
    this.#beganMs = clock.nowMs();
  }

  /** Reports bytes that are stored but not yet durable. */
  stored(bytes: number): void {
    this.#waiting += bytes;
  }

  /** Starts a sync if it is due, and waits while the disk is too far behind. */
  async keepBusy(signal: AbortSignal): Promise<void> {
    if (!this.#isRunning && this.#isDue()) this.#begin();
    if (this.#isRunning && !signal.aborted && this.#waiting > this.#mayBeAhead()) await this.#ended(signal);
  }

  /** Waits for the sync in progress. @throws DiskFault if it failed */
  async settled(): Promise<void> {
    await this.#running;
  }

  #isDue(): boolean {
    if (this.#waiting >= (this.#hasBegun ? NEXT_BYTES : FIRST_BYTES)) return true;
    return this.#waiting >= LEAST_BYTES && this.#clock.nowMs() - this.#beganMs >= NEXT_MS;
  }

  #begin(): void {
    [this.#underWay, this.#waiting] = [this.#waiting, 0];
    this.#beganMs = this.#clock.nowMs();
    this.#hasBegun = this.#isRunning = true;
    this.#running = this.#running.then(this.#sync).then(() => {
      this.#isRunning = false;
      this.#lastRate = this.#underWay / Math.max(1, this.#clock.nowMs() - this.#beganMs);
    });
    this.#running.catch(() => {}); // the next checkpoint or commit fails with it
  }

  /** The disk is at most as fast as what is under way shows. */
  #mayBeAhead(): number {
    const ms = this.#clock.nowMs() - this.#beganMs;
    if (ms < JUDGE_MS) return Math.max(UNJUDGED_BYTES, (this.#lastRate ?? 0) * AHEAD_MS);
    return Math.max(AHEAD_BYTES, this.#underWay / ms * AHEAD_MS);
  }

  async #ended(signal: AbortSignal): Promise<void> {
    const stopped = Promise.withResolvers<void>();
    const stop = () => stopped.resolve();
    signal.addEventListener("abort", stop);
    await Promise.race([this.#running.catch(() => {}), stopped.promise]);
    signal.removeEventListener("abort", stop);
  }
}
