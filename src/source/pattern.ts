/**
 * One line of a .gitignore file, and the regular expression for it.
 *
 * Written after git's own matcher (dir.c and wildmatch.c), because libraries differ from it where a backup would
 * notice: `a/**` matches what is in `a` but not `a` itself, `[!a]` and `[[:alpha:]]` are classes, braces and
 * parentheses are ordinary characters. One difference is intended: `?` and `[...]` match one character here, and one
 * byte of it in git.
 */
import { Fault } from "../core/fault.ts";

export class BadPattern extends Fault {
  readonly code = "bad-pattern";
  readonly hint = "Patterns are written as in a .gitignore file; a backslash makes the next character an ordinary one";
  constructor(pattern: string, why: string) {
    super(`Cannot use the pattern ${JSON.stringify(pattern)}: ${why}`);
  }
}

/** The part of a path that a pattern is compared with: the last component, the end of the path, or all of it. */
export type Subject = "name" | "ending" | "path";

export interface Pattern {
  /** The pattern as it was written. */
  readonly line: string;
  /** True if matching paths are included after all. */
  readonly negated: boolean;
  readonly directoriesOnly: boolean;
  readonly subject: Subject;
  /**
   * Source of a regular expression (flag u) that matches the whole subject; it expects paths without their first slash.
   */
  readonly source: string;
  /**
   * Source of a text that every matching subject contains. Equals `source` if that is plain text; "" if there is none,
   * or if looking at the beginning is as cheap.
   */
  readonly needle: string;
}

/** Longest pattern in characters: a name has at most 255, and a path that can be written in one piece 4095 bytes. */
const LONGEST = 4096;
const GLOB_CHARACTERS = /[*?[\\]/;

/** Parses a line. @returns undefined for an empty line or a comment @throws BadPattern */
export function parsePattern(line: string): Pattern | undefined {
  if (line.startsWith("#")) return undefined;
  const trimmed = withoutTrailingSpaces(line);
  if (trimmed === "") return undefined;
  const negated = trimmed.startsWith("!");
  const directoriesOnly = trimmed.endsWith("/");
  const glob = trimmed.slice(negated ? 1 : 0, directoriesOnly ? -1 : undefined);
  if (glob === "" || glob === "/") throw new BadPattern(line, "it names nothing");
  if (glob.length > LONGEST) throw new BadPattern(`${line.slice(0, 40)}...`, `it is longer than ${LONGEST} characters`);
  if (glob.includes("\0")) throw new BadPattern(line, "no name holds a NUL character");
  return { line, negated, directoriesOnly, ...meaningOf(glob, line) };
}

/** Removes spaces at the end, except those after a backslash. */
function withoutTrailingSpaces(line: string): string {
  let end = 0;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === " ") continue;
    if (line[i] === "\\") i++;
    end = i + 1;
  }
  return line.slice(0, end);
}

function meaningOf(glob: string, line: string): Pick<Pattern, "subject" | "source" | "needle"> {
  const subject = glob.includes("/") ? "path" : "name";
  const path = glob.replace(/^\//, "");
  const special = path.search(GLOB_CHARACTERS);
  if (special < 0) return plain(subject, path);
  const ending = endingOf(path, subject);
  if (ending !== undefined && ending !== "" && !GLOB_CHARACTERS.test(ending)) return plain("ending", ending);
  // Git compares the plain beginning first, so that `**` right after it counts as the start of a pattern.
  const beginning = path.slice(0, special), tokens = tokensOf(path.slice(special), line);
  const isSlow = subject === "path" || special === 0 && tokens[0]?.kind !== "one";
  const needle = isSlow ? longestText(beginning, tokens) : "";
  return { subject, source: literal(beginning) + sourceOf(tokens), needle: literal(needle) };
}

function plain(subject: Subject, text: string): Pick<Pattern, "subject" | "source" | "needle"> {
  return { subject, source: literal(text), needle: literal(text) };
}

/** The ending of everything that the pattern matches, if it says nothing else. */
function endingOf(path: string, subject: Subject): string | undefined {
  if (subject === "name") return path.startsWith("*") ? path.slice(1) : undefined;
  return path.startsWith("**/") ? path.slice(2) : undefined;
}

/** A part of a glob: part of a name, any number of directories, anything at all, or one character. */
type Token =
  | { readonly kind: "star" }
  | { readonly kind: "directories" }
  | { readonly kind: "anything" }
  | { readonly kind: "slash" }
  | { readonly kind: "one"; readonly source: string; readonly text: string | undefined };

function tokensOf(glob: string, line: string): Token[] {
  const characters = [...glob];
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length;) {
    const { token, next } = tokenAt(characters, at, line);
    tokens.push(token);
    at = next;
  }
  return tokens;
}

function tokenAt(characters: readonly string[], at: number, line: string): { token: Token; next: number } {
  const character = characters[at] ?? "";
  if (character === "*") return starsAt(characters, at);
  if (character === "[") return classAt(characters, at, line);
  if (character === "?") return { token: { kind: "one", source: "[^/]", text: undefined }, next: at + 1 };
  const escaped = character === "\\";
  const plain = escaped ? characters[at + 1] : character;
  if (plain === undefined) throw new BadPattern(line, "nothing follows the backslash at its end");
  const token: Token = plain === "/" ? { kind: "slash" } : { kind: "one", source: literal(plain), text: plain };
  return { token, next: at + (escaped ? 2 : 1) };
}

