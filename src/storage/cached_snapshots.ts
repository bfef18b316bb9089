/** A quick look at the snapshots, for suggestions: whatever the catalog on disk lists, up to date or not. */
import { CatalogFile } from "../catalog/catalog_file.ts";
import { unlessFault } from "../core/fault.ts";
import type { Dir } from "../platform/disk.ts";
import type { SnapshotInfo } from "../snapshot/snapshot_info.ts";

/**
 * Snapshots in the catalog on disk, oldest first; none if there is no readable catalog. Takes no lock and changes
 * nothing.
 */
export function peekSnapshots(storage: Dir, storageId: string): SnapshotInfo[] {
  return unlessFault(() => {
    using file = new CatalogFile(storage, storageId);
    const opened = file.open("read");
    if ("stale" in opened) return [];
    using catalog = opened;
    return catalog.snapshots();
  }, []);
}
