/**
 * An apath is a path inside a snapshot: absolute, `/`-separated bytes, `/` for the top. Apaths are ordered by directory,
 * then by name: all entries of one directory stand together, and a directory's entries come before those of its
 * subdirectories. Directories are ordered component by component, components bytewise.
 */
import { baseName, beginsWith, type Branded, parentPath, type Raw, rawOf, sliceRaw, textOf } from "./raw.ts";
import { BadPath } from "./fault.ts";

/** A path inside a snapshot, as bytes; made by {@link apathOf}, {@link childOf} and {@link parseApath}. */
export type Apath = Raw & Branded<string, "Apath">;

/** The top of a snapshot. */
export const TOP = "/" as Apath;

/** Not absolute; a component that is empty, `.` or `..`; NUL. */
const NO_APATH = /^(?!\/)|\/\.{0,2}(?:\/|$)|\0/;

export function isApath(raw: string): raw is Apath {
  return raw === "/" || !NO_APATH.test(raw);
}

/** Checks that `raw` is an apath. @throws BadPath */
export function apathOf(raw: string): Apath {
  if (!isApath(raw)) throw new BadPath(textOf(raw));
  return raw;
}

/** Reads the text form that manifests and command lines hold. */
export function parseApath(text: string): Apath {
  return apathOf(rawOf(text));
}

/** Brands text that this program wrote as an apath earlier, for example in its catalog. It is not checked. */
export function knownApath(text: string): Apath {
  return text as Apath;
}

/**
 * Brands an absolute path of a file system, without `.`, `..` and doubled slashes, for comparison with apaths. It is
 * not checked.
 */
export function placeApath(path: Raw): Apath {
  return path as string as Apath;
}

/** The apath of `name` in the directory `dir`. `name` comes from a directory listing and is not checked. */
export function childOf(dir: Apath, name: Raw): Apath {
  return (dir === "/" ? dir + name : `${dir}/${name}`) as Apath;
}

/** The directory that holds `path`; the top is its own parent. */
export function parentOf(path: Apath): Apath {
  return parentPath(path) as Apath;
}

/** The last component; empty for the top. */
export function nameOf(path: Apath): Raw {
  return baseName(path);
}

/** `path` without its leading slash, that is, relative to the top; empty for the top. */
export function relativeOf(path: Apath): Raw {
  return sliceRaw(path, 1);
}

/** The apath of what lies at `relative` (which may be empty) inside `dir`. */
export function apathIn(dir: Apath, relative: Raw): Apath {
  if (relative === "") return dir;
  return (dir === "/" ? dir + relative : `${dir}/${relative}`) as Apath;
}

/** `path` relative to `dir`, which it equals or lies below; `/` for `dir` itself. */
export function apathWithin(path: Apath, dir: Apath): Apath {
  if (dir === "/") return path;
  return (path.slice(dir.length) || "/") as Apath;
}

/** The apath that `path` gets when `from`, which it equals or lies below, is moved to `to`. */
export function movedApath(path: Apath, from: Apath, to: Apath): Apath {
  const rest = from === "/" ? path : path.slice(from.length);
  if (to === "/") return (rest || "/") as Apath;
  return (rest === "/" ? to : to + rest) as Apath;
}

/** True if `path` is `dir` or lies below it. */
export function isWithin(path: Apath, dir: Apath): boolean {
  return dir === "/" || path === dir || (path.startsWith(dir) && path[dir.length] === "/");
}

/** The order of apaths: negative if `a` comes first, 0 if equal. The top comes before everything. */
export function compareApath(a: Apath, b: Apath): number {
  if (a === b) return 0;
  if (a === "/") return -1;
  if (b === "/") return 1;
  const slashA = a.lastIndexOf("/"), slashB = b.lastIndexOf("/");
  const byDirectory = slashA === slashB && beginsWith(a, b.slice(0, slashB))
    ? 0
    : compareDirectories(a.slice(0, slashA), b.slice(0, slashB));
  if (byDirectory !== 0) return byDirectory;
  return a.slice(slashA) < b.slice(slashB) ? -1 : 1;
}

/** Directories (without a final slash) component by component: as if `/` were smaller than every other byte. */
function compareDirectories(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i);
    if (x === y) continue;
    if (x === 0x2f) return -1;
    if (y === 0x2f) return 1;
    return x - y;
  }
  return a.length - b.length;
}
