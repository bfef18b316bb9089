/** Places of a storage that a repair deals with. */
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { quarantine } from "../layout/quarantine.ts";
import type { Storage } from "../storage.ts";
import { existingTree } from "../tree/tree_places.ts";

/** Moves an item of `content/` out of the way. @returns its place in the storage; undefined if it was not there */
export function quarantineItem({ dir, settings }: Storage, id: string): string | undefined {
  return quarantine(dir, settings, id);
}

/** Name of the tree that a snapshot has; undefined if it has none. */
export function treeOf(storage: Storage, snapshot: SnapshotInfo): string | undefined {
  return existingTree(storage, snapshot);
}
