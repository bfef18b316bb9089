/** A quick look at the snapshots, for suggestions: what the catalog on disk says, be it up to date or not. */
import { CatalogFile } from "../catalog/catalog_file.ts";
import { unlessFault } from "../core/fault.ts";
import type { Dir } from "../platform/disk.ts";
import type { SnapshotInfo } from "../snapshot/snapshot_info.ts";

/** Oldest first; none if there is no catalog that can be read. Takes no lock, changes nothing, makes nothing again. */
export function peekSnapshots(storage: Dir, storageId: string): SnapshotInfo[] {
  return unlessFault(() => {
    using file = new CatalogFile(storage, storageId);
    const opened = file.open("read");
    if ("stale" in opened) return [];
    using catalog = opened;
    return catalog.snapshots();
  }, []);
}
