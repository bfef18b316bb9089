/** Messages that are wider than the terminal. */
import { cellWidth } from "./cell_width.ts";
import type { Output } from "../../world.ts";

/** On a terminal that is narrower than this, wrapping would leave a word a line. */
const FEWEST_COLUMNS = 30;
/** A word with the spaces before it. A command in backticks is one word: it can be copied as a whole. */
const WORD = / *(?:`[^`]*`|[^ ])+/g;

/** Where a message stands: what precedes it on its first line, and by how much the others are indented, in cells. */
interface Hanging {
  readonly before: number;
  readonly indent: number;
}

/**
 * The text of a message, wrapped at the width of a terminal with a hanging indent; elsewhere one line, as it is. A word
 * that is wider than a line stays whole.
 * @param text printable, without newlines @returns lines, without a newline at the end
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
