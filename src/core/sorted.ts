/** Looking something up in what is in order. */

/** @param sorted ascending, as `<` compares */
export function includesSorted<T extends string | number>(sorted: ArrayLike<T>, wanted: T): boolean {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1, found = sorted[middle];
    if (found !== undefined && found < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted;
}
