/** Choosing snapshots for a list. */
import { isBelow, type Raw, rawOf } from "../../core/raw.ts";
import { tagList } from "../../core/policy.ts";
import { groupedBySeries } from "../../core/series.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** All that is given must fit. */
export interface SnapshotFilter {
  readonly host?: string;
  readonly name?: string;
  /** One of them; "a,b": both. */
  readonly tags?: readonly string[];
  /** Absolute: of snapshots that had it, or something in it, for a source, or a directory around it. */
  readonly path?: Raw;
  /** Made then or later, in milliseconds since 1970. */
  readonly sinceMs?: number;
  /** The newest of each series, of what else fits. */
  readonly last?: number;
}

/** @returns them in the order given, oldest first */
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
