/** Summarises differences by directory. */
import { type Apath, apathIn, apathWithin, compareApath, isWithin, relativeOf, TOP } from "../../../core/apath.ts";
import { sliceRaw } from "../../../core/raw.ts";
import type { Difference, Differences, DiffSummary } from "./diff.ts";

/** The differences at or below a path. */
export interface DirectoryStat extends DiffSummary {
  readonly path: Apath;
}

/**
 * @param below the directory whose entries are summarised separately
 * @returns the entries with differences, ordered by path, and the summary of all
 */
export function diffStat(
  differences: Pick<Differences, "list">,
  below: Apath,
): { readonly directories: readonly DirectoryStat[]; readonly summary: DiffSummary } {
  const stats = new Map<Apath, Mutable<DirectoryStat>>(), list = differences.list("depth-first");
  let next = list.next();
  for (; !next.done; next = list.next()) {
    const path = directoryOf(next.value, below);
    let stat = stats.get(path);
    if (stat === undefined) stats.set(path, stat = { path, ...NOTHING });
    add(next.value, stat);
  }
  const directories = [...stats.values()].sort((a, b) => compareApath(a.path, b.path));
  return { directories, summary: next.value };
}

/** The directory in `below` that holds it, or that it is; `below` itself for all else that lies there. */
function directoryOf({ path, now, before }: Difference, below: Apath): Apath {
  // A path of the source stands for another one here.
  const top = isWithin(path, below) ? below : TOP;
  if (path === top) return top;
  const inside = relativeOf(apathWithin(path, top)), end = inside.indexOf("/");
  if (end < 0) return (now ?? before)?.kind === "dir" ? path : top;
  return apathIn(top, sliceRaw(inside, 0, end));
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const NOTHING = { added: 0, removed: 0, content: 0, metadata: 0, moved: 0, addedBytes: 0, removedBytes: 0 };

function add({ change, before, now }: Difference, stat: Mutable<DirectoryStat>): void {
  stat[change]++;
  if (change === "moved" || change === "metadata") return;
  stat.addedBytes += now?.size ?? 0;
  stat.removedBytes += before?.size ?? 0;
}
