/**
 * Files that people write: JSON with comments and trailing commas, checked against a schema. All errors are reported at
 * once, each with line and column, and with the key that was probably meant by a misspelt one.
 */
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import type { ZodType } from "zod";
import { MOST_LEVELS, tooDeepAt } from "./json.ts";
import { didYouMean } from "./similar.ts";

/** One error in a text. Lines and columns count from 1, columns in UTF-16 units, as in editors. */
export interface Complaint {
  readonly line: number;
  readonly column: number;
  /** One sentence without a final period. */
  readonly message: string;
  /** A suggestion, as a sentence. */
  readonly hint?: string;
}

export type Reading<T> =
  | { readonly value: T; readonly complaints?: never; readonly isJson?: never }
  /** `isJson` is false if the text is not JSON at all; it may still be incomplete. */
  | { readonly value?: never; readonly complaints: readonly Complaint[]; readonly isJson: boolean };

/** More of them help nobody, and each costs a look through the text. */
const MOST_COMPLAINTS = 20;

/** An error in a value that matches its schema, and its position. */
export interface Objection {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * Parses a text as `schema` describes it. A key `$schema` at the top, which editors want, is ignored.
 * @param judge checks what a schema can't express; called with values that match it
 */
export function readJsonc<T>(
  text: string,
  schema: ZodType<T>,
  judge: (value: T) => Objection | undefined = () => undefined,
): Reading<T> {
  const errors: ParseError[] = [];
  const clean = text.replace(/^\ufeff/, "");
  const unreadable = encodingComplaint(clean) ?? depthComplaint(clean);
  if (unreadable !== undefined) return { complaints: [unreadable], isJson: false };
  const tree = parseTree(clean, errors, { allowTrailingComma: true });
  const [error] = errors; // the others follow from the first
  if (error !== undefined) return { complaints: [syntaxComplaint(clean, error)], isJson: false };
  if (tree === undefined) {
    return { complaints: [{ line: 1, column: 1, message: "The file is empty" }], isJson: false };
  }
  const repeated = [...firstOf(repeatedKeys(tree))].map((node) => ({
    ...placeOf(clean, node.offset),
    message: `The key ${shortened(clean.slice(node.offset, node.offset + node.length))} is there twice`,
  }));
  const result = schema.safeParse(withoutSchema(getNodeValue(tree)), { error: knownKeys });
  if (result.success) {
    const objection = repeated.length > 0 ? undefined : judge(result.data);
    if (objection !== undefined) {
      const { offset } = nodeAt(tree, objection.path) ?? tree;
      return { complaints: [{ ...placeOf(clean, offset), message: objection.message }], isJson: true };
    }
    return repeated.length > 0 ? { complaints: repeated, isJson: true } : { value: result.data };
  }
  const issues = withoutConsequences(result.error.issues.slice(0, 10 * MOST_COMPLAINTS));
  const complaints = [...firstOf(issues)].flatMap((issue) => complaintsOf(issue, { text: clean, tree }));
  const inOrder = [...repeated, ...complaints].toSorted((a, b) => a.line - b.line || a.column - b.column);
  return { complaints: inOrder.slice(0, MOST_COMPLAINTS), isJson: true };
}

/** Parses a text as far as it makes sense; undefined if it can't be parsed, or nests too deeply. */
export function parseJsonc(text: string): unknown {
  if (tooDeepAt(text, { comments: true }) !== undefined) return undefined;
  const tree = parseTree(text.replace(/^\ufeff/, ""), [], { allowTrailingComma: true });
  return tree && getNodeValue(tree);
}

function* firstOf<T>(items: Iterable<T>): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (++count > MOST_COMPLAINTS) return;
    yield item;
  }
}

/** The default encoding of Windows' shells and Notepad. */
function encodingComplaint(text: string): Complaint | undefined {
  const isUtf16 = /^(?:\udcff\udcfe|\udcfe\udcff|\0[^\0]|[^\0]\0)/.test(text);
  return isUtf16 ? { line: 1, column: 1, message: "The file is UTF-16; save it as UTF-8" } : undefined;
}

function depthComplaint(text: string): Complaint | undefined {
  const at = tooDeepAt(text, { comments: true });
  if (at === undefined) return undefined;
  return { ...placeOf(text, at), message: `More than ${MOST_LEVELS} lists and objects in each other` };
}

