/** Decides in which of its homes an item is used. */
import { isReliable, type UnitFacts } from "../index/join.ts";
import type { UnitItem } from "../pack/items.ts";
import type { UnitIndex } from "../store/unit_index.ts";
import type { NeededItems } from "./needed.ts";
import type { RepeatedItems } from "./repeated_items.ts";

export interface HomesSeen {
  /** Units that an index lists, but that don't exist. */
  readonly lost: ReadonlySet<string>;
  readonly items: Pick<NeededItems, "has">;
}

type UnitPlace = Pick<UnitFacts, "unit" | "unitClass">;

export class Homes {
  readonly #view: Pick<UnitIndex, "homesOf">;
  readonly #seen: HomesSeen;
  readonly #repeated: Pick<RepeatedItems, "has"> | undefined;

  /** @param repeated items that may have more than one home; without it, all are looked up */
  constructor(view: Pick<UnitIndex, "homesOf">, seen: HomesSeen, repeated?: Pick<RepeatedItems, "has">) {
    this.#view = view;
    this.#seen = seen;
    this.#repeated = repeated;
  }

  /**
   * True if the item is needed, and this unit has the smallest name of all that hold it and may stay. @param place a
   * unit that may stay
   */
  isUsedHere(place: UnitPlace, item: UnitItem): boolean {
    if (!this.#isNeeded(place, item)) return false;
    return this.#isAlone(item) || this.#staying(place, item).every((home) => home >= place.unit);
  }

  /** True if the item is needed, and no unit that may stay holds it. @param place a doomed unit */
  isOnlyHere(place: UnitPlace, item: UnitItem): boolean {
    if (!this.#isNeeded(place, item)) return false;
    return this.#isAlone(item) || this.#staying(place, item).length === 0;
  }

  #isAlone({ id }: UnitItem): boolean {
    return this.#repeated?.has(id) === false;
  }

  #isNeeded({ unitClass }: UnitPlace, item: UnitItem): boolean {
    return this.#seen.items.has(unitClass, item);
  }

  #staying({ unitClass }: UnitPlace, { id, digest }: UnitItem): string[] {
    return this.#view.homesOf(id, unitClass)
      .filter(({ unit, item }) => item.digest === digest && isReliable(unit.state) && !this.#seen.lost.has(unit.unit))
      .map(({ unit }) => unit.unit);
  }
}
