/** Determines which snapshots contain a version of a path. */
import { CatalogFault } from "../../catalog/faults.ts";
import type { PathVersion } from "../../snapshot/catalog_queries.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** Consecutive snapshots of one series, or a single incomplete snapshot. */
export interface SnapshotRange {
  readonly first: SnapshotInfo;
  readonly last: SnapshotInfo;
  /** Number of snapshots. */
  readonly count: number;
  /** The next snapshot of the series, which lacks the version; undefined: there is none yet. */
  readonly after: SnapshotInfo | undefined;
}

export class SnapshotRanges {
  /** Complete snapshots of each series, oldest first. */
  readonly #series = new Map<string, SnapshotInfo[]>();
  readonly #partial = new Map<number, SnapshotInfo>();

  /** @param snapshots all snapshots, oldest first */
  constructor(snapshots: readonly SnapshotInfo[]) {
    for (const snapshot of snapshots) {
      if (!snapshot.complete) this.#partial.set(snapshot.sequence, snapshot);
      else {
        const key = keyOf(snapshot);
        const series = this.#series.get(key);
        if (series === undefined) this.#series.set(key, [snapshot]);
        else series.push(snapshot);
      }
    }
  }

  of(version: Pick<PathVersion, "host" | "name" | "partial" | "first" | "last">): SnapshotRange {
    const partial = version.partial === undefined ? undefined : this.#partial.get(version.partial);
    if (partial !== undefined) return { first: partial, last: partial, count: 1, after: undefined };
    const series = this.#series.get(keyOf(version)) ?? [];
    const from = positionOf(series, version.first);
    const to = version.last === undefined ? series.length - 1 : positionOf(series, version.last);
    const first = series[from], last = series[to];
    if (first === undefined || last === undefined) {
      throw new CatalogFault(`it has a version of no snapshot (${version.first})`);
    }
    return { first, last, count: to - from + 1, after: series[to + 1] };
  }
}

function keyOf({ host, name }: Pick<PathVersion, "host" | "name">): string {
  return `${host}\0${name}`;
}

/** Of the first snapshot whose sequence is not below `sequence`. */
function positionOf(series: readonly SnapshotInfo[], sequence: number): number {
  let low = 0, high = series.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (series[middle]!.sequence < sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
