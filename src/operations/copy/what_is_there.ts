/** Determines which snapshots of one repository another one has already. */
import type { RootId } from "../../core/content_id.ts";
import type { Repository } from "../../snapshot/repository.ts";
import { isTranslated, originKey, originsIn } from "./translation.ts";

/**
 * Ids, at the source, of snapshots that needn't be copied. A copy that still has a checkpoint is not finished, whether
 * its root exists or not.
 */
export async function whatIsThere(from: Repository, to: Repository): Promise<ReadonlySet<RootId>> {
  const unfinished = new Set((await to.snapshots()).flatMap((snapshot) => snapshot.for ?? []));
  if (!isTranslated(from, to)) return new Set((await to.rootIds()).filter((id) => !unfinished.has(id)));
  const origins = await originsIn(to), isThere = (there: RootId | undefined) => there && !unfinished.has(there);
  const ids = (await from.rootIds()).filter((id) => isThere(origins.get(originKey({ storage: from.id, id }))));
  return new Set(ids);
}
