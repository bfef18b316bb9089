/** Lookups in sorted sequences. */

/**
 * Binary search.
 * @param isReached false for all indexes below some position, true from there on
 * @returns that position: 0 to `length`
 */
export function firstReached(length: number, isReached: (index: number) => boolean): number {
  let low = 0, high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isReached(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** @param sorted ascending, as `<` compares */
export function includesSorted<T extends string | number>(sorted: ArrayLike<T>, wanted: T): boolean {
  const at = firstReached(sorted.length, (index) => {
    const found = sorted[index];
    return found === undefined || !(found < wanted);
  });
  return sorted[at] === wanted;
}
