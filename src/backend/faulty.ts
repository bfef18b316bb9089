/** A backend that fails on demand, for tests that need a failure at every step. */
import type { Random } from "../core/clock.ts";
import type { Backend, ObjectKey, ObjectKind } from "./backend.ts";
import type { Verb } from "./counting.ts";
import { around } from "./decorator.ts";
import { PlaceUnavailable } from "./faults.ts";

/**
 * "before": the request fails and has no effect. "after": it takes effect, but the answer is lost. "flip": the bytes
 * read have one flipped bit, and no error is raised.
 */
export type Failure = "before" | "after" | "flip";

export interface Request {
  /** Index of the request among all requests of this backend, from 0. */
  readonly number: number;
  readonly verb: Verb;
  readonly target: ObjectKey | ObjectKind;
}

/** Wraps a backend. @param plan decides how a request fails; undefined: it doesn't */
export function faulty(inner: Backend, plan: (request: Request) => Failure | undefined): Backend {
  let number = 0;
  const run = async <T>(verb: Verb, target: ObjectKey | ObjectKind, action: () => Promise<T>): Promise<T> => {
    const failure = plan({ number: number++, verb, target });
    if (failure === "before") throw new PlaceUnavailable(`${verb} ${target}`, "the connection was refused");
    const result = await action();
    if (failure === "after") throw new PlaceUnavailable(`${verb} ${target}`, "the answer was lost");
    return failure === "flip" && result instanceof Uint8Array ? flipped(result) as T : result;
  };
  return around(inner, {
    put: (key, body, options) => run("put", key, () => inner.put(key, body, options)),
    get: (key, options) => run("get", key, () => inner.get(key, options)),
    head: (key, signal) => run("head", key, () => inner.head(key, signal)),
    remove: (key, signal) => run("remove", key, () => inner.remove(key, signal)),
    async *list(kind, signal) {
      yield* await run("list", kind, () => Array.fromAsync(inner.list(kind, signal)));
    },
  });
}

/** Makes requests fail at random. @param shares probability of each failure, 0 to 1 */
export function randomFailures(random: Random, shares: Partial<Record<Failure, number>>): () => Failure | undefined {
  return () => {
    const [a = 0, b = 0] = random(2);
    let left = (a * 256 + b) / 65_536;
    for (const failure of ["before", "after", "flip"] as const) {
      left -= shares[failure] ?? 0;
      if (left < 0) return failure;
    }
    return undefined;
  };
}

function flipped(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  const middle = changed.length >> 1;
  if (changed.length > 0) changed[middle]! ^= 1;
  return changed;
}
