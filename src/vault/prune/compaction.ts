/** Chooses index objects to rewrite: those of which a third of the units is gone, or many small ones. */
import { MOST_WRITTEN } from "../index/index_object.ts";

/** Number of small objects that are merged into one. */
const SMALL_TOGETHER = 64;
const SMALL_ITEMS = MOST_WRITTEN / SMALL_TOGETHER;
const GONE_SHARE = 1 / 3;

/** An object of kind `units` that is in force. */
export interface UnitsObject {
  readonly name: string;
  readonly units: readonly string[];
}

export interface UnitsKnown {
  readonly isGone: (unit: string) => boolean;
  /** Number of items of a unit; undefined if its lines contradict each other, and so are left alone. */
  readonly itemsOf: (unit: string) => number | undefined;
}

/** @returns the objects to be replaced */
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
