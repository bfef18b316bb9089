/** The roots in `content/`, in the order in which a catalog takes them up. */
import { isSameSnapshot, renumbered, type RootHeader } from "../../catalog/snapshot_order.ts";
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { DamagedSettings } from "../../snapshot/origin.ts";
import { ForeignSnapshot } from "../../snapshot/root.ts";
import { infoOf } from "../../snapshot/snapshot_info.ts";
import type { CatalogOrigin } from "./catalog_origin.ts";

export interface HeaderOptions {
  /** Called for each root that can't be read, or is of another storage. */
  readonly report?: ((id: RootId, fault: Fault) => void) | undefined;
  /** Whether the former one of two roots of one snapshot is removed: only for the writer. */
  readonly removesReplaced: boolean;
}

/**
 * Roots by sequence, without their hunks; a damaged root is a problem of its own and hides no other.
 * @throws DamagedSettings if none of them is of this storage
 */
export function readHeaders(origin: CatalogOrigin, ids: readonly RootId[], options: HeaderOptions): RootHeader[] {
  const { removesReplaced, report } = options;
  const { heads, faults } = readRoots(origin, ids);
  for (const [id, fault] of faults) report?.(id, fault);
  const other = [...faults.values()].find((fault) => fault instanceof ForeignSnapshot);
  if (heads.length === 0 && other !== undefined) {
    throw new DamagedSettings(`its "id" is wrong: all snapshots belong to the storage ${other.storage}`);
  }
  return renumbered(withoutReplaced(heads, (id) => {
    if (removesReplaced) origin.manifests.remove(id);
  }));
}

interface ReadRoots {
  readonly heads: readonly RootHeader[];
  /** Of roots that can't be read, or are of another storage. */
  readonly faults: ReadonlyMap<RootId, Fault>;
}

function readRoots({ manifests }: CatalogOrigin, ids: readonly RootId[]): ReadRoots {
  const heads: RootHeader[] = [], faults = new Map<RootId, Fault>();
  for (const id of ids) {
    try {
      const root = manifests.readRoot(id);
      const { sequence, replaces, start, host, name, complete } = root;
      const head = { sequence, start, host, name, complete, ...(replaces && { replaces }) };
      heads.push({ id, root: head, info: infoOf(id, root) });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.set(id, error);
    }
  }
  return { heads, faults };
}

/** Of two roots of one snapshot, which a crash has left, the newer one counts; whoever may write removes the other. */
function withoutReplaced(heads: readonly RootHeader[], remove: (former: RootId) => void): RootHeader[] {
  const byId = new Map(heads.map((head) => [head.id, head]));
  for (const { root } of heads) {
    const former = root.replaces && byId.get(root.replaces);
    if (former === undefined || !isSameSnapshot(root, former.root)) continue;
    remove(former.id);
    byId.delete(former.id);
  }
  return [...byId.values()];
}
