/** Which contents a check of a part reads: those that were not read for the longest time. */
import type { Subset } from "../../core/subset.ts";
import type { Awaitable } from "../../core/awaitable.ts";
import type { VerificationQueries } from "../../snapshot/catalog_queries.ts";
import type { Repository } from "../../snapshot/repository.ts";
import { IdList } from "../../core/id_list.ts";

/**
 * Chooses until there is enough; what would be just too much is taken too, so that each check gets on, and the last
 * content is reached some day. Known damage is always chosen, and doesn't count: it can't keep others from being read.
 */
export function chooseContents(
  repository: Repository,
  subset: Exclude<Subset, { kind: "part" }>,
): Awaitable<IdList> {
  return repository.query(({ verifications }) => choose(verifications, subset));
}

function choose(verifications: VerificationQueries, subset: Exclude<Subset, { kind: "part" }>): IdList {
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
