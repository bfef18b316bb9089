/** Paths of items: the first hex digits of an id name the directories, the rest names the file. */
import { knownRaw, type Raw } from "../../core/raw.ts";
import type { CoreSettings } from "../../snapshot/origin.ts";

/** Largest root or hunk that is read, in bytes: a root of that size would describe a hundred million files. */
export const LARGEST_MANIFEST_BYTES = 64 * 1024 * 1024;

/**
 * Path of an item.
 * @returns dir: the leaf directory below `content/`, "ab" or "ab/cd"; name: the file in it
 */
export function itemPath(settings: Pick<CoreSettings, "hexSplit">, id: string): { dir: Raw; name: Raw } {
  let dir = "", at = 0;
  for (const digits of settings.hexSplit) {
    dir += (at === 0 ? "" : "/") + id.slice(at, at + digits);
    at += digits;
  }
  return { dir: knownRaw(dir), name: knownRaw(id.slice(at)) };
}

/** The id of the item at this path; the inverse of {@link itemPath}. */
export function idOf(dir: Raw, name: Raw): string {
  return (dir.includes("/") ? dir.replaceAll("/", "") : dir) + name;
}

/** Paths of all leaf directories below `content/`, in order. */
export function* leafDirs(settings: Pick<CoreSettings, "hexSplit">): Generator<Raw> {
  yield* levels(settings.hexSplit, "");
}

function* levels(split: readonly number[], above: string): Generator<Raw> {
  const [digits, ...below] = split;
  if (digits === undefined) return;
  for (let n = 0; n < 16 ** digits; n++) {
    const path = above + n.toString(16).padStart(digits, "0");
    if (below.length === 0) yield knownRaw(path);
    else yield* levels(below, `${path}/`);
  }
}