/** Rules for a whole object mean nothing while parts of it are wrong. */
function withoutConsequences(issues: readonly Issue[]): readonly Issue[] {
  const isInside = (inner: Issue, outer: Issue) => outer.path.every((part, i) => inner.path[i] === part);
  return issues.filter((issue) =>
    issue.code !== "custom" || !issues.some((other) => other.code !== "custom" && isInside(other, issue))
  );
}

/** Formats an error: "3:14: Unknown key \"exlude\". Did you mean \"exclude\"?" */
export function complaintText({ line, column, message, hint }: Complaint): string {
  return `${line}:${column}: ${message}${hint === undefined ? "" : `. ${hint}`}`;
}

interface Source {
  readonly text: string;
  readonly tree: Node;
}

/** The fields of zod's issues that are looked at here. */
interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly expected?: string;
  readonly keys?: readonly string[];
  readonly values?: readonly unknown[];
  readonly errors?: readonly (readonly Issue[])[];
  readonly issues?: readonly Issue[];
  /** Values of a key that selects between forms. */
  readonly options?: readonly unknown[];
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  readonly origin?: string;
}

/** Only while an issue is made is it known which keys there are: they travel in its message. */
function knownKeys(issue: { readonly code?: string; readonly inst?: unknown }): string | undefined {
  if (issue.code !== "unrecognized_keys") return undefined;
  const { inst } = issue as { inst?: { _zod?: { def?: { shape?: Record<string, unknown> } } } };
  return Object.keys(inst?._zod?.def?.shape ?? {}).join("\n");
}

function complaintsOf(issue: Issue, source: Source, above: readonly PropertyKey[] = []): Complaint[] {
  const path = [...above, ...issue.path];
  const node = nodeAt(source.tree, path);
  if (issue.code === "unrecognized_keys") {
    const known = issue.message.split("\n");
    return [...firstOf(issue.keys ?? [])].map((key) => unknownKey(key, known, node, source.text));
  }
  if (issue.code === "invalid_union") {
    const alternative = nearestAlternative(issue.errors ?? []);
    if (alternative !== undefined) return alternative.flatMap((inner) => complaintsOf(inner, source, path));
  }
  if (issue.code === "invalid_key") {
    const message = shortened(issue.issues?.[0]?.message ?? issue.message, LONGEST_MESSAGE);
    return [{ ...placeOf(source.text, node?.parent?.offset ?? 0), message }];
  }
  const offset = (node ?? nodeAt(source.tree, path.slice(0, -1)) ?? source.tree).offset;
  return [{ ...placeOf(source.text, offset), ...wordsFor(issue, path, node, source.text) }];
}

function unknownKey(key: string, known: readonly string[], object: Node | undefined, text: string): Complaint {
  const property = object?.children?.find((child) => child.children?.[0]?.value === key);
  const hint = didYouMean(key, known) ?? `Possible here: ${known.join(", ")}`;
  return { ...placeOf(text, property?.offset ?? 0), message: `Unknown key ${shortened(JSON.stringify(key))}`, hint };
}

/** Of several possible forms the one that was meant: others don't even begin like it, or don't know its keys. */
function nearestAlternative(forms: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const begun = forms.filter((issues) =>
    !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0)
  );
  const strangers = (issues: readonly Issue[]) => {
    return issues.reduce((sum, { code, path, keys = [] }) => {
      return code === "unrecognized_keys" && path.length === 0 ? sum + keys.length : sum;
    }, 0);
  };
  const [first, second] = begun.toSorted((a, b) => strangers(a) - strangers(b));
  const isClear = first !== undefined && (second === undefined || strangers(first) < strangers(second));
  return isClear ? first : undefined;
}

function wordsFor(
  issue: Issue,
  path: readonly PropertyKey[],
  node: Node | undefined,
  text: string,
): Omit<Complaint, "line" | "column"> {
  if (node === undefined) {
    const possible = issue.options === undefined ? {} : { hint: `Possible here: ${issue.options.join(", ")}` };
    return { message: `The key ${JSON.stringify(String(path.at(-1)))} is missing`, ...possible };
  }
  const found = foundText(node, text);
  switch (issue.code) {
    case "invalid_type":
      return { message: `Expected ${NAMES[issue.expected ?? ""] ?? issue.expected}, found ${found}` };
    case "invalid_union": {
      if (issue.options !== undefined) return oneOf(issue.options, node, found);
      const expected = new Set((issue.errors ?? []).map(([first]) => NAMES[first?.expected ?? ""] ?? "something else"));
      return { message: `Expected ${[...expected].join(" or ")}, found ${found}` };
    }
    case "invalid_value":
      return oneOf(issue.values ?? [], node, found);
    case "too_small":
      return { message: `Expected ${amountText(issue, "at least", issue.minimum)}, found ${found}` };
    case "too_big":
      return { message: `Expected ${amountText(issue, "at most", issue.maximum)}, found ${found}` };
    default:
      // Whoever checked it may have quoted all of it.
      return { message: shortened(issue.message, LONGEST_MESSAGE) };
  }
}

