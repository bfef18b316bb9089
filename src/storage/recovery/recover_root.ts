/**
 * Rebuilds a snapshot whose root is lost. The catalog knows its paths and their states; whole lines come from the
 * snapshots before and after it, so that most hunks are the old ones. Unknown fields are omitted or, where that could
 * do harm, get the most cautious value.
 */
import type { Catalog } from "../../catalog/catalog.ts";
import { stateOf as lineStateOf } from "../../catalog/line_state.ts";
import { stateOf } from "../../catalog/version_row.ts";
import { type Apath, compareApath, TOP } from "../../core/apath.ts";
import { unlessFault } from "../../core/fault.ts";
import { OrderedLookup } from "../../core/merge_by_path.ts";
import type { Monitor } from "../../core/monitor.ts";
import { baseName, rawOf, textOf } from "../../core/raw.ts";
import { VERSION } from "../../core/version.ts";
import type { PathVersion } from "../../snapshot/catalog_queries.ts";
import { encodeEntry } from "../../snapshot/entry_line.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Root } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { SnapshotWriter } from "../../snapshot/snapshot_writer.ts";
import { entryOf, type ReadableSnapshot, stateText } from "./recover_hunk.ts";
import type { Clock } from "../../core/clock.ts";
import type { ManifestStore } from "../content/manifest_store.ts";
import type { Settings } from "../layout/settings.ts";

/** A snapshot that can be rebuilt. */
export interface RecoverableSnapshot {
  readonly info: SnapshotInfo;
  readonly directories: number;
  /** True if it has an entry for the top itself: there was one source. */
  readonly hasTop: boolean;
}

/** The snapshot, if the catalog knows all of it; else undefined. */
export function findRecoverable(catalog: Catalog, id: string): RecoverableSnapshot | undefined {
  const info = catalog.snapshots().find((snapshot) => snapshot.id === id);
  if (info === undefined || !info.complete) return undefined;
  let entries = 0, directories = 0, hasTop = false;
  let last: Apath | undefined;
  for (const { path, kind } of catalog.find({ snapshots: [info.sequence] })) {
    if (last !== undefined && compareApath(last, path) >= 0) return undefined;
    last = path;
    entries++;
    if (kind === "dir") directories++;
    hasTop ||= path === TOP;
  }
  return entries === info.entries && entries > 0 ? { info, directories, hasTop } : undefined;
}

/** What is needed of the storage. */
export interface RecoveringStorage {
  readonly machine: { readonly clock: Clock };
  readonly settings: Pick<Settings, "id" | "algorithm" | "hexSplit">;
  readonly manifests: Pick<ManifestStore, "writeHunk">;
}

export interface RecoveryContext {
  readonly storage: RecoveringStorage;
  readonly catalog: Catalog;
  /** All snapshots whose roots can be read, newest first. */
  readonly snapshots: readonly ReadableSnapshot[];
  readonly monitor: Monitor;
}

/** Writes the hunks of the snapshot. @returns its root, which isn't written yet */
export function recoverRoot(found: RecoverableSnapshot, context: RecoveryContext): Root {
  const { storage, catalog, snapshots, monitor } = context;
  const { info } = found;
  const series = snapshots.map(({ manifest }) => manifest)
    .filter(({ root }) => root.host === info.host && root.name === info.name);
  const before = series.find(({ root }) => root.sequence < info.sequence);
  const after = series.findLast(({ root }) => root.sequence > info.sequence);
  const neighbours = [after, before].filter((manifest) => manifest !== undefined);
  const lines = neighbours.map((manifest) => new OrderedLookup(linesOf(manifest)));
  const writer = new SnapshotWriter({ addHunk: (first, lines) => storage.manifests.writeHunk(first, lines) }, monitor);
  for (const version of catalog.find({ snapshots: [info.sequence] })) {
    writer.add(version.path, lineOf(version, lines), undefined);
  }
  return { ...rootOf(found, storage, neighbours[0]?.root), hunks: writer.finish() };
}

/** The line of one path. All lookups advance, whichever has the line. */
function lineOf(version: PathVersion, neighbours: readonly OrderedLookup<Line>[]): string {
  const wanted = stateText(version);
  const found = neighbours.map((lines) => lines.at(version.path)).find((line) => line?.state === wanted);
  return found?.text ?? encodeEntry(entryOf(version));
}

/** The rebuilt root. @param like root of another snapshot of the series */
function rootOf(
  { info, directories, hasTop }: RecoverableSnapshot,
  storage: RecoveringStorage,
  like: Root | undefined,
): Root {
  const { id, algorithm, hexSplit } = storage.settings;
  const { entries, files, bytes, problems, description, change, alarm } = info;
  const isLike = like !== undefined && sameTexts(like.sources.map(({ path }) => path), info.sources);
  return {
    version: 1,
    storage: { id, algorithm, hexSplit },
    sequence: info.sequence,
    previous: null,
    start: info.time,
    end: info.end,
    timeZone: like?.timeZone ?? storage.machine.clock.zone,
    offsetMinutes: info.offsetMinutes,
    tree: info.tree,
    private: like?.private ?? true,
    host: info.host,
    user: info.user,
    name: info.name,
    ...(info.named !== undefined && { named: info.named }),
    sources: isLike ? like.sources : info.sources.map((path) => ({ path, at: hasTop ? "/" : placeByName(path) })),
    excludes: [],
    tags: info.tags,
    ...(description !== undefined && { description }),
    ...(change !== undefined && { change }),
    ...(alarm !== undefined && { alarm }),
    recovered: true,
    complete: true,
    totals: { entries, files, dirs: directories, bytes, problems },
    tool: `backup-tool ${VERSION}`,
    hunks: [],
  };
}

function placeByName(path: string): string {
  return `/${textOf(baseName(rawOf(path)))}`;
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

/** An entry's line in a manifest, and the state that it describes. */
interface Line {
  readonly path: Apath;
  readonly text: string;
  readonly state: string;
}

function* linesOf(manifest: Manifest): Generator<Line> {
  for (let hunk = 0; hunk < manifest.root.hunks.length; hunk++) {
    for (const text of unlessFault(() => manifest.lines(hunk), [])) {
      const raw = rawOf(text), state = lineStateOf(raw, 0, raw.length);
      if (state !== undefined) yield { path: state.path, text, state: stateText(stateOf(state)) };
    }
  }
}
