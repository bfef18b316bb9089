/** Changing a text that people have written, without touching the rest of it. */
import { applyEdits, modify } from "jsonc-parser";

/**
 * The text of an object with some keys set, at the top; comments stay.
 * @param text of an object, without mistakes @param keys undefined takes one out
 */
export function withKeys(text: string, keys: Readonly<Record<string, unknown>>): string {
  const formattingOptions = { insertSpaces: true, tabSize: 2, eol: "\n" };
  return Object.entries(keys).reduce(
    (changed, [key, value]) => applyEdits(changed, modify(changed, [key], value, { formattingOptions })),
    text,
  );
}
