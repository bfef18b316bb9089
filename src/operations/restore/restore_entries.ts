/** What a restore brings back: the chosen entries of a snapshot, directory by directory, with their places in the target. */
import { type Apath, isWithin, parentOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import { fromFaultData, toFaultData } from "../../core/fault_data.ts";
import { textOf } from "../../core/raw.ts";
import { type PathMapping, pathsAlong, placeOf } from "./path_mapping.ts";
import type { Damaged, Manifest } from "../../snapshot/manifest.ts";
import { excludesWithParents, includesWithParents, parseFilter } from "../../source/filter.ts";

/** Entries of one directory at most: bounds memory in huge directories. */
const GROUP_ENTRIES = 1024;
export interface RestoreFilter {
  /** Only these and what is below them; empty: everything. */
  readonly paths: readonly Apath[];
  /** Patterns in gitignore syntax; empty: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Some entries of one directory, whose paths are their places in the target. */
export interface EntryGroup {
  readonly directory: Apath;
  /** The directory in the snapshot. */
  readonly from: Apath;
  readonly entries: readonly Entry[];
}

/** A snapshot knows of the file, but the backup could not read it. */
export class NotBackedUp extends Fault {
  readonly code = "not-backed-up";
  readonly hint = "Look for it in another snapshot";
  constructor({ path, problems = [] }: Entry) {
    const why = problems.length > 0 ? ` (${problems.join("; ")})` : "";
    super(`Cannot restore ${JSON.stringify(textOf(path))}: the backup could not read it${why}`);
  }
}

/** Tells of a part of a manifest that can't be read. */
export function damagedProblem(...[fault, hunk]: Parameters<Damaged>): Error {
  const what = hunk === undefined
    ? "an entry of the snapshot"
    : `${JSON.stringify(textOf(hunk.first))} and ${hunk.count - 1} entries after it`;
  return fromFaultData({ ...toFaultData(fault), message: `Cannot restore ${what}: ${fault.message}` });
}

export type Chooser = (entry: Pick<Entry, "path" | "kind">) => boolean;

export function chooser({ paths, include, exclude }: RestoreFilter): Chooser {
  const included = include.length > 0 ? parseFilter(include) : undefined;
  const excluded = parseFilter(exclude);
  return ({ path, kind }) =>
    (paths.length === 0 || paths.some((chosen) => isWithin(path, chosen))) &&
    (included === undefined || includesWithParents(included, path, kind === "dir")) &&
    !excludesWithParents(excluded, path, kind === "dir");
}

/** In the order of the chosen paths. @param damaged is told of parts of the manifest that can't be read, which are left out */
export function* groupsAlong(
  route: PathMapping,
  { manifest, choice, damaged }: { manifest: Manifest; choice: RestoreFilter; damaged: Damaged },
): Generator<EntryGroup> {
  const isChosen = chooser(choice);
  for (const { directory: from, entries } of byDirectory(entriesAlong(route, manifest, choice, damaged))) {
    const placed: Entry[] = [];
    for (const entry of entries) {
      const path = isChosen(entry) ? placeOf(route, entry.path) : undefined;
      if (path !== undefined) placed.push(path === entry.path ? entry : { ...entry, path });
    }
    const first = placed[0];
    if (first !== undefined) yield { directory: parentOf(first.path), from, entries: placed };
  }
}

function* entriesAlong(
  route: PathMapping,
  manifest: Manifest,
  { paths }: RestoreFilter,
  damaged: Damaged,
): Generator<Entry> {
  for (const path of pathsAlong(route, paths)) yield* manifest.within(path, damaged);
}

function* byDirectory(entries: Iterable<Entry>): Generator<{ directory: Apath; entries: Entry[] }> {
  let directory: Apath | undefined, held: Entry[] = [];
  for (const entry of entries) {
    const parent = entry.path === TOP ? TOP : parentOf(entry.path);
    if (directory !== undefined && (parent !== directory || held.length >= GROUP_ENTRIES)) {
      yield { directory, entries: held };
      held = [];
    }
    directory = parent;
    held.push(entry);
  }
  if (directory !== undefined) yield { directory, entries: held };
}
