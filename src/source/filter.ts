/** Which paths a backup leaves out: patterns with the meaning they have in a .gitignore file. */
import picomatch from "picomatch";
import { type Apath, nameOf, parentOf, TOP } from "../core/apath.ts";
import { Fault } from "../core/fault.ts";
import { textOf } from "../core/raw.ts";

export interface Filter {
  /**
   * The pattern that leaves `path` out, or undefined. Directories above it are not looked at: a walk doesn't enter them.
   * @param path relative to its source, beginning with "/"
   */
  excludes(path: Apath, isDirectory: boolean): string | undefined;
}

export class BadPattern extends Fault {
  readonly code = "bad-pattern";
  readonly hint = "Patterns are written as in a .gitignore file";
  constructor(pattern: string, why: string) {
    super(`Cannot use the pattern ${JSON.stringify(pattern)}: ${why}`);
  }
}

/** Named sets of patterns. */
export const PRESETS: Readonly<Record<string, readonly string[]>> = {
  nas: [
    "@eaDir/",
    "@Recycle/",
    "@Recently-Snapshot/",
    "#recycle/",
    "#snapshot/",
    ".@__thumb/",
    ".DS_Store",
    "._.DS_Store",
    ".AppleDouble/",
    ".Spotlight-V100/",
    ".Trashes/",
    ".TemporaryItems/",
    ".fseventsd/",
    "Thumbs.db",
    "ehthumbs.db",
    "$RECYCLE.BIN/",
    "System Volume Information/",
  ],
};

interface Rule {
  readonly pattern: string;
  readonly negated: boolean;
  readonly directoriesOnly: boolean;
  /** Tested against the name alone, or against the whole path without its first slash. */
  readonly nameOnly: boolean;
  matches(text: string): boolean;
}

/** @param lines one pattern each; empty lines and comments are skipped. @throws BadPattern */
export function parseFilter(lines: readonly string[]): Filter {
  const rules = lines.map(parseRule).filter((rule) => rule !== undefined).reverse();
  if (rules.length === 0) return { excludes: () => undefined };
  return {
    excludes(path, isDirectory) {
      const name = textOf(nameOf(path)), whole = textOf(path).slice(1);
      const last = rules.find((rule) =>
        (isDirectory || !rule.directoriesOnly) && rule.matches(rule.nameOnly ? name : whole)
      );
      return last === undefined || last.negated ? undefined : last.pattern;
    },
  };
}

/** Lines of a file with patterns. */
export function parseExcludeFile(text: string): string[] {
  return text.replace(/^\ufeff/, "").split(/\r?\n/);
}

function parseRule(line: string): Rule | undefined {
  if (line.trim() === "" || line.startsWith("#")) return undefined;
  const negated = line.startsWith("!");
  let pattern = (negated ? line.slice(1) : line).replace(/(?<!\\)\s+$/, "");
  const directoriesOnly = pattern.endsWith("/");
  if (directoriesOnly) pattern = pattern.slice(0, -1);
  if (pattern === "" || pattern.includes("\0")) throw new BadPattern(line, "nothing is left of it");
  const nameOnly = !pattern.includes("/");
  const glob = pattern.replace(/^\//, "");
  return { pattern: line, negated, directoriesOnly, nameOnly, matches: matcherOf(glob, line) };
}

const GLOB_CHARACTERS = /[*?[\]\\]/;

function matcherOf(glob: string, line: string): (text: string) => boolean {
  if (!GLOB_CHARACTERS.test(glob)) return (text) => text === glob;
  try {
    const expression = picomatch.makeRe(escapeExtensions(glob), {
      dot: true,
      nobrace: true,
      noextglob: true,
      posix: true,
    });
    return (text) => expression.test(text);
  } catch (error) {
    throw new BadPattern(line, (error as Error).message);
  }
}

/** picomatch gives meaning to characters that .gitignore takes as they are. */
function escapeExtensions(glob: string): string {
  return glob.replace(/(?<!\\)[(){}+@!|]/g, (character) => `\\${character}`);
}

/** True if the filter leaves out `path` or a directory above it. */
export function excludesWithParents(filter: Filter, path: Apath, isDirectory: boolean): boolean {
  if (path === TOP) return false;
  return excludesWithParents(filter, parentOf(path), true) || filter.excludes(path, isDirectory) !== undefined;
}
