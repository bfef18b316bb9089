/** Where contents are that are asked for in the order of paths: mostly in the same few units as those before. */
import type { UnitItem } from "../pack/items.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";

/** Look-ups after which all that is in a unit is taken at once; and twice as many each time it has to be taken again. */
const MANY_HITS = 512;
/** Of all units that are at hand: some ten MB. */
const MOST_ITEMS = 65_536;

interface NearUnit {
  readonly unit: Home["unit"];
  readonly items: ReadonlyMap<string, UnitItem>;
}

export class NearHomes {
  readonly #index: UnitIndex;
  /** By name, and how many more look-ups it takes until it is at hand. */
  readonly #hits = new Map<string, { left: number; enough: number }>();
  /** Those taken last come last. */
  #near: NearUnit[] = [];

  constructor(index: UnitIndex) {
    this.#index = index;
  }

  /** What was learnt of the index is not to be believed any more. */
  forget(): void {
    this.#near = [];
  }

  /** A place of an item in a data unit; there may be others. @param isGood false: any other place */
  find(id: string, isGood: (home: Home) => boolean): Home | undefined {
    for (const near of this.#near) {
      const item = near.items.get(id), home = item && { unit: near.unit, item };
      if (home !== undefined && isGood(home)) return home;
    }
    const found = this.#index.homesOf(id, "data").find(isGood);
    if (found !== undefined) this.#note(found.unit);
    return found;
  }

  #note(unit: Home["unit"]): void {
    const hits = this.#hits.get(unit.unit);
    if (hits === undefined) this.#hits.set(unit.unit, { left: MANY_HITS, enough: MANY_HITS });
    else if (--hits.left === 0) {
      hits.left = hits.enough *= 2;
      this.#take(unit);
    }
  }

  #take(unit: Home["unit"]): void {
    const items = new Map(this.#index.itemsOf(unit.unit).map((item) => [item.id, item]));
    this.#near = [...this.#near.filter((near) => near.unit.unit !== unit.unit), { unit, items }];
    let held = this.#near.reduce((sum, near) => sum + near.items.size, 0);
    while (held > MOST_ITEMS && this.#near.length > 1) held -= this.#near.shift()?.items.size ?? 0;
  }
}
