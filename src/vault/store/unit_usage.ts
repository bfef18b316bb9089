/** Counts what the units of a vault hold, by its index alone. */
import { ItemSet } from "../../core/item_set.ts";
import { kindOfItem } from "../pack/items.ts";
import type { UnitIndex } from "./unit_index.ts";

export interface UnitUsage {
  /** Number of different hunks, and their size in bytes. */
  readonly hunks: number;
  readonly hunkBytes: number;
  /**
   * Number of different contents; undefined if some are stored in parts: an index doesn't tell a part from a small
   * content, and all lists of parts would have to be fetched.
   */
  readonly contents: number | undefined;
  /** Stored size of all units in bytes. */
  readonly packedBytes: number;
}

/** Adds up all units. An item that is in several of them counts once. */
export function unitUsage(index: UnitIndex): UnitUsage {
  const hunks = new ItemSet(), dataUnits: string[] = [];
  let hunkBytes = 0, packedBytes = 0, hasLists = false;
  for (const name of index.unitNames()) {
    const unit = index.unit(name);
    packedBytes += unit?.size ?? 0;
    if (unit?.unitClass === "data") {
      dataUnits.push(name);
      continue;
    }
    for (const { id, size } of index.itemsOf(name)) {
      const kind = kindOfItem(id);
      hasLists ||= kind === "list";
      if (kind === "hunk" && hunks.add(id)) hunkBytes += size;
    }
  }
  return { hunks: hunks.size, hunkBytes, contents: hasLists ? undefined : countItems(index, dataUnits), packedBytes };
}

/** There may be millions: their ids are not decoded. */
function countItems(index: UnitIndex, units: readonly string[]): number {
  const items = new ItemSet();
  for (const unit of units) index.eachWords(unit, (first, second) => items.addWords(first, second));
  return items.size;
}
