/** What index objects say of units, as the cache stores it: little memory, and no work for a garbage collection. */
import type { IndexHeader, IndexLines, UnitLine } from "../index/index_object.ts";
import { packFacts } from "./packed_facts.ts";
import { packItems } from "./packed_items.ts";

/** An index object's line about one unit. */
export interface PackedUnit {
  readonly unit: string;
  /** As {@link packFacts} gives them. */
  readonly facts: Uint8Array<ArrayBuffer>;
  /** As {@link packItems} gives them. */
  readonly items: Uint8Array<ArrayBuffer>;
}

/** An index object with packed lines about units, which can be taken once. */
export type PackedIndex =
  | IndexHeader & { readonly kind: "units"; readonly units: Iterable<PackedUnit> }
  | Extract<IndexLines, { readonly kind: "ledger" }>;

export function packUnit(line: UnitLine): PackedUnit {
  return { unit: line.unit, facts: packFacts(line), items: packItems(line.items) };
}

/** The same object; each line is packed, and what is wrong with it thrown, when it is taken. */
export function packIndex(object: IndexLines): PackedIndex {
  return object.kind === "units" ? { ...object, units: Iterator.from(object.units).map(packUnit) } : object;
}
