/**
 * What an index is going to say of a unit, from when the unit was packed until an index object lists it. Whoever packs
 * makes all of it, so that the thread that has the vault never sees thousands of items as objects.
 */
import { PackedItems } from "../cache/packed_items.ts";
import { type PackedUnit, packUnit } from "../cache/packed_unit.ts";
import { encodeLine, type UnitLine } from "../index/index_object.ts";

export interface PackedLine extends PackedUnit {
  /** As {@link encodeLine} gives it. */
  readonly text: Uint8Array<ArrayBuffer>;
}

export function packLine(line: UnitLine): PackedLine {
  return { ...packUnit(line), text: encodeLine(line) };
}

/** Number of items. */
export function countOf({ items }: PackedLine): number {
  return new PackedItems(items).count;
}

/** Ids of the items. */
export function idsOf({ items }: PackedLine): Iterable<string> {
  return new PackedItems(items).ids();
}
