import type { SnapshotInfo } from "../snapshot/snapshot_info.ts";

/** As people see an id. */
export function shortId({ id }: Pick<SnapshotInfo, "id">): string {
  return id.slice(0, 12);
}
