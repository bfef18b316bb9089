/**
 * Finds homes of contents that are requested in path order: they are mostly in the same few units as the previous ones.
 */
import type { UnitItem } from "../pack/items.ts";
import type { Home, UnitIndex } from "./unit_index.ts";

/** Number of look-ups, or share of a unit's items, after which all of its items are loaded at once. */
const MANY_HITS = 512, FEWEST_HITS = 16, SHARE_OF_HITS = 1 / 16;
/** Most items of loaded units: some ten MB. */
const MOST_ITEMS = 65_536;

interface NearUnit {
  readonly unit: Home["unit"];
  readonly items: ReadonlyMap<string, UnitItem>;
}

export class NearHomes {
  readonly #index: Pick<UnitIndex, "homesOf" | "itemsOf" | "countOf">;
  /** By name of the unit, the number of further look-ups until it is loaded, which doubles each time. */
  readonly #hits = new Map<string, { left: number; enough: number }>();
  /** Loaded units; the most recently loaded are last. */
  #near: NearUnit[] = [];
  /** The one that had what was sought last, and mostly has the next one too. */
  #last: NearUnit | undefined;

  constructor(index: Pick<UnitIndex, "homesOf" | "itemsOf" | "countOf">) {
    this.#index = index;
  }

  /** Drops what was loaded, because the index has changed. */
  forget(): void {
    this.#near = [];
    this.#last = undefined;
  }

  /** A home of an item in a data unit; there may be others. @param isGood false excludes a home */
  find(id: string, isGood: (home: Home) => boolean): Home | undefined {
    const last = this.#last && homeIn(this.#last, id);
    if (last !== undefined && isGood(last)) return last;
    for (const near of this.#near) {
      const home = homeIn(near, id);
      if (home === undefined || !isGood(home)) continue;
      this.#last = near;
      return home;
    }
    const found = this.#index.homesOf(id, "data").find(isGood);
    if (found !== undefined) this.#note(found.unit);
    return found;
  }

  #note(unit: Home["unit"]): void {
    const hits = this.#hits.get(unit.unit);
    if (hits === undefined) {
      const enough = Math.min(MANY_HITS, FEWEST_HITS + Math.ceil(this.#index.countOf(unit.unit) * SHARE_OF_HITS));
      this.#hits.set(unit.unit, { left: enough, enough });
    } else if (--hits.left === 0) {
      hits.left = hits.enough *= 2;
      this.#take(unit);
    }
  }

  #take(unit: Home["unit"]): void {
    const items = new Map(this.#index.itemsOf(unit.unit).map((item) => [item.id, item]));
    this.#near = [...this.#near.filter((near) => near.unit.unit !== unit.unit), { unit, items }];
    this.#last = undefined;
    let held = this.#near.reduce((sum, near) => sum + near.items.size, 0);
    while (held > MOST_ITEMS && this.#near.length > 1) held -= this.#near.shift()?.items.size ?? 0;
  }
}

function homeIn({ unit, items }: NearUnit, id: string): Home | undefined {
  const item = items.get(id);
  return item && { unit, item };
}
