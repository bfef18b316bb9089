/** Finds files in all snapshots at once, by their properties. */
import { type Apath, apathIn, placeApath, TOP } from "../../core/apath.ts";
import type { Kind } from "../../core/entry.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import { type SnapshotRange, SnapshotRanges } from "./snapshot_ranges.ts";
import type { CatalogQueries, PageStart, PathVersion, VersionQuery } from "../../snapshot/catalog_queries.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { type Filter, parseFilter } from "../../source/filter.ts";
import type { Repository } from "../../snapshot/repository.ts";

export interface FindRequest {
  /**
   * Patterns in gitignore syntax: without a slash they match names anywhere, with one whole paths. Empty: everything.
   */
  readonly patterns: readonly string[];
  readonly ignoreCase: boolean;
  /** Kinds of entries; empty: all. */
  readonly kinds: readonly Kind[];
  /** Size range in bytes, both bounds included. */
  readonly smallest: number | undefined;
  readonly largest: number | undefined;
  /** Range of the modification time, in milliseconds since 1970: `sinceMs` is included, the end is not. */
  readonly sinceMs: number | undefined;
  readonly beforeMs: number | undefined;
  /** Prefix of a content id. */
  readonly content: string | undefined;
  /** Restricts the search to these snapshots; undefined: all. */
  readonly snapshots: readonly SnapshotInfo[] | undefined;
  /** Only paths that are missing from the newest snapshot of their series. */
  readonly gone: boolean;
  /** As in {@link VersionQuery}. */
  readonly pageAfter?: PageStart;
}

export interface FoundVersion {
  readonly version: PathVersion;
  readonly span: SnapshotRange;
}

/** Finds all versions that match, ordered by path (see `pageAfter`), then by series, then by time. @throws BadPattern */
export async function find(repository: Repository, request: FindRequest): Promise<Iterable<FoundVersion>> {
  const { patterns, ignoreCase, kinds, smallest, largest, content, snapshots, gone } = request;
  const spelt = ignoreCase ? patterns.map((pattern) => pattern.toLowerCase()) : patterns;
  const filter = parseFilter(spelt);
  const query = {
    ...roughly(spelt, ignoreCase),
    ignoreCase,
    ...(kinds.length > 0 && { kinds }),
    ...(smallest !== undefined && { smallest }),
    ...(largest !== undefined && { largest }),
    ...(request.sinceMs !== undefined && { since: Math.floor(request.sinceMs / 1000) }),
    ...(request.beforeMs !== undefined && { before: Math.floor(request.beforeMs / 1000) }),
    ...(content !== undefined && { content }),
    ...(snapshots !== undefined && { snapshots: snapshots.map(({ sequence }) => sequence) }),
    gone,
    ...(request.pageAfter !== undefined && { pageAfter: request.pageAfter }),
  };
  const found = await repository.queryEach((catalog) => withSpans(catalog, query));
  return filter.isEmpty ? found : matching(found, filter, ignoreCase);
}

function* matching(
  found: Iterable<FoundVersion>,
  filter: Filter,
  ignoreCase: boolean,
): Generator<FoundVersion> {
  for (const one of found) if (matches(filter, one.version, ignoreCase)) yield one;
}

/** Until the last version is returned, the database answers as of the moment of the first one. */
function* withSpans(catalog: CatalogQueries, query: VersionQuery): Generator<FoundVersion> {
  using held = new DisposableStack();
  const versions = catalog.find(query);
  held.defer(() => void versions.return(undefined)); // whoever stops early must not keep the database locked
  const first = versions.next();
  const spans = new SnapshotRanges(catalog.snapshots());
  for (let next = first; !next.done; next = versions.next()) yield { version: next.value, span: spans.of(next.value) };
}

function matches(filter: Filter, { path, kind }: PathVersion, ignoreCase: boolean): boolean {
  const spelt = ignoreCase ? placeApath(rawOf(textOf(path).toLowerCase())) : path;
  return filter.decide(spelt, kind === "dir")?.negated === false;
}

/** The part of the search that the database can do by itself: it never drops a matching version. */
function roughly(patterns: readonly string[], ignoreCase: boolean): { names?: string[]; below?: Apath[] } {
  const wanted = patterns.filter((pattern) => pattern.trim() !== "" && !/^[#!]/.test(pattern));
  if (wanted.length === 0) return {};
  const names = wanted.map((pattern) => nameGlob(pattern, ignoreCase));
  const below = ignoreCase ? [] : wanted.map(directoryAbove);
  return {
    ...(isComplete(names) && { names }),
    ...(isComplete(below) && below.length > 0 && { below }),
  };
}

function isComplete<T>(list: (T | undefined)[]): list is T[] {
  return !list.includes(undefined);
}

/** An SQLite GLOB that every name fits that the pattern may fit; undefined if that would be any. */
function nameGlob(pattern: string, ignoreCase: boolean): string | undefined {
  const name = pattern.trimEnd().replace(/\/$/, "").split("/").at(-1) ?? "";
  if (/[[\]\\]/.test(name) || /^\**$/.test(name)) return undefined;
  return [...name].map((character) => {
    if (character === "*") return "*";
    if (character === "?") return "?*"; // a character of several bytes
    const bytes = rawOf(character);
    return ignoreCase && bytes !== character ? "*" : bytes;
  }).join("");
}

/** The directory that holds everything the pattern may fit; undefined if it may be anywhere. */
function directoryAbove(pattern: string): Apath | undefined {
  const parts = pattern.trimEnd().replace(/\/$/, "").replace(/^\//, "").split("/");
  if (parts.length < 2 || pattern.includes("\\")) return undefined;
  const special = parts.findIndex((part) => /[*?[]/.test(part));
  const plain = parts.slice(0, special < 0 ? parts.length - 1 : Math.min(special, parts.length - 1));
  return plain.length === 0 ? undefined : apathIn(TOP, rawOf(plain.join("/")));
}
