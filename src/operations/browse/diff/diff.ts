/** Differences between two snapshots, or between a snapshot and a directory. */
import { type ChangeOrder, ChangeTable, type GatheredChange } from "../../../catalog/change_table.ts";
import { changesBetween } from "../../../catalog/path_changes.ts";
import type { Apath } from "../../../core/apath.ts";
import type { Monitor } from "../../../core/monitor.ts";
import type { Raw } from "../../../core/raw.ts";
import { type ChangedField, changedFieldsOf, isOfContent } from "../changed_fields.ts";
import { compareDirectory } from "./diff_directory.ts";
import { notInSnapshot, resolvePaths } from "../resolve_path.ts";
import type { CatalogQueries, PathChange } from "../../../snapshot/catalog_queries.ts";
import type { Manifest } from "../../../snapshot/manifest.ts";
import type { Repository } from "../../../snapshot/repository.ts";
import type { SnapshotInfo } from "../../../snapshot/snapshot_info.ts";
import type { OpenedRepository } from "../../opened.ts";

export interface DiffRequest {
  readonly before: SnapshotInfo;
  /** Another snapshot, or the path of a directory to compare `below` with. */
  readonly now: SnapshotInfo | Raw;
  /** Restricts the comparison to this path and what is in it. */
  readonly below: Apath;
  /** Compare the contents of all files with the directory, not only of those whose metadata differ. */
  readonly readData: boolean;
  /** Also report directories that differ only in their modification time. */
  readonly directoryTimes: boolean;
}

/** The kind of difference. */
export type DiffKind = "added" | "removed" | "content" | "metadata" | "moved";

export interface Difference extends GatheredChange {
  readonly change: DiffKind;
  /** The fields that differ, if the path exists on both sides. */
  readonly aspects: readonly ChangedField[];
}

export interface DiffSummary {
  readonly added: number;
  readonly removed: number;
  readonly content: number;
  readonly metadata: number;
  readonly moved: number;
  /** Total size of the files that are new or changed, in their new form, and of those in their old form. */
  readonly addedBytes: number;
  readonly removedBytes: number;
}

/** The result, which may be large; open until disposed. */
export interface Differences extends Disposable {
  /** Yields the differences. @returns the summary of all of them */
  list(order: ChangeOrder): Generator<Difference, DiffSummary>;
}

/** Compares. @throws NotInSnapshot, NoSource, DamagedManifest, DamagedContent */
export async function diff(
  repository: OpenedRepository,
  request: DiffRequest,
  monitor: Monitor,
): Promise<Differences> {
  const { now } = request;
  const table = typeof now === "string"
    ? await withDirectory(repository, request, now, monitor)
    : await withSnapshot(repository, request, now);
  return { list: (order) => listed(table, order), [Symbol.dispose]: () => table[Symbol.dispose]() };
}

async function withSnapshot(repository: Repository, request: DiffRequest, now: SnapshotInfo): Promise<ChangeTable> {
  const { before } = request;
  const manifests = [await repository.manifest(before.id), await repository.manifest(now.id)] as const;
  const below = belowMeant(manifests, request.below, now);
  // The catalog knows what changed within a series; any other two are compared by their manifests.
  const isOneSeries = before.complete && now.complete && before.host === now.host && before.name === now.name;
  return await repository.query((catalog) => {
    const changes = isOneSeries ? changesInSeries(catalog, before, now, below) : changesBetween(...manifests, below);
    return gathered(repository, request, (table) => gather(table, changes, request));
  });
}

async function withDirectory(
  repository: OpenedRepository,
  request: DiffRequest,
  directory: Raw,
  monitor: Monitor,
): Promise<ChangeTable> {
  const comparison = await compareDirectory(repository, { ...request, directory }, monitor);
  return gathered(repository, request, (table) => {
    gather(table, comparison.changes(), request);
    for (const { id, path } of table.unknownContents()) {
      const content = comparison.contentAt(path);
      if (content !== undefined) table.setContent(id, content);
    }
  });
}

/** What a change takes at most, with names of ordinary length. */
const CHANGE_BYTES = 512;

function gathered(
  repository: Repository,
  { before, now }: DiffRequest,
  fill: (table: ChangeTable) => void,
): ChangeTable {
  using held = new DisposableStack();
  const entries = before.entries + (typeof now === "string" ? before.entries : now.entries);
  const table = held.use(new ChangeTable(repository.tempFor(entries * CHANGE_BYTES)));
  fill(table);
  held.move();
  return table;
}

function gather(table: ChangeTable, changes: Iterable<PathChange>, { directoryTimes }: DiffRequest): void {
  for (const change of changes) {
    if (isReported(change, directoryTimes)) table.add(change);
  }
}

function isReported({ before, now }: PathChange, directoryTimes: boolean): boolean {
  if (before === undefined || now === undefined) return true;
  const aspects = changedFieldsOf(before, now);
  if (aspects.length === 0) return false;
  return directoryTimes || now.kind !== "dir" || aspects.some((aspect) => aspect !== "mtime");
}

/** A path in one of them, or as it was in the source; anything else is a typing error. */
function belowMeant(manifests: readonly [before: Manifest, now: Manifest], path: Apath, now: SnapshotInfo): Apath {
  for (const manifest of manifests) {
    const [meant, ...others] = resolvePaths(manifest, path);
    if (meant !== undefined && others.length === 0) return meant;
  }
  throw notInSnapshot(manifests[1], path, now);
}

function* changesInSeries(
  catalog: CatalogQueries,
  before: SnapshotInfo,
  now: SnapshotInfo,
  below: Apath,
): Generator<PathChange> {
  const { host, name } = now;
  const isBackward = before.sequence > now.sequence;
  const [first, last] = isBackward ? [now, before] : [before, now];
  for (const change of catalog.changes({ host, name, before: first.sequence, now: last.sequence }, below)) {
    yield isBackward ? { path: change.path, before: change.now, now: change.before } : change;
  }
}

function* listed(table: ChangeTable, order: ChangeOrder): Generator<Difference, DiffSummary> {
  const count: Record<DiffKind, number> = { added: 0, removed: 0, content: 0, metadata: 0, moved: 0 };
  let addedBytes = 0, removedBytes = 0;
  for (const gathered of table.changes(order)) {
    const { before, now } = gathered;
    const aspects = before === undefined || now === undefined ? [] : changedFieldsOf(before, now);
    const change = kindOf(gathered, aspects);
    count[change]++;
    if (change !== "metadata" && change !== "moved") {
      addedBytes += now?.size ?? 0;
      removedBytes += before?.size ?? 0;
    }
    yield { ...gathered, aspects, change };
  }
  return { ...count, addedBytes, removedBytes };
}

function kindOf({ before, now, from }: GatheredChange, aspects: readonly ChangedField[]): DiffKind {
  if (from !== undefined) return "moved";
  if (before === undefined) return "added";
  if (now === undefined) return "removed";
  return isOfContent(aspects) ? "content" : "metadata";
}
