/** The base of all decorators of backends. */
import type { Backend } from "./backend.ts";

/** Waits for `ms` milliseconds; an abort ends the wait with Interrupted. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Forwards everything to `inner`, except for what `overrides` replaces. */
export function around(inner: Backend, overrides: Partial<Backend>): Backend {
  return {
    location: inner.location,
    // Asked each time: a place may find out late what it can't do.
    get can() {
      return inner.can;
    },
    put: (key, body, options) => inner.put(key, body, options),
    get: (key, options) => inner.get(key, options),
    head: (key, signal) => inner.head(key, signal),
    list: (kind, signal) => inner.list(kind, signal),
    remove: (key, signal) => inner.remove(key, signal),
    now: (options) => inner.now(options),
    stage: () => inner.stage?.(),
    removeLeftovers: (beforeMs) => inner.removeLeftovers(beforeMs),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    ...overrides,
  };
}

/** Returns the backend after `begin` has succeeded; if that fails, the backend is closed. */
export async function begun(backend: Backend, begin: () => Promise<void>): Promise<Backend> {
  try {
    await begin();
    return backend;
  } catch (error) {
    await backend[Symbol.asyncDispose]();
    throw error;
  }
}
