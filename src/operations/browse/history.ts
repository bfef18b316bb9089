/** The history of one path in all snapshots. */
import type { Apath } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import { type ChangedField, changedFieldsOf, isOfContent } from "./changed_fields.ts";
import { snapshotPathsOf } from "./resolve_path.ts";
import { type SnapshotRange, SnapshotRanges } from "./snapshot_ranges.ts";
import type { PathVersion } from "../../snapshot/catalog_queries.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Repository } from "../../snapshot/repository.ts";

export class NeverBackedUp extends Fault {
  readonly code = "never-backed-up";
  readonly hint =
    "Look for its name with `backup-tool find`; paths begin at the top of the snapshot, as `ls` shows them";
  constructor(path: Apath) {
    super(`No snapshot has ${JSON.stringify(textOf(path))}`);
  }
}

/**
 * The kind of change. "incomplete": found in an incomplete snapshot, which proves nothing about paths that it lacks.
 */
export type Change = "added" | "content" | "metadata" | "incomplete";

export interface HistoryVersion {
  readonly version: PathVersion;
  readonly span: SnapshotRange;
  readonly change: Change;
  /** Differences from the previous version, if that immediately precedes this one. */
  readonly aspects: readonly ChangedField[];
  /**
   * The first snapshot without the path, after this version; undefined if another version follows, or the path still
   * exists.
   */
  readonly goneIn: SnapshotInfo | undefined;
}

/**
 * All versions, series by series, each oldest first.
 * @param path in snapshots or, if none has it, in the source
 * @throws NeverBackedUp
 */
export async function history(repository: Repository, path: Apath): Promise<HistoryVersion[]> {
  const found = await versionsOf(repository, [path]) ?? await versionsOf(repository, await placesIn(repository, path));
  if (found === undefined) throw new NeverBackedUp(path);
  const spans = new SnapshotRanges(found.snapshots);
  const series = Map.groupBy(found.versions, ({ host, name }) => `${host}\0${name}`);
  return [...series.values()].flatMap((own) => eventsOf(own, spans));
}

/** All snapshots, and the versions of these paths; undefined if there are none. */
async function versionsOf(
  repository: Repository,
  paths: readonly Apath[],
): Promise<{ readonly snapshots: readonly SnapshotInfo[]; readonly versions: readonly PathVersion[] } | undefined> {
  const found = await repository.query((catalog) =>
    catalog.asOfOneMoment(() => ({
      snapshots: catalog.snapshots(),
      versions: paths.flatMap((path) => catalog.history(path)),
    }))
  );
  return found.versions.length === 0 ? undefined : found;
}

/** As the newest snapshot of each series has its sources. */
async function placesIn(repository: Repository, path: Apath): Promise<Apath[]> {
  const snapshots = await repository.snapshots();
  const newest = new Map(snapshots.map((snapshot) => [`${snapshot.host}\0${snapshot.name}`, snapshot.id]));
  const places = new Set<Apath>();
  for (const id of newest.values()) {
    const { root } = await repository.manifest(id);
    for (const place of snapshotPathsOf(path, root.sources)) places.add(place);
  }
  return [...places];
}

function eventsOf(versions: readonly PathVersion[], spans: SnapshotRanges): HistoryVersion[] {
  const complete = versions.filter(({ partial }) => partial === undefined);
  return versions.map((version) => {
    const span = spans.of(version);
    if (version.partial !== undefined) return { version, span, change: "incomplete", aspects: [], goneIn: undefined };
    const at = complete.indexOf(version), before = complete[at - 1], next = complete[at + 1];
    const follows = before !== undefined && spans.of(before).after === span.first;
    const aspects = follows ? changedFieldsOf(before, version) : [];
    const change = follows ? isOfContent(aspects) ? "content" : "metadata" : "added";
    const isReplaced = next !== undefined && spans.of(next).first === span.after;
    return { version, span, change, aspects, goneIn: isReplaced ? undefined : span.after };
  });
}
