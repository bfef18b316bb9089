/** A snapshot for programs. */
import type { SnapshotInfo } from "../../../snapshot/snapshot_info.ts";

/** What `snapshots --json` says of each; part of the interface. */
export function snapshotJson({ id, time, tree, host, name, sources, tags, files, bytes, complete }: SnapshotInfo) {
  return { id, time, tree, host, name, sources, tags, files, bytes, complete };
}
