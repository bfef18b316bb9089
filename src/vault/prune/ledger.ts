/** Ledgers: the decisions of a prune, for all other clients to read. */
import { type IndexHeader, type LedgerLine, MARKS, MOST_WRITTEN } from "../index/index_object.ts";
import type { IndexObjectFacts } from "../store/unit_index.ts";

/** The objects in force: no listed object supersedes them. */
export function inForce(objects: ReadonlyMap<string, IndexObjectFacts>): IndexObjectFacts[] {
  const superseded = supersededBy(objects.values());
  return [...objects.values()].filter(({ name }) => !superseded.has(name));
}

export function supersededBy(objects: Iterable<Pick<IndexHeader, "supersedes">>): ReadonlySet<string> {
  const superseded = new Set<string>();
  for (const { supersedes } of objects) for (const name of supersedes) superseded.add(name);
  return superseded;
}

/**
 * Names that a new ledger supersedes: all earlier ledgers, rewritten index objects, and everything that was superseded
 * earlier and is still listed. The objects that said so will be deleted, and then a name that isn't superseded would
 * count again.
 */
export function supersededNow(
  objects: ReadonlyMap<string, IndexObjectFacts>,
  { rewritten, keepsSuperseded }: { readonly rewritten: Iterable<string>; readonly keepsSuperseded: boolean },
): string[] {
  const names = new Set<string>(rewritten), superseded = supersededBy(objects.values());
  for (const { name, kind } of objects.values()) {
    if (superseded.has(name) ? keepsSuperseded : kind === "ledger") names.add(name);
  }
  return [...names].sort();
}

/**
 * Divides ledger lines into portions, one for each object. The last one is for the deciding ledger: it has everything
 * that isn't permanent, and is written after all others. Those hold only tombstones, as long as one object has room for
 * the rest.
 */
export function ledgerPortions(lines: Iterable<LedgerLine>, most = MOST_WRITTEN): (readonly LedgerLine[])[] {
  const gravestFirst = [...lines].sort((a, b) => MARKS.indexOf(b.mark) - MARKS.indexOf(a.mark));
  const portions: (readonly LedgerLine[])[] = [];
  for (let end = gravestFirst.length; end > 0; end -= most) {
    portions.unshift(gravestFirst.slice(Math.max(0, end - most), end));
  }
  return portions.length === 0 ? [[]] : portions;
}

/** True if both have the same marks for all units. */
export function isSame(a: ReadonlyMap<string, LedgerLine>, b: ReadonlyMap<string, LedgerLine>): boolean {
  if (a.size !== b.size) return false;
  for (const [unit, { mark, since }] of a) {
    const other = b.get(unit);
    if (other === undefined || other.mark !== mark || Date.parse(other.since) !== Date.parse(since)) return false;
  }
  return true;
}
