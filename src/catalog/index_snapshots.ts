/**
 * Adds snapshots to the versions of the catalog. Several of one chain are processed at once, range by range of paths,
 * so that each hunk is read once, however many snapshots contain it.
 */
import { differences, NOTHING } from "./hunk_diff.ts";
import type { EntryState } from "./line_state.ts";
import { Cursor, ranges, Texts } from "./parallel_ranges.ts";
import type { VersionWriter } from "./version_writer.ts";
import type { Apath } from "../core/apath.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";
import type { Root } from "../snapshot/root.ts";

/** Number of snapshots processed at once. More would need more memory (a hunk of each is held) without being faster. */
export const MOST_AT_ONCE = 32;

export interface IndexRequest {
  readonly chain: number;
  /** The snapshot of the chain immediately before the first one; undefined if there is none. */
  readonly previous: ManifestSource | undefined;
  /** Consecutive snapshots of the chain, oldest first. */
  readonly snapshots: readonly ManifestSource[];
  /** True if later snapshots may continue the chain; false for a partial snapshot. */
  readonly isOpen: boolean;
}

export function indexSnapshots(writer: VersionWriter, { chain, previous, snapshots, isOpen }: IndexRequest): void {
  const sources = previous === undefined ? snapshots : [previous, ...snapshots];
  const cursors = sources.map((source) => new Cursor(source));
  const texts = new Texts();
  const last = snapshots.at(-1)!.root.sequence;
  for (const range of ranges(cursors)) {
    if (previous !== undefined && cursors.every((cursor) => cursor.hunk === cursors[0]!.hunk)) continue;
    texts.forgetBut(cursors);
    const open = new Map<Apath, Opened>();
    const lastChange = cursors.findLastIndex((cursor, i) => i > 0 && cursors[i - 1]!.hunk !== cursor.hunk);
    for (let i = previous === undefined ? 0 : 1; i < cursors.length; i++) {
      const before = cursors[i - 1], now = cursors[i]!;
      if (before?.hunk === now.hunk) continue;
      const old = before === undefined ? NOTHING : before.piece(range, texts);
      const { sequence } = now.source.root;
      for (const change of differences(old, now.piece(range, texts))) {
        if (change.before !== undefined) end(change.before.path, before!.source.root.sequence, open);
        if (change.now === undefined) continue;
        // What nothing in this group can end need not be kept in memory.
        if (i >= lastChange) writer.add(chain, change.now, sequence, isOpen ? undefined : last);
        else open.set(change.now.path, { state: change.now, first: sequence });
      }
    }
    for (const { state, first } of open.values()) writer.add(chain, state, first, isOpen ? undefined : last);
  }
  writer.flush();

  /** Ends a version that began in this group, or before it. */
  function end(path: Apath, sequence: number, open: Map<Apath, Opened>): void {
    const opened = open.get(path);
    open.delete(path);
    if (opened === undefined) writer.close(chain, path, sequence);
    else writer.add(chain, opened.state, opened.first, sequence);
  }
}

/** A version that has begun in this group. */
interface Opened {
  readonly state: EntryState;
  readonly first: number;
}

/** Number of entries in hunks that the two manifests don't share: an estimate of the work. */
export function entriesToCompare(before: Root | undefined, now: Root): number {
  const old = new Set(before?.hunks.map(({ id }) => id)), fresh = new Set(now.hunks.map(({ id }) => id));
  const hunks = [
    ...now.hunks.filter(({ id }) => !old.has(id)),
    ...(before?.hunks ?? []).filter(({ id }) => !fresh.has(id)),
  ];
  return hunks.reduce((sum, { count }) => sum + count, 0);
}
