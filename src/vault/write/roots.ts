/** Removal of roots that were replaced. */
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import type { RootStore } from "../store/root_store.ts";

/**
 * Removes partial roots. They do no harm: where they can't be removed now, they stay until the next run of the series,
 * or until a client that may remove them.
 */
export async function removePartial(roots: RootStore, ids: Iterable<RootId>): Promise<void> {
  try {
    for (const id of ids) await roots.remove(id);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}
