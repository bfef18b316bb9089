/** The part of Markdown that help topics use, as blocks. */

export type Block =
  | { readonly kind: "heading"; readonly level: number; readonly text: string }
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "item"; readonly mark: string; readonly text: string }
  | { readonly kind: "code"; readonly language: string; readonly lines: readonly string[] }
  /** Rows without the line below the headings. */
  | { readonly kind: "table"; readonly rows: readonly (readonly string[])[] };

/** A piece of a paragraph, in one style. */
export interface Span {
  readonly text: string;
  readonly style: "plain" | "strong" | "code";
}

/** Parses Markdown. Never throws: unknown syntax is a paragraph. */
export function parseMarkdown(text: string): Block[] {
  const lines = text.split("\n"), blocks: Block[] = [];
  for (let at = 0; at < lines.length;) {
    const [block, next] = blockAt(lines, at);
    if (block !== undefined) blocks.push(block);
    at = next;
  }
  return blocks;
}

const HEADING = /^(#+) (.*)$/, FENCE = /^```(.*)$/, ITEM = /^(-|\d+\.) +(.*)$/, ROW = /^\|.*\|$/;

/** @returns the block that begins in this line, if any, and the index of the line after it */
function blockAt(lines: readonly string[], at: number): [Block | undefined, number] {
  const line = lines[at] ?? "";
  if (/^\s*$|^<!--.*-->$/.test(line)) return [undefined, at + 1];
  const [, marks, heading] = HEADING.exec(line) ?? [];
  if (marks !== undefined && heading !== undefined) {
    return [{ kind: "heading", level: marks.length, text: heading }, at + 1];
  }
  if (FENCE.test(line)) return codeAt(lines, at);
  if (ROW.test(line)) return tableAt(lines, at);
  const [, mark, first] = ITEM.exec(line) ?? [];
  const end = endOfText(lines, at + 1);
  const text = [first ?? line, ...lines.slice(at + 1, end)].map((part) => part.trim()).join(" ");
  return [mark === undefined ? { kind: "paragraph", text } : { kind: "item", mark, text }, end];
}

function codeAt(lines: readonly string[], at: number): [Block, number] {
  const end = lines.indexOf("```", at + 1), stop = end < 0 ? lines.length : end;
  const language = FENCE.exec(lines[at] ?? "")?.[1] ?? "";
  return [{ kind: "code", language, lines: lines.slice(at + 1, stop) }, stop + 1];
}

function tableAt(lines: readonly string[], at: number): [Block, number] {
  let end = at;
  while (ROW.test(lines[end] ?? "")) end++;
  const rows = lines.slice(at, end).filter((_, row) => row !== 1).map(cellsOf);
  return [{ kind: "table", rows }, end];
}

/** Cells of a row. A bar in a cell is escaped by a backslash. */
function cellsOf(line: string): string[] {
  return line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function endOfText(lines: readonly string[], from: number): number {
  const begins = (line: string) => [HEADING, FENCE, ITEM, ROW, /^\s*$|^<!--/].some((pattern) => pattern.test(line));
  let end = from;
  while (end < lines.length && !begins(lines[end] ?? "")) end++;
  return end;
}

const MARKED = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\([^)]*\)|\\([*_|`<>])/g;

/** Plain text, strong text and code. A link is reduced to its text. */
export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let end = 0;
  for (const match of text.matchAll(MARKED)) {
    const [all, code, strong, link, escaped] = match;
    if (match.index > end) spans.push({ text: text.slice(end, match.index), style: "plain" });
    if (code !== undefined) spans.push({ text: code, style: "code" });
    else if (link !== undefined) spans.push(...spansOf(link));
    else spans.push({ text: strong ?? escaped ?? "", style: strong === undefined ? "plain" : "strong" });
    end = match.index + all.length;
  }
  if (end < text.length) spans.push({ text: text.slice(end), style: "plain" });
  return spans;
}
