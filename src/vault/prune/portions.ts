/** Divides what doesn't fit into one index object. */
import { MOST_WRITTEN } from "../index/index_object.ts";

/** Units in groups that one index object can describe. */
export function* portionsOf<T extends { readonly items: readonly unknown[] }>(
  units: Iterable<T>,
  most = MOST_WRITTEN,
): Generator<readonly T[]> {
  let portion: T[] = [], items = 0;
  for (const unit of units) {
    if (portion.length > 0 && items + unit.items.length > most) {
      yield portion;
      [portion, items] = [[], 0];
    }
    portion.push(unit);
    items += unit.items.length;
  }
  if (portion.length > 0) yield portion;
}
