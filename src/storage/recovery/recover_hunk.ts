/**
 * Recovers the lines of a lost hunk. The catalog knows most of what was in it; lines of other snapshots for the same
 * state have the rest. If all lines are found that way, the hunk is rebuilt byte by byte, which its checksum proves;
 * else a similar hunk takes its place, in snapshots that are rebuilt with it.
 */
import type { Catalog } from "../../catalog/catalog.ts";
import { stateOf as lineStateOf } from "../../catalog/line_state.ts";
import { stateOf } from "../../catalog/version_row.ts";
import { type Apath, compareApath } from "../../core/apath.ts";
import type { RootId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import { unlessFault } from "../../core/fault.ts";
import { rawOf } from "../../core/raw.ts";
import type { PathVersion, State } from "../../snapshot/catalog_queries.ts";
import { encodeEntry } from "../../snapshot/entry_line.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import type { Manifest } from "../../snapshot/manifest.ts";

export interface ReadableSnapshot {
  readonly id: RootId;
  readonly manifest: Manifest;
}

/** What is needed of the storage to read its snapshots. */
export interface SnapshotsToRead {
  readonly listing: { rootIds(): RootId[] };
  manifest(id: RootId): Manifest;
}

/** All snapshots whose roots can be read, newest first. */
export function readableSnapshots(storage: SnapshotsToRead): ReadableSnapshot[] {
  const readable = storage.listing.rootIds().flatMap((id) => {
    const manifest = unlessFault(() => storage.manifest(id), undefined);
    return manifest === undefined ? [] : [{ id, manifest }];
  });
  return readable.sort(newestFirst);
}

export function newestFirst({ manifest: { root: a } }: ReadableSnapshot, { manifest: { root: b } }: ReadableSnapshot) {
  return b.sequence - a.sequence;
}

export interface RecoveryOptions {
  readonly catalog: Catalog;
  /** All snapshots whose roots can be read, newest first. */
  readonly snapshots: readonly ReadableSnapshot[];
  /** Ids of those that list the hunk. */
  readonly users: readonly RootId[];
}

/** Paths of a hunk: from `first` on, before `to`; undefined: to the end. */
interface Range {
  readonly first: Apath;
  readonly to: Apath | undefined;
}

/** @returns the lines of a hunk in order; undefined if the catalog doesn't know all of them */
export function recoverLines(hunk: HunkRef, { catalog, snapshots, users }: RecoveryOptions): string[] | undefined {
  const sequences = new Map(catalog.snapshots().map(({ id, sequence }) => [id, sequence]));
  for (const { id, manifest } of snapshots) {
    const sequence = sequences.get(id);
    if (sequence === undefined || !users.includes(id)) continue;
    const range = rangeOf(hunk, manifest);
    const versions = [...versionsIn(catalog, sequence, range)].sort((a, b) => compareApath(a.path, b.path));
    if (versions.length !== hunk.count || versions[0]?.path !== hunk.first) continue;
    const known = linesLike(versions, range, snapshots);
    return versions.map((version) => known.get(version.path) ?? encodeEntry(entryOf(version)));
  }
  return undefined;
}

function rangeOf(hunk: HunkRef, { root }: Manifest): Range {
  const index = root.hunks.findIndex(({ id }) => id === hunk.id);
  return { first: hunk.first, to: root.hunks[index + 1]?.first };
}

function isIn(path: Apath, { first, to }: Range): boolean {
  return compareApath(path, first) >= 0 && (to === undefined || compareApath(path, to) < 0);
}

function* versionsIn(catalog: Catalog, sequence: number, range: Range): Generator<PathVersion> {
  for (const version of catalog.find({ snapshots: [sequence] })) if (isIn(version.path, range)) yield version;
}

/** Whole lines of any snapshot that describe the same state of a path as the catalog does. */
function linesLike(
  versions: readonly PathVersion[],
  range: Range,
  snapshots: readonly ReadableSnapshot[],
): Map<Apath, string> {
  const wanted = new Map(versions.map((version) => [version.path, stateText(version)]));
  const found = new Map<Apath, string>(), seen = new Set<string>();
  for (const { manifest } of snapshots) {
    for (const index of hunksIn(manifest, range)) {
      const { id } = manifest.root.hunks[index]!;
      if (seen.has(id)) continue;
      seen.add(id);
      for (const line of unlessFault(() => manifest.lines(index), [])) {
        const raw = rawOf(line), state = lineStateOf(raw, 0, raw.length);
        if (state === undefined || found.has(state.path)) continue;
        if (wanted.get(state.path) === stateText(stateOf(state))) found.set(state.path, line);
      }
    }
  }
  return found;
}

/** Indices of the hunks that may have some of these paths. */
function* hunksIn(manifest: Manifest, { first, to }: Range): Generator<number> {
  const { hunks } = manifest.root;
  for (let index = manifest.hunkOf(first) ?? 0; index < hunks.length; index++) {
    if (to !== undefined && compareApath(hunks[index]!.first, to) >= 0) return;
    yield index;
  }
}

/** A text that is equal for equal states. */
export function stateText(
  { kind, size, mtime, content, mode, uid, gid, user, group, device, target, xattrs }: State,
): string {
  const { major, minor } = device ?? {};
  return JSON.stringify([kind, size, mtime, content, mode, uid, gid, user, group, major, minor, target, xattrs]);
}

/** An entry as far as the catalog knows it: without ctime, inode number, hard links, holes and extended attributes. */
export function entryOf({ path, kind, size, mtime, content, mode, uid, gid, ...others }: PathVersion): Entry {
  const { user, group, device, target, problems } = others;
  return {
    path,
    kind,
    size,
    mtime,
    mode,
    uid,
    gid,
    ...(user !== undefined && { user }),
    ...(group !== undefined && { group }),
    ...(device !== undefined && { device }),
    ...(content !== undefined && { content }),
    ...(target !== undefined && { target }),
    ...(problems !== undefined && { problems }),
  };
}
