/** Wraps messages that are wider than the terminal. */
import { cellWidth } from "./cell_width.ts";
import type { Output } from "../../world.ts";

/** Narrowest width for wrapping: below it, each line would get a word. */
const FEWEST_COLUMNS = 30;
/** A word with the spaces before it. A command in backticks is one word: it can be copied as a whole. */
const WORD = / *(?:`[^`]*`|[^ ])+/g;

/** Position of a message: the width of what precedes it, and the indent of further lines, in cells. */
interface Hanging {
  readonly before: number;
  readonly indent: number;
}

/**
 * Wraps a message with a hanging indent, on a terminal; elsewhere it stays one line. A word wider than a line stays
 * whole.
 * @param text printable, without newlines
 * @returns lines, without a final newline
 */
export function wrapped(text: string, { before, indent }: Hanging, output: Output): string {
  if (!output.isTerminal) return text;
  const columns = Math.max(FEWEST_COLUMNS, output.columns());
  let lines = "", width = before;
  for (const [word] of text.matchAll(WORD)) {
    const wide = cellWidth(word);
    if (lines === "" || width + wide <= columns) {
      lines += word;
      width += wide;
    } else {
      const first = word.trimStart();
      lines += `\n${" ".repeat(indent)}${first}`;
      width = indent + cellWidth(first);
    }
  }
  return lines;
}
