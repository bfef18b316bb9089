/**
 * Decides which paths a backup excludes, by patterns with the meaning that they have in a .gitignore file: the last
 * match decides.
 */
import { type Apath, knownApath, parentOf, TOP } from "../core/apath.ts";
import { type Raw, textOf } from "../core/raw.ts";
import { parsePattern, type Pattern, type Subject } from "./pattern.ts";

/** A pattern that matches a path. */
export interface Decision {
  /** The pattern as it was written. */
  readonly pattern: string;
  /** True if it begins with `!`: matching paths are included after all. */
  readonly negated: boolean;
  /** Path of the file that has the pattern, as text; absent if it was given with the call. */
  readonly from?: string;
}

export interface Filter {
  /** True if there are no patterns at all. */
  readonly isEmpty: boolean;
  /**
   * The last matching pattern; undefined if none matches. Directories above `path` are not considered: a walk doesn't
   * enter excluded ones.
   * @param path relative to its source, beginning with "/"
   */
  decide(path: Apath, isDirectory: boolean): Decision | undefined;
}

/**
 * Parses patterns.
 * @param lines one pattern each; empty lines and comments are skipped
 * @param from path of the file that they are in, as text
 * @throws BadPattern
 */
export function parseFilter(lines: readonly string[], from?: string): Filter {
  return new PatternFilter(lines.map(parsePattern).filter((pattern) => pattern !== undefined), from);
}

/**
 * As {@link parseFilter}, for one source. Patterns that are absolute paths into the source match there too.
 * @param origin absolute path of the source
 * @throws BadPattern
 */
export function parseFilterOf(lines: readonly string[], origin: Raw): Filter {
  const patterns = lines.flatMap((line) => [parsePattern(line), patternInside(line, origin)]);
  return new PatternFilter(patterns.filter((pattern) => pattern !== undefined), undefined);
}

/**
 * The pattern relative to a source: "/Downloads" for "/home/me/Downloads" of /home/me. Messages show it as it was
 * written.
 */
