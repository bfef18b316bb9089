/** Suggestions for a mistyped name. */

/** Of short words one letter in three may be wrong, of long ones no more than that many. */
const MOST_EDITS = 3;

/** The known names most similar to `typed`; empty if none is similar. */
export function similarNames(typed: string, known: Iterable<string>): string[] {
  let nearest = Math.min(MOST_EDITS, Math.floor(Math.max(3, typed.length) / 3)) + 1;
  let found: string[] = [];
  for (const name of new Set(known)) {
    const edits = editsBetween(typed.toLowerCase(), name.toLowerCase(), nearest);
    if (edits > nearest || (edits === nearest && found.length === 0)) continue;
    if (edits < nearest) found = [];
    nearest = edits;
    found.push(name);
  }
  return found;
}

/** `Did you mean "photos" or "photo"?`; undefined if no name is similar. */
export function didYouMean(typed: string, known: Iterable<string>): string | undefined {
  const names = similarNames(typed, known).map((name) => JSON.stringify(name));
  return names.length === 0 ? undefined : `Did you mean ${names.join(" or ")}?`;
}

/** Insertions, deletions, replacements and swaps of neighbours that make one text the other; more than `most` is `most + 1`. */
function editsBetween(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) > most) return most + 1;
  let before: number[] = [], last = Array.from({ length: to.length + 1 }, (_, j) => j);
  // What lies outside of the table counts as too far away.
  const at = (row: readonly number[], j: number) => row[j] ?? most + 1;
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = at(last, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwap ? at(before, j - 2) + 1 : Infinity;
      row.push(Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1, swapped));
    }
    [before, last] = [last, row];
  }
  return Math.min(at(last, to.length), most + 1);
}
