/**
 * The contents that a hunk refers to: what must not be removed while a snapshot lists that hunk. The list may have more
 * than these, never fewer. If a hunk can't be read completely, what it refers to is unknown, and that is a failure.
 *
 * A prune goes through every line of every snapshot, with all threads. It therefore scans bytes, and creates no object
 * but the id: strings of whole hunks took twice the time and 300 MB more.
 */
import { Buffer } from "node:buffer";
import { type HunkRef, hunkText } from "./hunk.ts";
import { DamagedManifest, isContentId, parseLine } from "./entry_line.ts";

/**
 * In JSON text these bytes can only be a name and the start of a value: inside a string the quotes would be escaped.
 */
const CONTENT = new TextEncoder().encode(`,"content":"`);
const QUOTE = 0x22, NEWLINE = 0x0a;

/**
 * @param bytes of the hunk, verified
 * @returns ids of contents, possibly with duplicates
 * @throws DamagedManifest
 */
export function contentsOf(bytes: Uint8Array<ArrayBuffer>, { id, count }: HunkRef): string[] {
  const text = hunkText(bytes);
  const contents: string[] = [];
  let lines = 0, found = findContent(text, 0);
  for (let start = 0; start < text.length; lines++) {
    const end = text.indexOf(NEWLINE, start);
    // Lines without a content are parsed too: another writer may have put it in other words.
    let isClear = found < end;
    while (found < end) {
      const from = found + CONTENT.length;
      const content = asciiOf(text, from, text.indexOf(QUOTE, from));
      if (isContentId(content)) contents.push(content);
      else isClear = false;
      found = findContent(text, from);
    }
    if (!isClear) collectParsed(text.subarray(start, end), contents);
    start = end + 1;
  }
  if (lines !== count) throw new DamagedManifest(`hunk ${id} has ${lines} entries instead of ${count}`);
  return contents;
}

function collectParsed(line: Uint8Array<ArrayBuffer>, contents: string[]): void {
  const { content } = parseLine(Buffer.from(line.buffer, line.byteOffset, line.length).toString("utf8"));
  if (content !== undefined) contents.push(content);
}

const LAST = CONTENT.length - 1;
/** How far to skip, by the byte where the last byte of the pattern was expected. */
const SKIPS = new Uint8Array(256).fill(CONTENT.length);
for (let i = 0; i < LAST; i++) SKIPS[CONTENT[i]!] = LAST - i;

/** Index of the pattern at `from` or later, by Horspool's algorithm; infinite if there is none. */
function findContent(text: Uint8Array, from: number): number {
  for (let at = from + LAST; at < text.length; at += SKIPS[text[at]!]!) {
    let i = LAST;
    while (i >= 0 && text[at - LAST + i] === CONTENT[i]) i--;
    if (i < 0) return at - LAST;
  }
  return Infinity;
}

/** Longest id in hex digits. A longer one is invalid. */
const LONGEST_ID = 66;

function asciiOf(text: Uint8Array, from: number, to: number): string {
  if (to < from || to > from + LONGEST_ID) return "";
  return Reflect.apply(String.fromCharCode, undefined, text.subarray(from, to));
}
