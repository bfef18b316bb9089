/** Removal of roots that were replaced, or that lack something. */
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import type { RootStore } from "../store/root_store.ts";

/**
 * Removes partial roots. They do no harm: where they can't be removed now, they stay until the next run of the series,
 * or until a client that may remove them.
 */
export function removePartial(roots: RootStore, ids: Iterable<RootId>): Promise<void> {
  return ifPossible(async () => {
    for (const id of ids) await roots.remove(id);
  });
}

/** Removes the object of a root that lacks something. Where that fails, a check names what it lacks. */
export function takeBack(roots: RootStore, name: string): Promise<void> {
  return ifPossible(() => roots.removeObject(name));
}

async function ifPossible(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}
