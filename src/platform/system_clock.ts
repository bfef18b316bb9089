/** The clock of this machine. */
import type { Clock } from "../core/clock.ts";
import { timeZone } from "./time_zone.ts";

/** Uses the machine's time zone. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  offsetMinutes: (atMs) => -new Date(atMs).getTimezoneOffset(),
  get zone() {
    return timeZone(Deno.env.get("TZ"));
  },
  sleep,
  sleepSync: (ms) => void Atomics.wait(NEVER, 0, 0, ms),
  every(ms, action) {
    const timer = setInterval(action, ms);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};

/** Nobody changes it, or wakes who waits for that. */
const NEVER = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const wake = () => resolve();
  signal?.addEventListener("abort", wake);
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", wake);
}
