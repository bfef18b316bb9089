/** Merges lists that are ordered by path, holding only one element of each at a time. */
import { type Apath, compareApath } from "./apath.ts";

interface Placed {
  readonly path: Apath;
}

/**
 * Pairs the elements of two lists that have the same path; if only one list has an element there, the other half is
 * undefined. Both lists must be ordered by path. The next element of either list is not taken before the current pair
 * is processed.
 */
export function* mergeByPath<A extends Placed, B extends Placed>(
  left: Iterable<A>,
  right: Iterable<B>,
): Generator<readonly [left: A | undefined, right: B | undefined]> {
  const lefts = left[Symbol.iterator](), rights = right[Symbol.iterator]();
  let a = lefts.next(), b = rights.next();
  while (!a.done || !b.done) {
    const order = a.done ? 1 : b.done ? -1 : compareApath(a.value.path, b.value.path);
    if (!a.done && order <= 0) yield [a.value, !b.done && order === 0 ? b.value : undefined];
    else if (!b.done) yield [undefined, b.value];
    if (order <= 0) a = lefts.next();
    if (order >= 0) b = rights.next();
  }
}

/** Looks up paths in a list that is ordered by path; lookups must follow the same order. */
export class OrderedLookup<T extends Placed> {
  readonly #list: Iterator<T>;
  #next: T | undefined;

  constructor(list: Iterator<T>) {
    this.#list = list;
    this.#next = this.#pull();
  }

  at(path: Apath): T | undefined {
    while (this.#next !== undefined && compareApath(this.#next.path, path) < 0) this.#next = this.#pull();
    return this.#next?.path === path ? this.#next : undefined;
  }

  #pull(): T | undefined {
    const { done, value } = this.#list.next();
    return done ? undefined : value;
  }
}
