/** A snapshot for programs. */
import type { SnapshotInfo } from "../../../snapshot/snapshot_info.ts";

/** Output of `snapshots --json` for a snapshot. Part of the interface. */
export function snapshotJson(snapshot: SnapshotInfo) {
  const { id, time, tree, host, name, sources, tags, description, files, bytes, complete } = snapshot;
  // An empty one is none.
  return { id, time, tree, host, name, sources, tags, ...(description && { description }), files, bytes, complete };
}
