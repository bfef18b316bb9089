/** A quick look at the snapshots, for suggestions: what the catalog on disk says, be it up to date or not. */
import { CatalogFile } from "../catalog/catalog_file.ts";
import { unlessFault } from "../core/fault.ts";
import type { SnapshotInfo } from "../snapshot/snapshot_info.ts";
import type { Storage } from "./storage.ts";

/** Oldest first; none if there is no catalog that can be read. Takes no lock, changes nothing, makes nothing again. */
export function peekSnapshots(storage: Storage): SnapshotInfo[] {
  return unlessFault(() => {
    using file = new CatalogFile(storage.dir, storage.settings.id);
    const opened = file.open("read");
    if ("stale" in opened) return [];
    using catalog = opened;
    return catalog.snapshots();
  }, []);
}