/** Reads stars. `**` means directories only as a whole component; elsewhere it equals one star. */
function starsAt(characters: readonly string[], at: number): { token: Token; next: number } {
  let next = at;
  while (characters[next] === "*") next++;
  const follows = characters.slice(next, next + 2).join("");
  const isStart = at === 0 || characters[at - 1] === "/";
  if (next - at < 2 || !isStart) return { token: { kind: "star" }, next };
  if (follows.startsWith("/")) return { token: { kind: "directories" }, next: next + 1 };
  return { token: { kind: follows === "" || follows === "\\/" ? "anything" : "star" }, next };
}

/** The POSIX classes as ranges of code points; git knows them only for ASCII. */
const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  blank: " \\t",
  cntrl: "\\0-\\x1f\\x7f",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`\\{-~",
  space: " \\t\\n\\r",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
};

/** Reads `[...]`. A leading `]` is a member, and so is any character after a backslash. */
function classAt(characters: readonly string[], start: number, line: string): { token: Token; next: number } {
  const negated = characters[start + 1] === "!" || characters[start + 1] === "^";
  const first = start + (negated ? 2 : 1);
  let members = "", at = first;
  /** The previous member, where a range may begin; undefined at the start and after a range. */
  let previous: string | undefined;
  while (at === first || characters[at] !== "]") {
    const start = characters[at] === "-" && characters[at + 1] !== "]" ? previous : undefined;
    const isRange = start !== undefined;
    const found = posixClassAt(characters, at, line) ?? memberAt(characters, isRange ? at + 1 : at, line);
    if ("members" in found) members += found.members;
    else members += start !== undefined ? rangeOf(start, found.member) : literal(found.member);
    previous = "members" in found || isRange ? undefined : found.member;
    at = found.next;
  }
  const source = `(?!/)[${negated ? "^" : ""}${members}]`;
  return { token: { kind: "one", source, text: undefined }, next: at + 1 };
}

function memberAt(characters: readonly string[], at: number, line: string): { member: string; next: number } {
  const escaped = characters[at] === "\\";
  const member = characters[escaped ? at + 1 : at];
  if (member === undefined) throw new BadPattern(line, "a [ has no ] (write \\[ for the character itself)");
  return { member, next: at + (escaped ? 2 : 1) };
}

function posixClassAt(
  characters: readonly string[],
  at: number,
  line: string,
): { members: string; next: number } | undefined {
  if (characters[at] !== "[" || characters[at + 1] !== ":") return undefined;
  const end = characters.indexOf("]", at + 2);
  if (end < at + 3 || characters[end - 1] !== ":") return undefined;
  const name = characters.slice(at + 2, end - 1).join("");
  const members = POSIX_CLASSES[name];
  if (members === undefined) throw new BadPattern(line, `there is no class [:${name}:]`);
  return { members, next: end + 1 };
}

/** Source of a range; empty if its ends are in the wrong order. */
function rangeOf(first: string, last: string): string {
  return (first.codePointAt(0) ?? 0) <= (last.codePointAt(0) ?? 0) ? `${literal(first)}-${literal(last)}` : "";
}

/**
 * Writes every character except letters, digits and slashes as its code point, which is right inside and outside of
 * classes.
 */
function literal(text: string): string {
  return text.replace(/[^/0-9A-Za-z]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * Source of the regular expression. A star that another star follows ends at the first place where the part between
 * them matches: any later place would do no better. Saying so in the expression keeps the engine from trying all
 * combinations, which takes forever with a pattern like `*a*a*a*a*a*a`.
 */
function sourceOf(tokens: readonly Token[]): string {
  let source = "";
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (token.kind === "one") source += token.source;
    else if (token.kind === "slash") source += "/";
    else if (token.kind === "anything") source += "[^]*";
    else {
      const step = token.kind === "star" ? "[^/]" : "[^/]*/";
      const between = untilNextOfKind(tokens.slice(at + 1), token.kind);
      if (between === undefined) source += `(?:${step})*`;
      else {
        const chunk = sourceOf(between);
        source += chunk === "" ? "" : `(?:(?!${chunk})${step})*${chunk}`;
        at += between.length;
      }
    }
  }
  return source;
}

/** The tokens before the next star of the same component, or before the next `**`; undefined if there is none. */
function untilNextOfKind(tokens: readonly Token[], kind: "star" | "directories"): readonly Token[] | undefined {
  const end = tokens.findIndex((token) => token.kind === kind || (kind === "star" && token.kind !== "one"));
  return tokens[end]?.kind === kind ? tokens.slice(0, end) : undefined;
}

/**
 * The most selective part of the text: the longest, and the last of several, because paths differ more at their ends.
 * For the same reason the beginning counts half.
 */
function longestText(beginning: string, tokens: readonly Token[]): string {
  let best = beginning, bestWeight = beginning.length / 2;
  for (const text of textsOf(tokens)) {
    if (text.length >= bestWeight) [best, bestWeight] = [text, text.length];
  }
  return best;
}

/** The fixed texts between the variable parts. */
function textsOf(tokens: readonly Token[]): string[] {
  const texts = [""];
  for (const token of tokens) {
    const text = token.kind === "slash" ? "/" : token.kind === "one" ? token.text : undefined;
    if (text === undefined) texts.push("");
    else texts.push(`${texts.pop() ?? ""}${text}`);
  }
  return texts;
}
