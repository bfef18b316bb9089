/** Where an item lies: the first hex digits of its id name directories, the rest names the file. */
import type { Raw } from "../../core/raw.ts";
import { type Dir, DiskFault, type OpenFile } from "../../platform/disk.ts";
import type { CoreSettings } from "../../snapshot/origin.ts";

/** @returns dir: the leaf directory below `content/`, "ab" or "ab/cd"; name: the file in it */
export function itemPath(settings: Pick<CoreSettings, "hexSplit">, id: string): { dir: Raw; name: Raw } {
  let dir = "", at = 0;
  for (const digits of settings.hexSplit) {
    dir += (at === 0 ? "" : "/") + id.slice(at, at + digits);
    at += digits;
  }
  return { dir: dir as Raw, name: id.slice(at) as Raw };
}

/** The id of the item at a place; the inverse of {@link itemPath}. */
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
    if (below.length === 0) yield path as Raw;
    else yield* levels(below, `${path}/`);
  }
}

/** What opening says of a name that isn't there, or isn't a directory. */
const NO_DIRECTORY: readonly string[] = ["ENOENT", "ENOTDIR", "ELOOP"];

/** A leaf directory below `content/`; undefined if it is missing, or something else has its place. @throws DiskFault */
export function openLeaf(content: Dir, leaf: Raw): Dir | undefined {
  try {
    return content.openPath(leaf);
  } catch (error) {
    if (error instanceof DiskFault && NO_DIRECTORY.includes(error.errno)) return undefined;
    throw error;
  }
}

/** What opening says of a name that is no regular file. */
const NO_FILE: readonly string[] = ["EISDIR", "ELOOP", "ENXIO"];

/** Opens an item for reading; undefined if it is missing, or something else has its place. @throws DiskFault */
export function openItem(leaf: Dir, name: Raw): OpenFile | undefined {
  try {
    return leaf.open(name);
  } catch (error) {
    if (error instanceof DiskFault && NO_FILE.includes(error.errno)) return undefined;
    throw error;
  }
}
