/** Formats tables. */
import { cellWidth } from "./cell_width.ts";
import { printable } from "./escape_text.ts";

export interface Column {
  readonly title: string;
  /** True for numbers, which are aligned to the right. */
  readonly right?: boolean;
  /** Only for the last column: it is never truncated on a terminal, but continues on further lines. */
  readonly whole?: boolean;
}

/** Lines of a table, two spaces between columns, nothing at the end of a line. Cells are made printable. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const table = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, i) => Math.max(...table.map((row) => cellWidth(row[i] ?? ""))));
  return table.map((row) =>
    columns.map(({ right }, i) => padded(row[i] ?? "", widths[i] ?? 0, right ?? false)).join("  ").trimEnd()
  );
}

/** The text truncated to this many cells; "…" marks that. */
export function cutOff(text: string, cells: number): string {
  if (cellWidth(text) <= cells) return text;
  let kept = "", width = 1;
  for (const character of text) {
    width += cellWidth(character);
    if (width > cells) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

/** The text padded with spaces to a width in cells. */
export function padded(text: string, width: number, right = false): string {
  const fill = " ".repeat(Math.max(0, width - cellWidth(text)));
  return right ? fill + text : text + fill;
}
