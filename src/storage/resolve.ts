/** How a person names a snapshot. */
import type { SnapshotInfo } from "./catalog/catalog.ts";
import { AmbiguousSnapshot, NoSnapshot } from "./faults.ts";

/** Shorter prefixes would too often fit by accident. */
const SHORTEST_PREFIX = 4;
const CANDIDATES_SHOWN = 10;

/**
 * Finds the one snapshot meant by an id or its prefix, the name of a tree, a date ("2026-11-20"), "latest", or "latest~2"
 * (the second before the latest); "NAME:" before it looks only among the snapshots of that name. Complete snapshots are
 * preferred for "latest".
 * @param snapshots oldest first
 */
export function resolveSnapshot(name: string, snapshots: readonly SnapshotInfo[]): SnapshotInfo {
  const colon = /^(.+):(latest(?:~\d+)?)$/.exec(name);
  const among = colon ? snapshots.filter((snapshot) => snapshot.name === colon[1]) : snapshots;
  const latest = /^latest(?:~(\d+))?$/.exec(colon?.[2] ?? name);
  if (latest) return nthLatest(name, among, Number(latest[1] ?? 0));
  return theOne(name, snapshots.filter((snapshot) => isNamed(snapshot, name)));
}

function nthLatest(name: string, snapshots: readonly SnapshotInfo[], back: number): SnapshotInfo {
  const complete = snapshots.filter((snapshot) => snapshot.complete);
  const found = (complete.length > 0 ? complete : snapshots).at(-1 - back);
  if (found === undefined) throw new NoSnapshot(name);
  return found;
}

function isNamed(snapshot: SnapshotInfo, name: string): boolean {
  if (snapshot.tree === name) return true;
  if (/^\d{4}-\d\d-\d\d$/.test(name)) {
    return snapshot.tree?.slice(0, 10).replace("/", "-") === name || dayOf(snapshot) === name;
  }
  return name.length >= SHORTEST_PREFIX && /^[0-9a-f]+$/.test(name) && snapshot.id.startsWith(name);
}

function dayOf(snapshot: SnapshotInfo): string {
  return snapshot.time.slice(0, 10);
}

function theOne(name: string, found: readonly SnapshotInfo[]): SnapshotInfo {
  const [first, ...others] = found;
  if (first === undefined) throw new NoSnapshot(name);
  if (others.length === 0) return first;
  const shown = found.slice(0, CANDIDATES_SHOWN).map((snapshot) =>
    `${snapshot.id.slice(0, 12)} (${snapshot.tree ?? snapshot.time})`
  );
  throw new AmbiguousSnapshot(name, shown, found.length);
}
