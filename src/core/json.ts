/**
 * Parses JSON within bounds. The text may come from anybody, and a value that parses in an instant can still take
 * minutes, or exhaust the stack, when it is traversed.
 */

/** Maximum nesting of objects and lists, many times more than any file of this tool needs. */
export const MOST_LEVELS = 100;

/**
 * The text is not JSON, or exceeds the bounds. The message continues a sentence after "it", because each reader makes a
 * Fault of its own from it.
 */
export class BadJson extends Error {
  override readonly name = "BadJson";
}

/** A value takes tens of bytes in memory, and two in a text; nothing sound has that many of so few bytes. */
const FEW_VALUES = 100_000, UNITS_PER_VALUE = 16;

const QUOTE = 0x22, STAR = 0x2a, COMMA = 0x2c, SLASH = 0x2f, BACKSLASH = 0x5c;
/** Either ends a line, for those who read comments. */
const LINE_ENDS: readonly number[] = [0x0a, 0x0d];
const LIST = 0x5b, LIST_END = 0x5d, OBJECT = 0x7b, OBJECT_END = 0x7d;

/** Parses JSON that nests at most {@link MOST_LEVELS} levels. @throws BadJson */
export function parseJson(text: string): unknown {
  const { tooDeepAt, values } = looked(text, false);
  if (tooDeepAt !== undefined) throw new BadJson(`it nests more than ${MOST_LEVELS} levels`);
  if (values > FEW_VALUES && values > text.length / UNITS_PER_VALUE) throw new BadJson(`it has ${values} values`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadJson(`it is not JSON (${(error as Error).message})`);
  }
}

/** The fields of an object; an empty object for any other value. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {};
}

/**
 * Finds the place where a text, JSON or intended as such, first exceeds {@link MOST_LEVELS} levels.
 * @param comments false: slashes have no meaning
 * @returns offset in UTF-16 units; undefined if there is no such place
 */
export function tooDeepAt(text: string, { comments = false } = {}): number | undefined {
  return looked(text, comments).tooDeepAt;
}

/** @returns values: how many there are, or about as many more as there are empty objects and lists */
function looked(text: string, comments: boolean): { readonly tooDeepAt: number | undefined; readonly values: number } {
  let depth = 0, values = 1;
  if (text.length <= MOST_LEVELS) return { tooDeepAt: undefined, values };
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COMMA) values++;
    else if (comments && code === SLASH) at = endOfComment(text, at);
    else if (code === LIST_END || code === OBJECT_END) depth--;
    else if (code === LIST || code === OBJECT) {
      values++;
      if (++depth > MOST_LEVELS) return { tooDeepAt: at, values };
    }
  }
  return { tooDeepAt: undefined, values };
}

/** Offset of the closing quote; of the end of the line, or of the text, if there is none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE || LINE_ENDS.includes(code)) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}

/** Offset of the last character of a comment that may begin at `start`. */
function endOfComment(text: string, start: number): number {
  const next = text.charCodeAt(start + 1);
  if (next !== SLASH && next !== STAR) return start;
  if (next === STAR) {
    const end = text.indexOf("*/", start + 2);
    return end < 0 ? text.length : end + 1;
  }
  let at = start;
  while (at < text.length && !LINE_ENDS.includes(text.charCodeAt(at))) at++;
  return at;
}
