/**
 * Limits the rate of reading: all threads that share a table read at most so many bytes per second, and pause in
 * between.
 */

import { systemClock } from "./system_clock.ts";

/**
 * Shared state: the rate in bytes per second, the pause after each block in ms, and the time at which the next read may
 * begin, in µs since 1970.
 */
export type ThrottleTable = SharedArrayBuffer;

const RATE = 0, REST = 1, FREE = 2, FIELDS = 3;
/** Rests come after so many bytes. */
const BLOCK_BYTES = 1024 * 1024;
/** Shorter waits cost more than they are worth. */
const SHORTEST_US = 5000n;
const US_PER_SECOND = 1_000_000;

/** Makes a table. @param bytesPerSecond undefined: unlimited @param restMs pause after each MiB */
export function newThrottle(bytesPerSecond: number | undefined, restMs: number): ThrottleTable {
  const table = new SharedArrayBuffer(FIELDS * BigInt64Array.BYTES_PER_ELEMENT);
  const fields = new BigInt64Array(table);
  fields[RATE] = BigInt(Math.max(0, Math.round(bytesPerSecond ?? 0)));
  fields[REST] = BigInt(Math.round(restMs));
  return table;
}

/** One thread's view of a table. */
export class Throttle {
  readonly #fields: BigInt64Array;
  readonly #rate: number;
  readonly #restMs: number;
  #sinceRest = 0;

  constructor(table: ThrottleTable) {
    this.#fields = new BigInt64Array(table);
    this.#rate = Number(this.#fields[RATE]);
    this.#restMs = Number(this.#fields[REST]);
  }

  /** Blocks until reading `bytes`, which has been done already, would have ended at the permitted rate. */
  take(bytes: number): void {
    if (this.#rate > 0 && bytes > 0) this.#wait(bytes);
    this.#sinceRest += bytes;
    if (this.#restMs === 0 || this.#sinceRest < BLOCK_BYTES) return;
    this.#sinceRest = 0;
    systemClock.sleepSync(this.#restMs);
  }

  #wait(bytes: number): void {
    const cost = BigInt(Math.round(bytes / this.#rate * US_PER_SECOND));
    const now = BigInt(Date.now()) * 1000n;
    let free: bigint, until: bigint;
    do {
      free = Atomics.load(this.#fields, FREE);
      until = (free > now ? free : now) + cost;
    } while (Atomics.compareExchange(this.#fields, FREE, free, until) !== free);
    if (until - now >= SHORTEST_US) systemClock.sleepSync(Number(until - now) / 1000);
  }
}
