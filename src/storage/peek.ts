/** A quick look at the snapshots, for suggestions: what the catalog on disk says, be it up to date or not. */
import { textOf } from "../core/raw.ts";
import { openCatalog, type SnapshotInfo } from "./catalog/catalog.ts";
import type { Storage } from "./storage.ts";

/** Oldest first; none if there is no catalog that can be read. Takes no lock, changes nothing, makes nothing again. */
export function peekSnapshots(storage: Storage): SnapshotInfo[] {
  const opened = openCatalog(`${textOf(storage.path)}/db/catalog.sqlite`, storage.settings.id, { mode: "read" });
  if ("stale" in opened) return [];
  using catalog = opened;
  return catalog.snapshots();
}
