/** HTML as a tagged template: every inserted value is escaped, unless it is {@link Html} itself. */

/** A piece of HTML. Only this file creates them. */
export class Html {
  readonly #text: string;

  /** @param text trusted HTML */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** Values that can be inserted; undefined and false insert nothing. */
export type Part = Html | string | number | undefined | false | readonly Part[];

/** HTML from a template. Attributes must be in double quotes. */
export function markup(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let all = texts[0] ?? "";
  for (const [i, part] of parts.entries()) all += textOfPart(part) + (texts[i + 1] ?? "");
  return new Html(all);
}

/** A text of one line whose parts between backticks are code. */
export function coded(text: string): Html {
  return markup`${text.split(/`([^`\n]+)`/).map((part, at) => at % 2 === 0 ? part : markup`<code>${part}</code>`)}`;
}

function textOfPart(part: Part): string {
  if (part instanceof Html) return part.toString();
  if (part === undefined || part === false) return "";
  if (typeof part === "string" || typeof part === "number") return escaped(visible(String(part)));
  return part.map(textOfPart).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

// deno-lint-ignore no-control-regex -- these would break a line, or turn the direction of the text
const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;

/** The text with invisible and misleading characters shown as escapes: names may contain anything. */
function visible(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    // A lone surrogate stands for one byte that is no UTF-8.
    const isByte = code >= 0xdc80 && code <= 0xdcff;
    return isByte ? `\\x${(code - 0xdc00).toString(16)}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
