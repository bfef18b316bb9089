/** Waits for what another run holds at the moment, such as the right to write to a storage. */
import type { Awaitable } from "./awaitable.ts";
import type { Clock } from "./clock.ts";
import { Fault } from "./fault.ts";

export interface Patience {
  /** Maximum wait for each held resource, in milliseconds. */
  readonly waitMs: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Called once, with a text that names what is being waited for. */
  notice(text: string): void;
}

/** Whoever holds it will be done with it. */
const PASSING: readonly string[] = ["locked", "vault-in-use", "vault-busy", "source-locked"];

const FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 5_000, GROWTH = 1.5;

/**
 * Retries while another run is in the way.
 * @param attempt must have had no effect if it fails for that reason
 * @param patience undefined: a single attempt
 * @throws what the last attempt throws
 */
export async function patiently<T>(
  attempt: () => Awaitable<T>,
  { clock, patience }: { readonly clock: Clock; readonly patience?: Patience | undefined },
): Promise<T> {
  if (patience === undefined) return await attempt();
  const { waitMs, signal, notice } = patience, endMs = clock.nowMs() + waitMs;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * GROWTH, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      const leftMs = endMs - clock.nowMs();
      if (!(error instanceof Fault && PASSING.includes(error.code)) || leftMs <= 0 || signal.aborted) throw error;
      if (pauseMs === FIRST_PAUSE_MS) notice(`Waiting: ${error.message}`);
      await clock.sleep(Math.min(pauseMs, leftMs), signal);
    }
  }
}
