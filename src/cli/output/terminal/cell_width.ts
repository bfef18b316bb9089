/**
 * How many cells of a terminal a text takes. Exact for letters, marks and wide characters of all scripts; joined emoji
 * count as their parts, so that a line with them may come out shorter than it could. (A library that knows them all
 * takes 30 ms to load, which every command would wait for.)
 */
import { eastAsianWidth } from "get-east-asian-width";

// deno-lint-ignore no-control-regex -- what is printed has been made safe before
const ASCII = /^[\x00-\x7f]*$/;
/** Marks and joiners, which stand on the character before them, and what is never shown. */
const NO_CELL = /^[\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Format}\p{Default_Ignorable_Code_Point}]$/u;

export function cellWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let cells = 0;
  for (const character of text) {
    if (!NO_CELL.test(character)) cells += eastAsianWidth(character.codePointAt(0)!);
  }
  return cells;
}