function patternInside(line: string, origin: Raw): Pattern | undefined {
  const [, mark = "", path = ""] = /^(!?)(\/.*)$/s.exec(line) ?? [], top = `${textOf(origin)}/`;
  if (origin === "/" || !path.startsWith(top) || /^\/*$/.test(path.slice(top.length))) return undefined;
  const inside = parsePattern(`${mark}/${path.slice(top.length)}`);
  return inside && { ...inside, line };
}

/**
 * The decision of a filter on `path` or, if it excludes a directory above, on that directory: nothing below an excluded
 * directory can be included again.
 */
export function decideWithParents(filter: Filter, path: Apath, isDirectory: boolean): Decision | undefined {
  if (path === TOP || filter.isEmpty) return undefined;
  for (let slash = path.indexOf("/", 1); slash > 0; slash = path.indexOf("/", slash + 1)) {
    const above = filter.decide(knownApath(path.slice(0, slash)), true);
    if (above?.negated === false) return above;
  }
  return filter.decide(path, isDirectory);
}

/** True if the filter excludes `path` or a directory above it. */
export function excludesWithParents(filter: Filter, path: Apath, isDirectory: boolean): boolean {
  return decideWithParents(filter, path, isDirectory)?.negated === false;
}

/**
 * For patterns that select paths: true if `path` matches, or else the nearest directory above it that any pattern
 * matches.
 */
export function includesWithParents(filter: Filter, path: Apath, isDirectory: boolean): boolean {
  for (let at = path; at !== TOP; at = parentOf(at)) {
    const decision = filter.decide(at, at === path ? isDirectory : true);
    if (decision !== undefined) return !decision.negated;
  }
  return false;
}

/** A list of patterns. Those for directories only are separate, so that they cost nothing for files. */
class PatternFilter implements Filter {
  readonly isEmpty: boolean;
  readonly #decisions: readonly Decision[];
  readonly #ofDirectories: readonly Group[];
  readonly #ofOthers: readonly Group[];

  constructor(patterns: readonly Pattern[], from: string | undefined) {
    this.isEmpty = patterns.length === 0;
    const origin = from === undefined ? {} : { from };
    this.#decisions = patterns.map(({ negated, line }) => ({ pattern: line, negated, ...origin }));
    const numbered = patterns.map((pattern, number) => ({ ...pattern, number }));
    this.#ofDirectories = grouped(numbered);
    this.#ofOthers = grouped(numbered.filter(({ directoriesOnly }) => !directoriesOnly));
  }

  decide(path: Apath, isDirectory: boolean): Decision | undefined {
    const text = textOf(path);
    let last = -1;
    for (const group of isDirectory ? this.#ofDirectories : this.#ofOthers) last = group.last(text, last);
    return this.#decisions[last];
  }
}

interface Numbered extends Pattern {
  readonly number: number;
}

/** Several patterns, of which the last match counts. */
interface Group {
  /** @returns the index of the last matching pattern if it is greater than `known`, else `known` */
  last(path: string, known: number): number;
}

/** Groups patterns that can be matched together. */
function grouped(patterns: readonly Numbered[]): Group[] {
  const kinds = Map.groupBy(patterns, ({ subject, source, needle }) => {
    return `${subject} ${needle === "" ? "globs" : needle === source ? "texts" : "globs with needles"}`;
  });
  return [...kinds].map(([kind, group]) => kind.endsWith("needles") ? needlesOf(group) : new Joined(group));
}

/** Longest source of a regular expression: longer ones make the engine slow, and finally it refuses them. */
const LONGEST_SOURCE = 16 * 1024;
/** Most globs in one expression: the engine tries one after the other. Plain texts may be many. */
const MOST_GLOBS = 32;

/** Regular expressions for a path, with its first slash. */
const WHOLE: Readonly<Record<Subject, (source: string, isPlain: boolean) => string>> = {
  name: (source, isPlain) => `/${isPlain ? "" : "(?=[^/]*$)"}(?:${source})$`,
  ending: (source) => `(?:${source})$`,
  path: (source) => `^/(?:${source})$`,
};

/**
 * Patterns joined to one regular expression, and halves of them to find which one matched. A path that none of them
 * matches, which is the usual case, costs hardly more than with one pattern.
 */
class Joined implements Group {
  readonly #patterns: readonly Numbered[];
  readonly #highest: number;
  /** Matches if any pattern does; undefined until needed, null if there are too many for one expression. */
  #test: RegExp | null | undefined;
  #halves: readonly [Group, Group] | undefined;

  /** @param patterns at least one; all with the same subject, and either all plain texts or none */
  constructor(patterns: readonly Numbered[]) {
    this.#patterns = patterns;
    this.#highest = highestOf(patterns);
  }

  last(path: string, known: number): number {
    if (this.#highest <= known) return known;
    if (this.#test === undefined) this.#test = testOf(this.#patterns);
    if (this.#test !== null && !this.#test.test(path)) return known;
    if (this.#patterns.length === 1) return this.#highest;
    const [early, late] = this.#halves ??= halved(this.#patterns, (half) => new Joined(half));
    return early.last(path, late.last(path, known));
  }
}

function testOf(patterns: readonly Numbered[]): RegExp | null {
  const { subject, source, needle } = patterns[0]!, isPlain = source === needle;
  const joined = joinedSources(patterns.map((pattern) => pattern.source));
  const isTooMuch = joined.length > LONGEST_SOURCE || (!isPlain && patterns.length > MOST_GLOBS);
  return isTooMuch && patterns.length > 1 ? null : new RegExp(WHOLE[subject](joined, isPlain), "u");
}

/** Globs that are only tried on paths with their needle: the engine looks for many plain texts at once. */
class Needles implements Group {
  readonly #bundles: readonly Bundle[];
  readonly #highest: number;
  #test: RegExp | null | undefined;
  #halves: readonly [Group, Group] | undefined;

  /** @param bundles at least one */
  constructor(bundles: readonly Bundle[]) {
    this.#bundles = bundles;
    this.#highest = bundles.reduce((best, { highest }) => Math.max(best, highest), -1);
  }

  last(path: string, known: number): number {
    if (this.#highest <= known) return known;
    if (this.#test === undefined) this.#test = this.#makeTest();
    if (this.#test !== null && !this.#test.test(path)) return known;
    if (this.#bundles.length === 1) return this.#bundles[0]!.globs.last(path, known);
    const [early, late] = this.#halves ??= halved(this.#bundles, (half) => new Needles(half));
    return early.last(path, late.last(path, known));
  }

  #makeTest(): RegExp | null {
    const joined = joinedSources(this.#bundles.map(({ needle }) => needle));
    if (joined.length > LONGEST_SOURCE && this.#bundles.length > 1) return null;
    return new RegExp(this.#bundles[0]!.subject === "name" ? `(?:${joined})[^/]*$` : joined, "u");
  }
}

/** Globs with the same needle. */
interface Bundle {
  readonly subject: Subject;
  readonly needle: string;
  readonly globs: Group;
  readonly highest: number;
}

function needlesOf(patterns: readonly Numbered[]): Group {
  const { subject } = patterns[0]!;
  const bundles = [...Map.groupBy(patterns, ({ needle }) => needle)].map(([needle, bundle]) => {
    return { subject, needle, globs: new Joined(bundle), highest: highestOf(bundle) };
  });
  return new Needles(bundles);
}

function highestOf(patterns: readonly Numbered[]): number {
  return patterns.at(-1)!.number;
}

function joinedSources(sources: readonly string[]): string {
  return [...new Set(sources)].join("|");
}

function halved<T>(items: readonly T[], make: (half: readonly T[]) => Group): [Group, Group] {
  const middle = items.length >> 1;
  return [make(items.slice(0, middle)), make(items.slice(middle))];
}
