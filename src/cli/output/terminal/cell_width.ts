/**
 * Width of a text in terminal cells. It is exact for letters, marks and wide characters of all scripts; joined emoji
 * count as their parts, so a line with them may be shorter than possible. (A library that knows them all takes 30 ms to
 * load, which would delay every command.)
 */
import { eastAsianWidth } from "get-east-asian-width";

// deno-lint-ignore no-control-regex -- what is printed has been made safe before
const ASCII = /^[\x00-\x7f]*$/;
/** Characters without a cell: marks and joiners, which combine with the one before, and invisible ones. */
const NO_CELL = /^[\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Format}\p{Default_Ignorable_Code_Point}]$/u;

export function cellWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let cells = 0;
  for (const character of text) {
    if (!NO_CELL.test(character)) cells += eastAsianWidth(character.codePointAt(0)!);
  }
  return cells;
}
