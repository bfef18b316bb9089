/**
 * The contents that a hunk refers to: what must not be removed while a snapshot lists that hunk. It may name more than
 * these, never fewer; what a hunk refers to that can't be read as a whole is unknown, and that is a failure.
 *
 * A prune goes through every line of every snapshot, with all threads. So a line is looked at as bytes, and nothing is
 * made for it but the id: strings of whole hunks took twice the time and 300 MB more.
 */
import { Buffer } from "node:buffer";
import { type HunkRef, hunkText } from "./hunk.ts";
import { DamagedManifest, isContentId, parseLine } from "./entry_line.ts";

/** In JSON text these bytes can only be a name and the start of a value: inside a text the quotes would be escaped. */
const CONTENT = new TextEncoder().encode(`,"content":"`);
const QUOTE = 0x22, NEWLINE = 0x0a;

/** @param bytes of the hunk, verified @returns ids of contents, perhaps with repetitions @throws DamagedManifest */
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
/** By the byte that stands where the last one should: how far the next place is at which the pattern may end. */
const SKIPS = new Uint8Array(256).fill(CONTENT.length);
for (let i = 0; i < LAST; i++) SKIPS[CONTENT[i]!] = LAST - i;

/** Where the pattern begins, at `from` or later (Horspool's way); infinite if nowhere. */
function findContent(text: Uint8Array, from: number): number {
  for (let at = from + LAST; at < text.length; at += SKIPS[text[at]!]!) {
    let i = LAST;
    while (i >= 0 && text[at - LAST + i] === CONTENT[i]) i--;
    if (i < 0) return at - LAST;
  }
  return Infinity;
}

/** Longest id in hex. What is longer is none. */
const LONGEST_ID = 66;

function asciiOf(text: Uint8Array, from: number, to: number): string {
  if (to < from || to > from + LONGEST_ID) return "";
  return Reflect.apply(String.fromCharCode, undefined, text.subarray(from, to));
}
