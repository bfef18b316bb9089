/** Believes no place: whole objects that are read must hash to their names. */
import { hash } from "node:crypto";
import { type Backend, partsOf } from "./backend.ts";
import { around } from "./decorator.ts";
import { WrongBytes } from "./faults.ts";

const TRIES = 2;

/** @throws WrongBytes from `get` of a whole object; ranges are checked by whoever knows what is in them */
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
