/** Selects snapshots for a list. */
import { isBelow, type Raw, rawOf } from "../../core/raw.ts";
import { tagList } from "../../core/policy.ts";
import { groupedBySeries } from "../../core/series.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** A snapshot must match everything that is given. */
export interface SnapshotFilter {
  readonly host?: string;
  readonly name?: string;
  /** At least one of these; "a,b" requires both tags. */
  readonly tags?: readonly string[];
  /** Absolute path. Matches snapshots with a source that is this path, contains it, or lies below it. */
  readonly path?: Raw;
  /** Made at this time or later, in milliseconds since 1970. */
  readonly sinceMs?: number;
  /** Number of newest snapshots of each series, among those that match. */
  readonly last?: number;
}

/** @returns the matching snapshots, oldest first, as they were given */
export function chosenSnapshots(snapshots: readonly SnapshotInfo[], filter: SnapshotFilter): readonly SnapshotInfo[] {
  const fitting = snapshots.filter((snapshot) => fits(snapshot, filter)), { last } = filter;
  if (last === undefined) return fitting;
  const newest = new Set(groupedBySeries(fitting).flatMap((series) => series.slice(-last)));
  return fitting.filter((snapshot) => newest.has(snapshot));
}

function fits(snapshot: SnapshotInfo, { host, name, tags = [], path, sinceMs }: SnapshotFilter): boolean {
  return (host ?? snapshot.host) === snapshot.host && (name ?? snapshot.name) === snapshot.name &&
    (tags.length === 0 || tags.some((all) => tagList(all).every((tag) => snapshot.tags.includes(tag)))) &&
    (path === undefined || snapshot.sources.some((source) => meet(rawOf(source), path))) &&
    (sinceMs === undefined || Date.parse(snapshot.time) >= sinceMs);
}

function meet(source: Raw, path: Raw): boolean {
  return source === path || isBelow(source, path) || isBelow(path, source);
}
