/** Ends requests once the whole run is to stop. */
import type { Backend } from "./backend.ts";
import { around } from "./decorator.ts";

export interface Stoppable {
  readonly backend: Backend;
  /** From now on, requests end by their own signals alone: whoever stores has to finish what was begun. */
  readonly release: () => void;
}

/** Wraps a backend, and until it is released gives `signal` to each request that has none of its own. */
export function stoppable(inner: Backend, signal: AbortSignal): Stoppable {
  let isReleased = false;
  const orStop = (own: AbortSignal | undefined) => own ?? (isReleased ? undefined : signal);
  const withStop = <T extends { readonly signal?: AbortSignal | undefined }>(options: T | undefined) => {
    const stop = orStop(options?.signal);
    return stop === undefined ? options : { ...options, signal: stop };
  };
  const backend = around(inner, {
    put: (key, body, options) => inner.put(key, body, withStop(options)),
    get: (key, options) => inner.get(key, withStop(options)),
    head: (key, own) => inner.head(key, orStop(own)),
    list: (kind, own) => inner.list(kind, orStop(own)),
    remove: (key, own) => inner.remove(key, orStop(own)),
  });
  return { backend, release: () => void (isReleased = true) };
}
