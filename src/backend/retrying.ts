/** Retries requests after temporary failures. Every operation of a backend is idempotent. */
import type { Random } from "../core/clock.ts";
import type { Backend, ListedObject, ObjectKind } from "./backend.ts";
import { around, type Sleep } from "./decorator.ts";
import { PlaceUnavailable } from "./faults.ts";

export interface RetryOptions {
  readonly sleep: Sleep;
  /** Spreads the retries of many clients. */
  readonly random: Random;
  /** After an abort nothing is tried again: whoever wants to stop doesn't want to wait for a server. */
  readonly signal?: AbortSignal;
  /** Called before each wait. */
  readonly onRetry?: (fault: PlaceUnavailable, waitMs: number) => void;
}

const TRIES = 5;
/** Doubled after each try. */
const FIRST_WAIT_MS = 500;
/** A server that asks for more is not worth waiting for. */
const LONGEST_WAIT_MS = 5 * 60_000;

export function retrying(inner: Backend, options: RetryOptions): Backend {
  const retry = <T>(action: () => Promise<T>, signal?: AbortSignal) => attempt(action, options, signal);
  return around(inner, {
    put(key, body, options) {
      let isFresh = options?.isFresh ?? false;
      const put = () => {
        const once = inner.put(key, body, { ...options, isFresh });
        // A failed attempt may have stored it all the same.
        isFresh = false;
        return once;
      };
      return retry(put, options?.signal);
    },
    get: (key, get) => retry(() => inner.get(key, get), get?.signal),
    head: (key, signal) => retry(() => inner.head(key, signal), signal),
    remove: (key, signal) => retry(() => inner.remove(key, signal), signal),
    now: (options) => retry(() => inner.now(options)),
    removeLeftovers: (beforeMs) => retry(() => inner.removeLeftovers(beforeMs)),
    list: (kind, signal) => wholeList(inner, { kind, signal, options }),
  });
}

/** Runs an idempotent action, retrying it after temporary failures. */
export async function attempt<T>(
  action: () => Promise<T>,
  options: RetryOptions,
  signal?: AbortSignal,
): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof PlaceUnavailable) || tries === TRIES || options.signal?.aborted === true) throw error;
      const waitMs = waitBefore(tries, error, options.random);
      if (waitMs > LONGEST_WAIT_MS) throw error;
      options.onRetry?.(error, waitMs);
      await options.sleep(waitMs, eitherOf(signal, options.signal));
    }
  }
}

function eitherOf(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one === undefined || other === undefined ? one ?? other : AbortSignal.any([one, other]);
}

/** Half of it is chance. */
function waitBefore(tries: number, { retryAfterMs = 0 }: PlaceUnavailable, random: Random): number {
  const full = FIRST_WAIT_MS * 2 ** (tries - 1), share = random(1)[0]! / 256;
  return Math.max(retryAfterMs, full / 2 + full / 2 * share);
}

/** A list that breaks off is begun anew, and nobody sees the first one. */
async function* wholeList(
  inner: Backend,
  { kind, signal, options }: {
    readonly kind: ObjectKind;
    readonly signal: AbortSignal | undefined;
    readonly options: RetryOptions;
  },
): AsyncGenerator<ListedObject> {
  yield* await attempt(() => Array.fromAsync(inner.list(kind, signal)), options, signal);
}
