/** The chosen entries of a snapshot, directory by directory, with their places in the target. */
import { type Apath, isWithin, parentOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { fromFaultData, toFaultData } from "../../core/fault_data.ts";
import { textOf } from "../../core/raw.ts";
import type { ExtractResult } from "../../snapshot/extract_batch.ts";
import { type PathMapping, pathsAlong, placeOf } from "./path_mapping.ts";
import type { Damaged } from "../../snapshot/manifest.ts";
import type { RestorePlan } from "./restore_plan.ts";
import { excludesWithParents, includesWithParents, parseFilter } from "../../source/filter.ts";

/** Entries of one directory at most: bounds memory in huge directories. */
const GROUP_ENTRIES = 1024;

/** Some entries of one directory, with their target paths and outcomes. */
export interface EntryGroup {
  readonly directory: Apath;
  /** The directory in the snapshot. */
  readonly from: Apath;
  readonly entries: readonly Entry[];
  /** Files that are being written; an undefined result is still to come. */
  readonly batches: {
    readonly entries: readonly Entry[];
    readonly results: Promise<readonly (ExtractResult | undefined)[]>;
  }[];
  /** Additional names of files with several hard links, which have to wait for those files. */
  readonly links: Entry[];
  /** Directories whose attributes are set at the end. */
  readonly directories: Entry[];
}

/** Returns a function that decides whether an entry is to be restored. */
export function chooser(
  { paths, request: { include, exclude } }: Pick<RestorePlan, "paths" | "request">,
): (entry: Pick<Entry, "path" | "kind">) => boolean {
  const included = include.length > 0 ? parseFilter(include) : undefined;
  const excluded = parseFilter(exclude);
  return ({ path, kind }) =>
    (paths.length === 0 || paths.some((chosen) => isWithin(path, chosen))) &&
    (included === undefined || includesWithParents(included, path, kind === "dir")) &&
    !excludesWithParents(excluded, path, kind === "dir");
}

/**
 * Yields groups in the order of the chosen paths. Parts of the manifest that can't be read are problems, and are
 * skipped.
 */
export function* groupsAlong(mapping: PathMapping, plan: RestorePlan): Generator<EntryGroup> {
  const isChosen = chooser(plan);
  for (const { directory: from, entries } of byDirectory(entriesAlong(mapping, plan))) {
    const placed: Entry[] = [];
    for (const entry of entries) {
      const path = isChosen(entry) ? placeOf(mapping, entry.path) : undefined;
      if (path !== undefined) placed.push(path === entry.path ? entry : { ...entry, path });
    }
    const [first] = placed;
    if (first === undefined) continue;
    yield { directory: parentOf(first.path), from, entries: placed, batches: [], links: [], directories: [] };
  }
}

function* entriesAlong(mapping: PathMapping, { manifest, paths, monitor }: RestorePlan): Generator<Entry> {
  const damaged: Damaged = (fault, hunk) => monitor.problem(damagedProblem(fault, hunk));
  for (const path of pathsAlong(mapping, paths)) yield* manifest.within(path, damaged);
}

function damagedProblem(...[fault, hunk]: Parameters<Damaged>): Error {
  const what = hunk === undefined
    ? "an entry of the snapshot"
    : `${JSON.stringify(textOf(hunk.first))} and ${hunk.count - 1} entries after it`;
  return fromFaultData({ ...toFaultData(fault), message: `Cannot restore ${what}: ${fault.message}` });
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
