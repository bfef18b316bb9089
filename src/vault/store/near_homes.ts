/**
 * Finds homes of contents that are requested in path order: they are mostly in the same few units as the previous ones.
 */
import type { PackedItems } from "../cache/packed_items.ts";
import { joinItems } from "../index/join.ts";
import type { Home, UnitIndex } from "./unit_index.ts";

/** Units at hand, each with its lines: more than are written at the same time. */
const MOST_UNITS = 12, MOST_BYTES = 8 * 1024 * 1024;

interface NearUnit {
  readonly unit: Home["unit"];
  readonly lines: readonly PackedItems[];
  /** In bytes. */
  readonly weight: number;
}

export class NearHomes {
  readonly #index: Pick<UnitIndex, "homesOf" | "linesOf">;
  /** The last one found what was sought last, and mostly has the next one too. */
  readonly #near: NearUnit[] = [];
  #weight = 0;

  constructor(index: Pick<UnitIndex, "homesOf" | "linesOf">) {
    this.#index = index;
  }

  /** Drops what is at hand, because the index has changed. */
  forget(): void {
    this.#near.length = 0;
    this.#weight = 0;
  }

  /** A home of a content in a data unit; there may be others. @param isGood false excludes a home */
  find(id: string, isGood: (home: Home) => boolean): Home | undefined {
    const near = this.#near;
    for (let i = near.length - 1; i >= 0; i--) {
      const home = homeIn(near[i]!, id);
      if (home === undefined || !isGood(home)) continue;
      if (i < near.length - 1) near.push(...near.splice(i, 1));
      return home;
    }
    const found = this.#index.homesOf(id, "data").find(isGood);
    if (found !== undefined) this.#take(found.unit);
    return found;
  }

  #take(unit: Home["unit"]): void {
    // It may be at hand as it was some time ago.
    const known = this.#near.findIndex((near) => near.unit.unit === unit.unit);
    if (known >= 0) this.#drop(known);
    const lines = this.#index.linesOf(unit.unit), weight = lines.reduce((sum, line) => sum + line.weight, 0);
    this.#near.push({ unit, lines, weight });
    this.#weight += weight;
    while (this.#near.length > 1 && (this.#near.length > MOST_UNITS || this.#weight > MOST_BYTES)) this.#drop(0);
  }

  #drop(index: number): void {
    for (const { weight } of this.#near.splice(index, 1)) this.#weight -= weight;
  }
}

function homeIn({ unit, lines }: NearUnit, id: string): Home | undefined {
  const [first, ...others] = lines, items = first?.find(id) ?? [];
  for (const line of others) items.push(...line.find(id));
  const item = items.length < 2 ? items[0] : joinItems(items)[0];
  return item && { unit, item };
}
