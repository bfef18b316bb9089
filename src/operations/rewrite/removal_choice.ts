/** Selects the entries to remove from a snapshot: paths, and what matches patterns as if the backup had excluded it. */
import { type Apath, apathWithin, isWithin, parentOf, parseApath, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { textOf } from "../../core/raw.ts";
import { excludesWithParents, type Filter, parseFilter } from "../../source/filter.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Root } from "../../snapshot/root.ts";
import { resolvePaths } from "../browse/resolve_path.ts";

export interface Unwanted {
  /** Paths in the snapshot, or in a source. */
  readonly paths: readonly Apath[];
  /** Patterns in gitignore syntax, relative to each source. */
  readonly patterns: readonly string[];
}

/** A path or a pattern as a user gave it. */
export type Reason = string;

export class RemovalChoice {
  /** Choices with the same key are equivalent. */
  readonly key: string;
  readonly #paths: readonly { readonly at: Apath; readonly reason: Reason }[];
  readonly #filter: Filter;
  readonly #sources: readonly Apath[];
  readonly #patterns: readonly { readonly reason: Reason; readonly filter: Filter }[];

  constructor(manifest: Manifest, { paths, patterns }: Unwanted) {
    this.#paths = paths.flatMap((path) => resolvePaths(manifest, path).map((at) => ({ at, reason: textOf(path) })));
    this.#filter = parseFilter(patterns);
    this.#patterns = patterns.map((reason) => ({ reason, filter: parseFilter([reason]) }));
    this.#sources = manifest.root.sources.map(({ at }) => parseApath(at));
    this.key = JSON.stringify([this.#paths, this.#sources]);
  }

  /** True if an entry is removed. */
  removes({ path, kind }: Pick<Entry, "path" | "kind">): boolean {
    if (this.#paths.some(({ at }) => isWithin(path, at))) return true;
    return !this.#filter.isEmpty && excludesWithParents(this.#filter, this.#inSource(path), kind === "dir");
  }

  /** Records the choices that match a removed entry. */
  addReasons({ path, kind }: Pick<Entry, "path" | "kind">, reasons: Set<Reason>): void {
    for (const { at, reason } of this.#paths) if (isWithin(path, at)) reasons.add(reason);
    for (const { reason, filter } of this.#patterns) {
      if (!reasons.has(reason) && excludesWithParents(filter, this.#inSource(path), kind === "dir")) {
        reasons.add(reason);
      }
    }
  }

  #inSource(path: Apath): Apath {
    const source = this.#sources.find((at) => isWithin(path, at));
    return source === undefined ? path : apathWithin(path, source);
  }

  /** The topmost removed path: the entry itself, or a directory that is removed with everything below it. */
  topOf(path: Apath): Apath {
    let top = path;
    while (top !== TOP && this.removes({ path: parentOf(top), kind: "dir" })) top = parentOf(top);
    return top;
  }

  /** Patterns with which the backup would have excluded the same; without them, what is missing would look deleted. */
  asExcludes({ patterns }: Unwanted): string[] {
    const paths = this.#paths.map(({ at }) => this.#inSource(at)).filter((path) => path !== TOP);
    return [...patterns, ...paths.map((path) => literalPattern(textOf(path)))];
  }
}

export function withExcludes(root: Root, more: readonly string[]): readonly string[] {
  return [...root.excludes, ...more.filter((pattern) => !root.excludes.includes(pattern))];
}

/** @param path begins with a slash, so that it fits nowhere else */
function literalPattern(path: string): string {
  return path.replace(/[\\*?[]/g, "\\$&").replace(/ +$/, (spaces) => "\\ ".repeat(spaces.length));
}
