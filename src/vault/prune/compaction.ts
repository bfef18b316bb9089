/** Which index objects are worth writing anew: a third of their units is gone, or there are many small ones. */
import { MOST_WRITTEN } from "../index/index_object.ts";

/** So many small ones become one. */
const SMALL_TOGETHER = 64;
const SMALL_ITEMS = MOST_WRITTEN / SMALL_TOGETHER;
const GONE_SHARE = 1 / 3;

/** An object of kind `units` that counts. */
export interface UnitsObject {
  readonly name: string;
  readonly units: readonly string[];
}

export interface UnitsKnown {
  readonly isGone: (unit: string) => boolean;
  /** Items of a unit; undefined if its lines contradict each other: those stay as they are. */
  readonly itemsOf: (unit: string) => number | undefined;
}

/** @returns the objects that others are to take the place of */
export function chooseCompaction(objects: readonly UnitsObject[], known: UnitsKnown): readonly UnitsObject[] {
  const sound = objects.filter(({ units }) =>
    units.every((unit) => known.isGone(unit) || known.itemsOf(unit) !== undefined)
  );
  const itemsIn = ({ units }: UnitsObject) => units.reduce((sum, unit) => sum + (known.itemsOf(unit) ?? 0), 0);
  const hollow = sound.filter(({ units }) => {
    return units.filter(known.isGone).length >= Math.max(1, units.length * GONE_SHARE);
  });
  const small = sound.filter((object) => itemsIn(object) <= SMALL_ITEMS);
  return small.length >= SMALL_TOGETHER ? [...new Set([...small, ...hollow])] : hollow;
}
