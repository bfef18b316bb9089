/** What every decorator starts from. */
import type { Backend } from "./backend.ts";

/** Waits; ends early, with Interrupted, after an abort. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** All of `inner`, but for what is given. */
export function around(inner: Backend, overrides: Partial<Backend>): Backend {
  return {
    location: inner.location,
    // Asked each time: a place may find out late what it can't do.
    get can() {
      return inner.can;
    },
    put: (key, body, signal) => inner.put(key, body, signal),
    get: (key, options) => inner.get(key, options),
    head: (key, signal) => inner.head(key, signal),
    list: (kind, signal) => inner.list(kind, signal),
    remove: (key, signal) => inner.remove(key, signal),
    now: () => inner.now(),
    removeLeftovers: (beforeMs) => inner.removeLeftovers(beforeMs),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    ...overrides,
  };
}

/** The same backend, after its first step; if that fails, nothing of it is left. */
export async function begun(backend: Backend, begin: () => Promise<void>): Promise<Backend> {
  try {
    await begin();
    return backend;
  } catch (error) {
    await backend[Symbol.asyncDispose]();
    throw error;
  }
}
