/** Edits a text that people have written, without touching the rest of it. */
import { applyEdits, modify } from "jsonc-parser";

/**
 * Sets some top-level keys in the text of an object; comments stay.
 * @param text valid JSONC
 * @param keys undefined removes a key
 */
export function withKeys(text: string, keys: Readonly<Record<string, unknown>>): string {
  const formattingOptions = { insertSpaces: true, tabSize: 2, eol: "\n" };
  return Object.entries(keys).reduce(
    (changed, [key, value]) => applyEdits(changed, modify(changed, [key], value, { formattingOptions })),
    text,
  );
}
