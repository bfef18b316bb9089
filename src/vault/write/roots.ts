/** Roots that others take the place of. */
import { PlaceRefuses } from "../../backend/faults.ts";
import type { RootId } from "../../core/content_id.ts";
import type { RootStore } from "../store/root_store.ts";

/** Removes partial roots. Where nothing may be deleted they stay, until somebody forgets them who may. */
export async function removePartial(roots: RootStore, ids: Iterable<RootId>): Promise<void> {
  try {
    for (const id of ids) await roots.remove(id);
  } catch (error) {
    if (!(error instanceof PlaceRefuses)) throw error;
  }
}
