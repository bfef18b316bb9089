/** A help topic as text for a terminal or a pipe. */
import { cellWidth } from "../output/terminal/cell_width.ts";
import type { Paint } from "../output/terminal/colors.ts";
import { type Block, parseMarkdown, type Span, spansOf } from "./markdown.ts";

const COLUMNS = 80;

/** A word with the spans it consists of. */
type Word = readonly Span[];

/**
 * Renders a topic. @param text Markdown @param paint styles headings and code; if it styles nothing, code keeps its
 * backticks
 */
export function pageText(text: string, paint: Paint): string {
  const page: string[] = [];
  let before: Block | undefined;
  for (const block of parseMarkdown(text)) {
    const isTight = block.kind === "item" && before?.kind === "item";
    if (page.length > 0 && !isTight) page.push("");
    page.push(...linesOf(block, paint));
    before = block;
  }
  return `${page.join("\n")}\n`;
}

function linesOf(block: Block, paint: Paint): readonly string[] {
  switch (block.kind) {
    case "heading":
      return [paint(plainText(block.text), "heading")];
    case "paragraph":
      return wrapped(block.text, COLUMNS, paint).map(({ painted }) => painted);
    case "item": {
      const indent = " ".repeat(block.mark.length + 3);
      const mark = `  ${block.mark} `;
      return wrapped(block.text, COLUMNS - indent.length, paint).map(({ painted }, i) =>
        (i > 0 ? indent : mark) + painted
      );
    }
    case "code":
      return block.lines.map((line) => line === "" ? "" : `  ${line}`);
    case "table":
      return tableLines(block.rows, paint);
  }
}

/** The text without markup. */
export function plainText(text: string): string {
  return spansOf(text).map((span) => span.text).join("");
}

interface Line {
  readonly painted: string;
  /** Width in terminal cells. */
  readonly width: number;
}

function wrapped(text: string, columns: number, paint: Paint): Line[] {
  const lines: Line[] = [];
  let painted = "", width = 0;
  for (const word of wordsOf(text, paint("x", "heading") === "x")) {
    const wide = word.reduce((sum, span) => sum + cellWidth(span.text), 0);
    if (width > 0 && width + 1 + wide > columns) {
      lines.push({ painted, width });
      painted = "", width = 0;
    }
    painted += (width > 0 ? " " : "") + word.map((span) => paintedSpan(span, paint)).join("");
    width += (width > 0 ? 1 : 0) + wide;
  }
  return [...lines, { painted, width }];
}

function paintedSpan({ text, style }: Span, paint: Paint): string {
  return style === "plain" ? text : paint(text, style === "code" ? "code" : "heading");
}

/** @param quotes true to put code in backticks, because it has no style */
function wordsOf(text: string, quotes: boolean): Word[] {
  const words: Span[][] = [[]];
  for (const span of spansOf(text)) {
    const isQuoted = quotes && span.style === "code";
    const parts = (isQuoted ? `\`${span.text}\`` : span.text).split(/ +/);
    parts.forEach((part, i) => {
      if (i > 0) words.push([]);
      if (part !== "") words.at(-1)?.push({ text: part, style: span.style });
    });
  }
  return words.filter((word) => word.length > 0);
}

const GAP = 2, INDENT = "  ";

/** Lines of a table. Columns are as wide as needed; if that is too much, the widest are wrapped. */
function tableLines(rows: readonly (readonly string[])[], paint: Paint): string[] {
  const widths = columnWidths(rows, paint), lines: string[] = [];
  rows.forEach((row, index) => {
    const isHead = index === 0;
    if (isHead && row.every((cell) => cell === "")) return;
    const cells = widths.map((width, i) => wrapped(isHead ? `**${row[i] ?? ""}**` : row[i] ?? "", width, paint));
    const height = Math.max(...cells.map((cell) => cell.length));
    for (let line = 0; line < height; line++) lines.push(lineOf(cells.map((cell) => cell[line]), widths));
  });
  return lines;
}

function lineOf(cells: readonly (Line | undefined)[], widths: readonly number[]): string {
  const parts = cells.map((cell, i) =>
    (cell?.painted ?? "") + " ".repeat(Math.max(0, (widths[i] ?? 0) - (cell?.width ?? 0)))
  );
  return (INDENT + parts.join(" ".repeat(GAP))).trimEnd();
}

function columnWidths(rows: readonly (readonly string[])[], paint: Paint): number[] {
  const count = Math.max(...rows.map((row) => row.length));
  const columns = Array.from({ length: count }, (_, i) => rows.map((row) => row[i] ?? ""));
  const needed = columns.map((cells) =>
    Math.max(...cells.map((cell) => wrapped(cell, Infinity, paint)[0]?.width ?? 0))
  );
  const longest = columns.map((cells) => Math.max(...cells.map((cell) => longestWord(cell, paint))));
  const room = COLUMNS - INDENT.length - GAP * (count - 1);
  const widths = [...needed];
  while (sum(widths) > room) {
    const shrinkable = widths.map((width, i) => width > (longest[i] ?? 0) ? width : 0);
    const widest = shrinkable.indexOf(Math.max(...shrinkable));
    if ((shrinkable[widest] ?? 0) === 0) break; // it is wider than a terminal, whatever is done
    widths[widest] = (widths[widest] ?? 1) - 1;
  }
  return widths;
}

function longestWord(text: string, paint: Paint): number {
  return Math.max(1, ...wrapped(text, 1, paint).map(({ width }) => width));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
