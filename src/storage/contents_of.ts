/**
 * The contents that a hunk refers to: what must not be removed while a snapshot lists that hunk. It may name more than
 * these, never fewer; what a hunk refers to that can't be read as a whole is unknown, and that is a failure.
 */
import { Buffer } from "node:buffer";
import { type HunkRef, hunkText } from "./hunk.ts";
import { DamagedManifest, parseLine } from "./line.ts";

/** In JSON text these bytes can only be a name and the start of a value: inside a text the quotes would be escaped. */
const CONTENT = Buffer.from(`,"content":"`);
const QUOTE = 0x22, NEWLINE = 0x0a;
const ID = /^(?:[0-9a-f]{2}){4,33}$/;

/** @param bytes of the hunk, verified @returns ids of contents, perhaps with repetitions @throws DamagedManifest */
export function contentsOf(bytes: Uint8Array<ArrayBuffer>, { id, count }: HunkRef): string[] {
  const { buffer, byteOffset, length } = hunkText(bytes);
  const text = Buffer.from(buffer, byteOffset, length);
  const contents: string[] = [];
  let lines = 0, found = text.indexOf(CONTENT);
  for (let start = 0; start < length; lines++) {
    const end = text.indexOf(NEWLINE, start);
    // Lines without a content are parsed too: another writer may have put it in other words.
    let isClear = found >= 0 && found < end;
    while (found >= 0 && found < end) {
      const from = found + CONTENT.length, to = text.indexOf(QUOTE, from);
      const content = text.toString("latin1", from, to);
      if (ID.test(content)) contents.push(content);
      else isClear = false;
      found = text.indexOf(CONTENT, from);
    }
    if (!isClear) {
      const { content } = parseLine(text.toString("utf8", start, end));
      if (content !== undefined) contents.push(content);
    }
    start = end + 1;
  }
  if (lines !== count) throw new DamagedManifest(`hunk ${id} has ${lines} entries instead of ${count}`);
  return contents;
}
