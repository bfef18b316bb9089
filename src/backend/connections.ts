/** Limits the number of concurrent requests, because servers have limits too, and a rejected request costs time. */
import { Interrupted } from "../core/fault.ts";
import type { Backend } from "./backend.ts";
import { around } from "./decorator.ts";

/** Wraps a backend. @param most number of concurrent requests, at least 1 */
export function atMost(most: number, inner: Backend): Backend {
  const gate = new Gate(most);
  return around(inner, {
    put: (key, body, options) => gate.through(() => inner.put(key, body, options), options?.signal),
    get: (key, options) => gate.through(() => inner.get(key, options), options?.signal),
    head: (key, signal) => gate.through(() => inner.head(key, signal), signal),
    remove: (key, signal) => gate.through(() => inner.remove(key, signal), signal),
  });
}

/** Lets so many through at once. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async through<T>(action: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    await this.#enter(signal);
    try {
      return await action();
    } finally {
      // Whoever waits longest takes the place over.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) throw new Interrupted();
    if (this.#free > 0) return void this.#free--;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      const index = this.#waiting.indexOf(resolve);
      if (index < 0) return; // its turn has come already
      this.#waiting.splice(index, 1);
      reject(new Interrupted());
    };
    this.#waiting.push(resolve);
    signal?.addEventListener("abort", leave);
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }
}
