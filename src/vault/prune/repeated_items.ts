/**
 * Items that are in several units, which are few: all others need not be looked up one by one. It may match some by
 * chance that are in only one unit; it lacks none.
 */
import { ItemSet } from "../../core/item_set.ts";
import { ItemFilter } from "../cache/item_filter.ts";

export class RepeatedItems {
  readonly #once: ItemFilter;
  readonly #again = new ItemSet();

  /** @param items approximate number of items */
  constructor(items: number) {
    this.#once = new ItemFilter(items);
  }

  /** Adds an item of a unit. */
  add(id: string): void {
    const first = parseInt(id.slice(0, 8), 16), second = parseInt(id.slice(8, 16), 16);
    if (this.#once.lacks(first, second)) this.#once.add(first, second);
    else this.#again.add(id);
  }

  has(id: string): boolean {
    return this.#again.has(id);
  }
}
