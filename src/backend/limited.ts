/**
 * Limits the average rate of uploads and downloads: an object is transferred at once, and the next one waits for the
 * time that it should have taken. Pacing the bytes of a single object is up to the backend.
 */
import type { Clock } from "../core/clock.ts";
import { type Backend, sizeOf } from "./backend.ts";
import { around, type Sleep } from "./decorator.ts";

export interface Limits {
  /** Bytes per second; absent: unlimited. */
  readonly upload?: number;
  readonly download?: number;
  readonly clock: Pick<Clock, "nowMs">;
  readonly sleep: Sleep;
}

export function limited(inner: Backend, { upload, download, clock, sleep }: Limits): Backend {
  const up = new Allowance(upload, clock, sleep), down = new Allowance(download, clock, sleep);
  return around(inner, {
    async put(key, body, options) {
      await up.take(sizeOf(body), options?.signal);
      return await inner.put(key, body, options);
    },
    async get(key, options) {
      await down.take(options?.range?.length ?? 0, options?.signal);
      const bytes = await inner.get(key, options);
      // How large a whole object is shows when it is there.
      if (options?.range === undefined) down.spend(bytes.length);
      return bytes;
    },
  });
}

const LEAST_PIECE_BYTES = 1024;

/** Bandwidth for one direction, shared by all requests. */
export class Allowance {
  readonly #rate: number;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #sleep: Sleep;
  /** When everything that was spent is paid for, in ms. */
  #freeAtMs = -Infinity;

  constructor(rate: number | undefined, clock: Pick<Clock, "nowMs">, sleep: Sleep) {
    this.#rate = rate ?? Infinity;
    this.#clock = clock;
    this.#sleep = sleep;
  }

  /** Size of the pieces to transfer at a time, so that bytes flow instead of coming in bursts. */
  pieceBytes(most: number): number {
    return Math.max(LEAST_PIECE_BYTES, Math.min(most, Math.floor(this.#rate)));
  }

  async take(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    // Somebody else may have spent something meanwhile.
    for (let left = this.#left(); left > 0; left = this.#left()) await this.#sleep(left, signal);
    this.spend(bytes);
  }

  spend(bytes: number): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#clock.nowMs()) + bytes / this.#rate * 1000;
  }

  #left(): number {
    return this.#freeAtMs - this.#clock.nowMs();
  }
}
