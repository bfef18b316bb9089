/** Believes no place: whole objects that are read must hash to their names. */
import { hash } from "node:crypto";
import { type Backend, partsOf } from "./backend.ts";
import { around } from "./decorator.ts";
import { WrongBytes } from "./faults.ts";

/** @throws WrongBytes from `get` of a whole object; ranges are checked by whoever knows what is in them */
export function checked(inner: Backend): Backend {
  return around(inner, {
    async get(key, options) {
      const bytes = await inner.get(key, options), parts = partsOf(key);
      if (options?.range === undefined && parts !== undefined && hash("sha256", bytes, "hex") !== parts.name) {
        throw new WrongBytes(key);
      }
      return bytes;
    },
  });
}
