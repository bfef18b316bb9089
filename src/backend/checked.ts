/** Verifies what is read: the hash of a whole object must equal its name. */
import { hash } from "node:crypto";
import { type Backend, partsOf } from "./backend.ts";
import { around } from "./decorator.ts";
import { WrongBytes } from "./faults.ts";

const TRIES = 2;

/**
 * Wraps a backend.
 * @throws WrongBytes from `get` of a whole object; ranges are verified by whoever knows their contents
 */
export function checked(inner: Backend): Backend {
  return around(inner, {
    async get(key, options) {
      const parts = options?.range === undefined ? partsOf(key) : undefined;
      if (parts === undefined) return await inner.get(key, options);
      // What was changed on its way only is right the second time.
      for (let tries = 1;; tries++) {
        const bytes = await inner.get(key, options);
        if (hash("sha256", bytes, "hex") === parts.name) return bytes;
        if (tries === TRIES) throw new WrongBytes(key);
      }
    },
  });
}
