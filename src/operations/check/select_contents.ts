/** Selects the contents that a partial check reads: those not read for the longest time. */
import type { Subset } from "../../core/subset.ts";
import type { Awaitable } from "../../core/awaitable.ts";
import type { VerificationQueries } from "../../snapshot/catalog_queries.ts";
import type { Repository } from "../../snapshot/repository.ts";
import { IdList } from "../../core/id_list.ts";

/**
 * Selects contents until there are enough. The last one may exceed the limit, so that each check makes progress and
 * every content is reached eventually. Known damage is always selected and doesn't count, so that it can't keep others
 * from being read.
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
