/** Where contents are that are asked for in the order of paths: mostly in the same unit as the one before. */
import type { UnitItem } from "../pack/items.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";

export class NearHomes {
  readonly #index: UnitIndex;
  /** Unit of the answer before. */
  #last: string | undefined;
  /** All that is in one unit: looking up each item alone takes longer. */
  #near: { readonly unit: Home["unit"]; readonly items: ReadonlyMap<string, UnitItem> } | undefined;

  constructor(index: UnitIndex) {
    this.#index = index;
  }

  /** What was learnt of the index is not to be believed any more. */
  forget(): void {
    this.#last = this.#near = undefined;
  }

  /** A place of an item in a data unit; there may be others. @param isGood false: any other place */
  find(id: string, isGood: (home: Home) => boolean): Home | undefined {
    const near = this.#near, item = near?.items.get(id), home = near && item && { unit: near.unit, item };
    if (home !== undefined && isGood(home)) return home;
    const found = this.#index.homesOf(id, "data").find(isGood);
    if (found !== undefined) this.#note(found.unit);
    return found;
  }

  #note(unit: Home["unit"]): void {
    if (this.#last === unit.unit && this.#near?.unit.unit !== unit.unit) {
      this.#near = { unit, items: new Map(this.#index.itemsOf(unit.unit).map((item) => [item.id, item])) };
    }
    this.#last = unit.unit;
  }
}
