/** Rebuilds the catalog from content/ alone. */
import type { Monitor } from "../../core/monitor.ts";
import type { Storage } from "../../storage/storage.ts";

/** @returns numbers of snapshots and contents @throws Locked, DiskFault */
export function rebuildCatalog(storage: Storage, monitor: Monitor): { snapshots: number; contents: number } {
  monitor.phase("updating the catalog");
  using writer = storage.write("rebuild");
  const catalog = writer.rebuildCatalog();
  return { snapshots: catalog.snapshots().length, contents: catalog.contentCount() };
}
