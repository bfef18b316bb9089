/** Validates texts in files with the parsers that are used elsewhere. */
import { Fault } from "../../core/fault.ts";

/** @returns a function that is true for texts that `parse` accepts without a {@link Fault} */
export function readableBy(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch (error) {
      if (error instanceof Fault) return false;
      throw error;
    }
  };
}
