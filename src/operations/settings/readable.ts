/** Texts in files, judged by the functions that read the same text elsewhere. */
import { Fault } from "../../core/fault.ts";

/** @returns whether `parse` reads a text without a {@link Fault} */
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
