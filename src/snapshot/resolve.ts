/** Resolves the names that people use for snapshots. */
import { shortId } from "../core/short_id.ts";
import { didYouMean } from "../core/similar.ts";
import { localTimeText } from "../core/time_text.ts";
import { AmbiguousSnapshot, NoSnapshot } from "./faults.ts";
import type { Repository } from "./repository.ts";
import type { SnapshotInfo } from "./snapshot_info.ts";

/** Shortest prefix of an id: shorter ones would match by accident too often. */
const SHORTEST_PREFIX = 4;
const CANDIDATES_SHOWN = 10;
const MINUTE_MS = 60_000;

const LATEST = /^latest(?:~(\d+))?$/;
/** The beginning of a local time: a month, day, hour or minute. */
const TIME = /^\d{4}-\d\d(?:-\d\d(?:[ T]\d\d(?::\d\d)?)?)?$/;
/** "NAME:" or "HOST:NAME:" before one of the other forms. Names may contain colons. */
const QUALIFIED = /^(.+):(latest(?:~\d+)?|\d{4}-\d\d(?:-\d\d(?:[ T]\d\d(?::\d\d)?)?)?)$/;

/**
 * Finds the one snapshot meant by an id or its prefix, the name of a tree, a date or time where it was made ("2026-11",
 * "2026-11-20", "2026-11-20 23:05"), "latest", or "latest~2" (the second before the latest); "NAME:" or "HOST:NAME:"
 * before a time or "latest" looks only among those snapshots. Complete snapshots are preferred for "latest".
 * @param snapshots oldest first
 * @throws NoSnapshot, AmbiguousSnapshot with the candidates
 */
export function resolveSnapshot(name: string, snapshots: readonly SnapshotInfo[]): SnapshotInfo {
  const exact = snapshots.filter((snapshot) => isNamed(snapshot, name));
  if (exact.length > 0) return theOne(name, exact);
  const [, series, rest = name] = QUALIFIED.exec(name) ?? [];
  const among = series === undefined ? snapshots : snapshots.filter((snapshot) => isOf(snapshot, series));
  const latest = LATEST.exec(rest);
  if (latest && among.length > 0) return nthLatest(name, among, Number(latest[1] ?? 0));
  const found = TIME.test(rest) ? among.filter((snapshot) => wasMadeAt(snapshot, rest)) : [];
  if (found.length === 0) throw notFound(name, snapshots, TIME.test(rest) ? neighboursOf(rest, among) : undefined);
  return theOne(name, found);
}

/** As {@link resolveSnapshot}, among all snapshots of a repository. */
export async function snapshotNamed(name: string, repository: Pick<Repository, "snapshots">): Promise<SnapshotInfo> {
  return resolveSnapshot(name, await repository.snapshots());
}

/** The fault for a name without a snapshot, with suggestions. */
function notFound(name: string, snapshots: readonly SnapshotInfo[], neighbours: string | undefined): NoSnapshot {
  if (snapshots.length === 0) return new NoSnapshot(name, "there are none yet", "Make one with `backup-tool backup`");
  if (neighbours !== undefined) return new NoSnapshot(name, "", neighbours);
  const known = ["latest", ...snapshots.flatMap(({ name, tree }) => [`${name}:latest`, tree ?? ""])];
  return new NoSnapshot(name, "", didYouMean(name, known));
}

/** Hint with the snapshots before and after a time; undefined if there are none. */
function neighboursOf(text: string, snapshots: readonly SnapshotInfo[]): string | undefined {
  const at = text.replace(" ", "T"), inOrder = snapshots.toSorted((a, b) => localIso(a) < localIso(b) ? -1 : 1);
  const before = inOrder.findLast((snapshot) => localIso(snapshot) < at);
  const after = inOrder.find((snapshot) => localIso(snapshot) > at);
  const texts = [
    ...(before === undefined ? [] : [`${candidateText(before)} before it`]),
    ...(after === undefined ? [] : [`${candidateText(after)} after it`]),
  ];
  return texts.length === 0 ? undefined : `The nearest ${texts.length > 1 ? "are" : "is"} ${texts.join(" and ")}`;
}

function isNamed({ tree, id }: SnapshotInfo, name: string): boolean {
  return tree === name || name.length >= SHORTEST_PREFIX && /^[0-9a-f]+$/.test(name) && id.startsWith(name);
}

function isOf({ host, name }: SnapshotInfo, series: string): boolean {
  return name === series || `${host}:${name}` === series;
}

function wasMadeAt(snapshot: SnapshotInfo, text: string): boolean {
  return localIso(snapshot).startsWith(text.replace(" ", "T"));
}

/** Local time of a snapshot in ISO 8601. */
function localIso({ time, offsetMinutes }: SnapshotInfo): string {
  return new Date(Date.parse(time) + offsetMinutes * MINUTE_MS).toISOString();
}

function nthLatest(name: string, snapshots: readonly SnapshotInfo[], back: number): SnapshotInfo {
  const complete = snapshots.filter((snapshot) => snapshot.complete);
  const found = (complete.length > 0 ? complete : snapshots).at(-1 - back);
  if (found === undefined) throw new NoSnapshot(name, `there are only ${complete.length || snapshots.length}`);
  return found;
}

function theOne(name: string, found: readonly SnapshotInfo[]): SnapshotInfo {
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return first;
  // The newest ones are the likeliest to be meant.
  throw new AmbiguousSnapshot(name, found.slice(-CANDIDATES_SHOWN).map(candidateText), found.length);
}

function candidateText({ id, time, offsetMinutes, name }: SnapshotInfo): string {
  return `${shortId(id)} (${name}, ${localTimeText(Date.parse(time), offsetMinutes)})`;
}
