/** Measures a storage by listing it. */
import { classOfId } from "../../core/content_id.ts";
import { digestHexLength } from "../../core/digest.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { Raw } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import type { RepositoryUsage } from "../../snapshot/repository.ts";
import { LeafCursor, type RemovableStorage } from "./removal.ts";

/**
 * Counts items. Only roots and hunks are asked for their sizes: there may be millions of contents. @throws Interrupted
 */
export async function measureUsage(
  storage: Pick<RemovableStorage, "dir" | "settings" | "listing" | "machine">,
  signal: AbortSignal,
  monitor: Monitor,
): Promise<RepositoryUsage> {
  const pace = new Yielder(storage.machine.clock, signal), digits = digestHexLength(storage.settings.algorithm);
  let manifestItems = 0, manifestBytes = 0, contents = 0;
  let leaf: Raw | undefined;
  using leaves = new LeafCursor(storage.dir);
  for (const item of storage.listing.items()) {
    if (item.leaf !== leaf) {
      await pace.yieldIfDue();
      monitor.current(`content/${leaf = item.leaf}`);
    }
    const kind = classOfId(item.id, digits);
    if (kind === "content") contents++;
    else if (kind !== undefined) {
      manifestItems++;
      manifestBytes += leaves.at(item.leaf)?.stat(item.name)?.size ?? 0;
    }
  }
  return { manifestItems, manifestBytes, contents, freeBytes: storage.dir.freeBytes() };
}
