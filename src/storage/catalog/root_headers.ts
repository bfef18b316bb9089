/** The roots in `content/`, in the order in which a catalog takes them up. */
import { headerOf, renumbered, type RootHeader, withoutReplaced } from "../../catalog/snapshot_order.ts";
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import type { CatalogOrigin } from "./catalog_origin.ts";

export interface HeaderOptions {
  /** Called for each root that can't be read. */
  readonly report?: ((id: RootId, fault: Fault) => void) | undefined;
  /** Whether the former one of two roots of one snapshot is removed: only for the writer. */
  readonly removesReplaced: boolean;
}

/** Roots in order, without their hunks; a damaged root is a problem of its own and hides no other. */
export function readHeaders(
  { manifests }: CatalogOrigin,
  ids: readonly RootId[],
  options: HeaderOptions,
): RootHeader[] {
  const { removesReplaced, report } = options, heads: RootHeader[] = [];
  for (const id of ids) {
    try {
      heads.push(headerOf(id, manifests.readRoot(id)));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      report?.(id, error);
    }
  }
  // Of two roots of one snapshot, which a crash has left, the newer one counts.
  return renumbered(withoutReplaced(heads, ({ id }) => {
    if (removesReplaced) manifests.remove(id);
  }));
}
