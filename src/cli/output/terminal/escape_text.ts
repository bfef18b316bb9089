/**
 * Makes any text, such as a file name, safe to print. Control characters (C0, DEL, C1), marks that change the direction
 * of text, line separators and bytes that are not UTF-8 become visible escapes; all else stays. For people only: a name
 * that really contains `\n` looks the same. `--json` is exact.
 */

// deno-lint-ignore no-control-regex -- these are what it is about
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;
const UNSAFE_IN_JSON = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e" };

/** The text as one line that can't disturb a terminal. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? escaped(character.charCodeAt(0)));
}

/** Several lines, whose line endings stay. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

function escaped(code: number): string {
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  // Bytes that are not UTF-8: core/raw.ts.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hex(code - 0xdc00, 2)}`;
  return `\\u${hex(code, 4)}`;
}

/** JSON that is safe for terminals: characters that a terminal would obey are escaped, without changing the value. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    UNSAFE_IN_JSON,
    (character) => `\\u${hex(character.charCodeAt(0), 4)}`,
  );
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
