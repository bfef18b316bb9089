/** Which contents a check of a part reads: those that were not read for the longest time. */
import type { Raw } from "../../core/raw.ts";
import type { Subset } from "../../core/subset.ts";
import type { Verifications } from "../../catalog/verifications.ts";
import { itemPath } from "../../storage/layout/item_path.ts";
import type { Storage } from "../../storage/storage.ts";
import { IdList } from "../../core/id_list.ts";
import type { ItemBatch } from "../../storage/item_reader.ts";

/** Ids of one leaf directory that are gathered at once. */
const GATHERED = 1024;

/**
 * Chooses until there is enough; what would be just too much is taken too, so that each check gets on, and the last
 * content is reached some day. Known damage is always chosen, and doesn't count: it can't keep others from being read.
 */
export function chooseContents(storage: Storage, subset: Exclude<Subset, { kind: "part" }>): IdList {
  return storage.query(({ verifications }) => choose(verifications, subset));
}

function choose(verifications: Verifications, subset: Exclude<Subset, { kind: "part" }>): IdList {
  const enough = subset.kind === "bytes" ? subset.bytes : verifications.total().bytes * subset.percent / 100;
  const chosen = new IdList();
  let bytes = 0;
  for (const { id, size, isDamaged } of verifications.longestAgo()) {
    if (!isDamaged && bytes >= enough && chosen.length > 0) break;
    chosen.add(id);
    if (!isDamaged) bytes += size;
  }
  return chosen;
}

/** Contents that lie in one directory and follow each other are read together. */
export function* batchesOf(storage: Storage, ids: Iterable<string>): Generator<ItemBatch> {
  let leaf: Raw | undefined, names: Raw[] = [];
  for (const id of ids) {
    const { dir, name } = itemPath(storage.settings, id);
    if (leaf !== undefined && (dir !== leaf || names.length >= GATHERED)) {
      yield { leaf, names };
      names = [];
    }
    leaf = dir;
    names.push(name);
  }
  if (leaf !== undefined) yield { leaf, names };
}
