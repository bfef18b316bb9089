/** Reads the roots in `content/`, in the order in which a catalog adds them. */
import { headerOf, renumbered, type RootHeader, withoutReplaced } from "../../catalog/snapshot_order.ts";
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { existingTree, withdrawTrees } from "../tree/tree_places.ts";
import type { CatalogOrigin } from "./catalog_origin.ts";

export interface HeaderOptions {
  /** Called for each root that can't be read. */
  readonly report?: ((id: RootId, fault: Fault) => void) | undefined;
  /** True if the former of two roots of one snapshot is removed: only for the writer. */
  readonly removesReplaced: boolean;
}

/** Roots in order, without their hunks. A damaged root is reported, and hides no other. */
export function readHeaders(
  origin: CatalogOrigin,
  ids: readonly RootId[],
  options: HeaderOptions,
): RootHeader[] {
  const { manifests } = origin, { removesReplaced, report } = options, heads: RootHeader[] = [];
  for (const id of ids) {
    try {
      heads.push(headerOf(id, manifests.readRoot(id)));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      report?.(id, error);
    }
  }
  // Of two roots of one snapshot, which a crash has left, the newer one counts.
  return renumbered(withoutReplaced(heads, (former, by) => {
    if (!removesReplaced) return;
    removeTree(origin, former.info, by.info.tree);
    manifests.remove(former.id);
  }));
}

/** Removes the tree of a snapshot that was rewritten elsewhere and then copied: it shows what was removed. */
function removeTree({ dir, machine, monitor }: CatalogOrigin, former: SnapshotInfo, kept: string | null): void {
  const storage = { dir, machine, snapshots: () => [] }, tree = existingTree(storage, former);
  if (tree === undefined || tree === kept) return;
  using trees = withdrawTrees(storage, [former]);
  trees.remove(monitor);
}
