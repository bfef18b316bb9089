/** Paths in a storage that a repair needs. */
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { quarantine } from "../layout/quarantine.ts";
import type { Storage } from "../storage.ts";
import { existingTree } from "../tree/tree_places.ts";

/** Moves an item of `content/` out of the way. @returns its path in the storage; undefined if it doesn't exist */
export function quarantineItem({ dir, settings }: Storage, id: string): string | undefined {
  return quarantine(dir, settings, id);
}

/** Name of a snapshot's tree; undefined if it has none. */
export function treeOf(storage: Storage, snapshot: SnapshotInfo): string | undefined {
  return existingTree(storage, snapshot);
}
