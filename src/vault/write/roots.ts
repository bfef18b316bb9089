/** Roots that others take the place of. */
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import type { RootStore } from "../store/root_store.ts";

/**
 * Removes partial roots. They are in nobody's way: where they can't be removed, or not now, they stay until the next run
 * of the series, or somebody who may.
 */
export async function removePartial(roots: RootStore, ids: Iterable<RootId>): Promise<void> {
  try {
    for (const id of ids) await roots.remove(id);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}
