import type { RootId } from "../core/content_id.ts";
import type { Root } from "./root.ts";

/** A snapshot as lists of snapshots show it. */
export interface SnapshotInfo {
  readonly id: RootId;
  readonly sequence: number;
  /** Start and end, ISO 8601 in UTC. */
  readonly time: string;
  readonly end: string;
  /** Offset of local time from UTC where it was made, in minutes (positive: ahead). */
  readonly offsetMinutes: number;
  /** Path of the tree in the storage; null if there is no tree. */
  readonly tree: string | null;
  readonly host: string;
  readonly user: string;
  readonly name: string;
  /** As in {@link Root}. */
  readonly named?: boolean;
  readonly sources: readonly string[];
  readonly tags: readonly string[];
  readonly description?: string;
  readonly entries: number;
  readonly files: number;
  readonly bytes: number;
  readonly problems: number;
  readonly complete: boolean;
  /** As in {@link Root}. */
  readonly change?: NonNullable<Root["change"]>;
  readonly alarm?: NonNullable<Root["alarm"]>;
  /** As in {@link Root}. */
  readonly for?: RootId;
}

export function infoOf(id: RootId, root: Root): SnapshotInfo {
  const { entries, files, bytes, problems } = root.totals;
  return {
    id,
    sequence: root.sequence,
    time: root.start,
    end: root.end,
    offsetMinutes: root.offsetMinutes,
    tree: root.tree,
    host: root.host,
    user: root.user,
    name: root.name,
    ...(root.named !== undefined && { named: root.named }),
    sources: root.sources.map(({ path }) => path),
    tags: root.tags,
    ...(root.description !== undefined && { description: root.description }),
    entries,
    files,
    bytes,
    problems,
    complete: root.complete,
    ...(root.change !== undefined && { change: root.change }),
    ...(root.alarm !== undefined && { alarm: root.alarm }),
    ...(root.for !== undefined && { for: root.for }),
  };
}
