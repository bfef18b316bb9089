/** Determines the series of a new snapshot, and the snapshots to compare with. */
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import { chooseName, sourcesKey } from "../../core/series.ts";
import type { OwnPlaces } from "../../platform/own_places.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Root } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { type Filter, parseFilter, parseFilterOf } from "../../source/filter.ts";
import { originOf, type SourceRoot } from "../../source/placement.ts";
import type { OpenedRepository } from "../opened.ts";
import { findSources, seriesName } from "../sources/sources.ts";
import type { Selection } from "./selection.ts";

/** A snapshot that the new one builds on. */
export interface PreviousSnapshot {
  readonly snapshot: SnapshotInfo;
  readonly manifest: Manifest;
}

/** The two sides of a comparison. */
export interface Compared {
  readonly roots: readonly SourceRoot[];
  /** Own directories, which are excluded. */
  readonly own: OwnPlaces;
  /** The filter for the selection's patterns. */
  readonly filter: Filter;
  /** Name of the series. */
  readonly series: string;
  /** Newest first: partial snapshots since the last complete one, and that one. */
  readonly previous: readonly PreviousSnapshot[];
}

/** Finds both sides. @throws NoSource, SourceInStorage, BadPattern, DamagedManifest, DamagedContent */
export async function findCompared(
  repository: OpenedRepository,
  selection: Selection,
  monitor: Monitor,
): Promise<Compared> {
  const filter = parseFilter(selection.excludes);
  const own = repository.ownPlaces([], monitor);
  const filterOf = (root: SourceRoot) => parseFilterOf(selection.excludes, originOf(root));
  const roots = findSources(repository, own, selection, filterOf, monitor);
  own.addCopies(roots.map((root) => ({ origin: originOf(root), path: root.path })));
  const snapshots = await repository.snapshots();
  const series = selection.name ?? newName(snapshots, selection, roots, monitor);
  const previous: PreviousSnapshot[] = [];
  for (const snapshot of previousOf(ofSameSources(snapshots, selection, roots), selection.host, series)) {
    const manifest = await repository.manifest(snapshot.id);
    if (selection.name !== undefined || hasPlaces(manifest.root, roots)) previous.push({ snapshot, manifest });
  }
  return { roots, own, filter, series, previous };
}

function newName(
  snapshots: readonly SnapshotInfo[],
  { host, reserved }: Selection,
  roots: readonly SourceRoot[],
  monitor: Pick<Monitor, "notice">,
): string {
  const sources = roots.map((root) => textOf(originOf(root)));
  const { name, takenBy } = chooseName(snapshots, { host, wanted: seriesName(roots, reserved), sources });
  if (takenBy !== undefined) monitor.notice(nameNotice(name, takenBy));
  return name;
}

function nameNotice(name: string, others: readonly string[]): string {
  const which = others.length === 0 ? "something else" : others.join(", ");
  return `This series is called ${name}, as that of ${which} has the name already; --name gives it another, or continues one`;
}

/** Without a name that was given, nothing is believed of other sources: what looks alike there is something else. */
function ofSameSources(
  snapshots: readonly SnapshotInfo[],
  { name }: Selection,
  roots: readonly SourceRoot[],
): readonly SnapshotInfo[] {
  if (name !== undefined) return snapshots;
  const key = sourcesKey(roots.map((root) => textOf(originOf(root))));
  return snapshots.filter(({ sources }) => sourcesKey(sources) === key);
}

/** The snapshots that a new one builds on, newest first. */
export function previousOf(snapshots: readonly SnapshotInfo[], host: string, name: string): SnapshotInfo[] {
  const isOwn = (other: SnapshotInfo) => other.host === host && other.name === name && other.for === undefined;
  const series = snapshots.filter(isOwn).reverse();
  const complete = series.findIndex((snapshot) => snapshot.complete);
  return complete < 0 ? series : series.slice(0, complete + 1);
}

/** True if every source stood at the same place of the snapshot. */
function hasPlaces({ sources }: Root, roots: readonly SourceRoot[]): boolean {
  const places = new Map(sources.map(({ at, path }) => [at, path]));
  return roots.every((root) => places.get(textOf(root.at)) === textOf(originOf(root)));
}
