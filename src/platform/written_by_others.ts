/** Checks who may have written a file that contains commands for this program. */
import type { Stat } from "../core/stat.ts";
import { rawOf } from "../core/raw.ts";
import { attempt, IS_WINDOWS } from "./portable_calls.ts";

const OTHERS_WRITE = 0o022;

type Owned = Pick<Stat, "uid" | "mode">;

/**
 * Why somebody other than this process's user and the system's administrator could have written a file, or put it into
 * a directory; undefined if nobody could. On Windows, always undefined.
 * @param what a description of the object, for people
 */
export function whyOthersWrite(what: string, { uid, mode }: Owned): string | undefined {
  if (IS_WINDOWS) return undefined;
  if (uid !== 0 && uid !== Deno.uid()) return `${what} belongs to another user`;
  if ((mode & OTHERS_WRITE) === 0) return undefined;
  return `others may write ${what} (mode ${(mode & 0o7777).toString(8)})`;
}

/**
 * Checks a path in the same way: the file, its real directory, and the directory in which it is named.
 * @throws DiskFault
 */
export function whyOthersWritePath(path: string): string | undefined {
  if (IS_WINDOWS) return undefined;
  return attempt("stat", rawOf(path), () => {
    const real = Deno.realPathSync(path);
    const places = [["the file", real], ["its directory", parentOf(real)], ["its directory", parentOf(path)]] as const;
    for (const [what, place] of places) {
      const { uid, mode } = Deno.statSync(place);
      const why = whyOthersWrite(what, { uid: uid ?? 0, mode: mode ?? 0 });
      if (why !== undefined) return why;
    }
    return undefined;
  });
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