function oneOf(values: readonly unknown[], node: Node, found: string): Omit<Complaint, "line" | "column"> {
  const hint = typeof node.value === "string" ? didYouMean(node.value, values.map(String)) : undefined;
  const names = values.map((value) => JSON.stringify(value));
  const expected = names.length > 3 ? `one of ${names.join(", ")}` : names.join(" or ");
  return { message: `Expected ${expected}, found ${found}`, ...(hint !== undefined && { hint }) };
}

function amountText({ origin = "" }: Issue, bound: string, limit: number | bigint | undefined): string {
  const unit = origin === "string" ? " character" : origin === "array" ? " element" : "";
  return `${bound} ${limit}${unit}${unit === "" || Number(limit) === 1 ? "" : "s"}`;
}

const NAMES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
};

const LONGEST_SHOWN = 40, LONGEST_MESSAGE = 300;

function foundText(node: Node, text: string): string {
  if (node.type === "object") return "an object";
  if (node.type === "array") return node.children?.length ? "a list" : "an empty list";
  // As it stands there: 1e400 has no other form.
  if (node.type === "number") return shortened(text.slice(node.offset, node.offset + node.length));
  return shortened(JSON.stringify(node.value));
}

function shortened(text: string, most = LONGEST_SHOWN): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

function nodeAt(tree: Node, path: readonly PropertyKey[]): Node | undefined {
  return findNodeAtLocation(tree, path.map((part) => typeof part === "number" ? part : String(part)));
}

/** The keys that an object has had before. */
function* repeatedKeys(node: Node): Generator<Node> {
  const seen = new Set<unknown>();
  for (const child of node.children ?? []) {
    const [key] = child.children ?? [];
    if (child.type === "property" && key !== undefined) {
      if (seen.has(key.value)) yield key;
      seen.add(key.value);
    }
    yield* repeatedKeys(child);
  }
}

function withoutSchema(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { $schema: _, ...rest } = value as Record<string, unknown>;
  return rest;
}

/** What a mistake of punctuation is called; `%` stands for what was found instead. */
const MISTAKES: Readonly<Record<string, string>> = {
  CommaExpected: "A comma is missing before %",
  ColonExpected: "A colon is missing before %",
  PropertyNameExpected: "Expected a key in double quotes, found %",
  ValueExpected: "Expected a value, found %",
  EndOfFileExpected: "Expected nothing more, found %",
  UnexpectedEndOfString: "A closing quote is missing",
  UnexpectedEndOfComment: "The end of the comment is missing",
  InvalidSymbol: "Cannot read %; keys and texts stand in double quotes",
};

/** White space that editors show like a space, but JSON doesn't know; the names of some. */
const FOREIGN_SPACE = /^(?![ \t\r\n])[\s\u200b\u2060\ufeff]/u;
const SPACE_NAMES: Readonly<Record<string, string>> = {
  "\u00a0": "a no-break space",
  "\f": "a form feed",
  "\v": "a vertical tab",
  "\u200b": "a zero-width space",
  "\ufeff": "a byte order mark",
};

function syntaxComplaint(text: string, { error, offset }: ParseError): Complaint {
  const place = placeOf(text, Math.min(offset, text.length));
  const [space] = FOREIGN_SPACE.exec(text.slice(offset, offset + 1)) ?? [];
  if (space !== undefined) {
    const code = space.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    return { ...place, message: `Expected an ordinary space, found ${SPACE_NAMES[space] ?? "another"} (U+${code})` };
  }
  const [found = ""] = /^(?:"[^"\n]*"?|[^\s,:{}[\]]+|.)/.exec(text.slice(offset).trimStart()) ?? [];
  if (text.trim() === "") return { line: 1, column: 1, message: "The file is empty" };
  if (found === "") return { ...place, message: "The text ends too early" };
  const mistake = MISTAKES[printParseErrorCode(error)] ?? "Cannot read %";
  return { ...place, message: mistake.replace("%", () => shortened(found)) };
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}
