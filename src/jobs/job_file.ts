/** The text of a job file: JSON, with comments and trailing commas; what is wrong is told with its place. */
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import type { z } from "zod";
import { type Job, JOB_KINDS, type JobForm, KEEP_RULES, keysOf, type RecurringJob, SCHEMAS } from "./schema.ts";
import { suggestion } from "./suggestion.ts";

/** One thing that is wrong with a job file. */
export interface JobProblem {
  /** From 1; columns count UTF-16 units, as editors do. */
  readonly line: number;
  readonly column: number;
  /** What is wrong: one sentence without a final period. */
  readonly message: string;
}

export type ParsedJob<J> =
  | { readonly job: J; readonly problems: readonly [] }
  /** `isJson`: false if the text isn't even JSON: it may still be being written. */
  | { readonly job: undefined; readonly problems: readonly JobProblem[]; readonly isJson: boolean };

export function parseJob(text: string): ParsedJob<Job> {
  return parse(text, "job");
}

export function parseRecurringJob(text: string): ParsedJob<RecurringJob> {
  return parse(text, "recurring");
}

function parse<J extends Job>(withMark: string, form: JobForm): ParsedJob<J> {
  const text = withMark.replace(/^\ufeff/, " ");
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || tree === undefined) {
    return { job: undefined, problems: syntaxProblems(text, errors), isJson: false };
  }
  const value: unknown = getNodeValue(tree);
  const result = SCHEMAS[form].safeParse(value);
  const found = [
    ...twice(tree),
    ...(result.success ? [] : result.error.issues.flatMap((issue) => told(issue, tree, form))),
  ];
  if (found.length === 0 && result.success) return { job: result.data as J, problems: [] };
  const problems = found.sort((a, b) => a.offset - b.offset).map(({ offset, message }) => ({
    ...placeOf(text, offset),
    message,
  }));
  return { job: undefined, problems, isJson: true };
}

function syntaxProblems(text: string, errors: readonly ParseError[]): JobProblem[] {
  const [first] = errors;
  if (text.trim() === "" || first === undefined) return [{ line: 1, column: 1, message: "The file is empty" }];
  const words = printParseErrorCode(first.error).replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  // Further ones are mostly consequences of the first.
  return [{ ...placeOf(text, first.offset), message: `Not valid JSON: ${words}` }];
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

interface Told {
  readonly offset: number;
  readonly message: string;
}

/** Keys that stand twice in one object: one of them would be ignored in silence. */
function twice(node: Node): Told[] {
  const seen = new Set<string>(), found: Told[] = [];
  for (const child of node.children ?? []) {
    const key = child.type === "property" ? child.children?.[0] : undefined;
    if (key !== undefined && seen.has(key.value as string)) {
      found.push({ offset: key.offset, message: `"${key.value}" stands here twice` });
    }
    if (key !== undefined) seen.add(key.value as string);
    found.push(...twice(child));
  }
  return found;
}

type Issue = z.core.$ZodIssue;

/** One issue of the schema in words, at its place. */
function told(issue: Issue, tree: Node, form: JobForm, above: readonly PropertyKey[] = []): Told[] {
  const path = [...above, ...issue.path];
  const node = nodeAt(tree, path);
  const name = nameOf(path);
  const at = (message: string): Told[] => [{ offset: node.offset, message }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(key, path, tree, form));
    case "invalid_union":
      return issue.errors.length === 0 ? at(unknownKind(node, path, tree)) : ofUnion(issue, path, tree, form);
    case "invalid_type":
      if (findNodeAtLocation(tree, path as (string | number)[]) === undefined) {
        return at(`"${String(path.at(-1))}" is missing`);
      }
      return at(
        `${name} must be ${TYPES[issue.expected] ?? issue.expected}, not ${TYPES[typeOf(node)] ?? typeOf(node)}`,
      );
    case "invalid_value": {
      const values = issue.values.map((value) => JSON.stringify(value)).join(", ");
      const meant = suggestion(String(node.value), issue.values.map(String));
      return at(`${name} must be one of ${values}${meant === undefined ? "" : `: did you mean "${meant}"?`}`);
    }
    case "too_small":
    case "too_big":
      return at(`${name} ${issue.message.startsWith("must") ? issue.message : `must be ${boundText(issue)}`}`);
    default:
      return at(`${name} ${issue.message}`);
  }
}

function boundText(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  return issue.code === "too_small" ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
}

/** Of a union: what the alternative says that was most likely meant, the one whose own type fits. */
function ofUnion(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: readonly PropertyKey[],
  tree: Node,
  form: JobForm,
): Told[] {
  const fitting = issue.errors.find((errors) =>
    !errors.some(({ code, path }) => code === "invalid_type" && path.length === 0)
  );
  if (fitting !== undefined) return fitting.flatMap((inner) => told(inner, tree, form, path));
  const expected = issue.errors.flatMap((errors) =>
    errors.flatMap((inner) =>
      inner.code === "invalid_type"
        ? [TYPES[inner.expected] ?? inner.expected]
        : inner.code === "invalid_value"
        ? inner.values.map((value) => JSON.stringify(value))
        : []
    )
  );
  const node = nodeAt(tree, path);
  return [{ offset: node.offset, message: `${nameOf(path)} must be ${[...new Set(expected)].join(" or ")}` }];
}

function unknownKey(key: string, path: readonly PropertyKey[], tree: Node, form: JobForm): Told {
  const kind = findNodeAtLocation(tree, ["kind"])?.value as unknown;
  const known = path.length === 0 ? keysOf(kind, form) : path.at(-1) === "keep" ? KEEP_RULES : ["path", "as"];
  const meant = suggestion(key, known);
  const value = findNodeAtLocation(tree, [...path, key] as (string | number)[]);
  const message = `Unknown key "${key}"${meant === undefined ? "" : `: did you mean "${meant}"?`}`;
  return { offset: value?.parent?.offset ?? tree.offset, message };
}

function unknownKind(node: Node, path: readonly PropertyKey[], tree: Node): string {
  if (tree.type !== "object") return "A job must be an object";
  if (findNodeAtLocation(tree, path as (string | number)[]) === undefined) {
    return `"kind" is missing: one of ${JOB_KINDS.join(", ")}`;
  }
  const meant = typeof node.value === "string" ? suggestion(node.value, JOB_KINDS) : undefined;
  const hint = meant === undefined ? `one of ${JOB_KINDS.join(", ")}` : `did you mean "${meant}"?`;
  return `Unknown kind ${JSON.stringify(getNodeValue(node))}: ${hint}`;
}

/** The node of a path, or the nearest above it. */
function nodeAt(tree: Node, path: readonly PropertyKey[]): Node {
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(tree, path.slice(0, length) as (string | number)[]);
    if (node !== undefined) return node;
  }
  return tree;
}

/** `"sources[1].as"`, as a person would say it. */
function nameOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "A job";
  const text = path.map((part, i) =>
    typeof part === "number" ? `[${part}]` : i === 0 ? String(part) : `.${String(part)}`
  );
  return `"${text.join("")}"`;
}

function typeOf(node: Node): string {
  return node.type === "number" && !Number.isInteger(node.value) ? "fraction" : node.type;
}

const TYPES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  fraction: "a fraction",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  null: "null",
};
