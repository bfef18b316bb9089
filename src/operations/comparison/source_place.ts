/** Finds the location in the sources of a path of the snapshot. */
import { type Apath, apathIn, apathWithin, isWithin, nameOf, relativeOf, TOP } from "../../core/apath.ts";
import { EMPTY, joinRaw, parentPath, type Raw, ROOT } from "../../core/raw.ts";
import { openingOf, type SourceRoot } from "../../source/placement.ts";

export interface SourcePlace {
  readonly absolute: Raw;
  /** A source; for a source that is a file, its directory; or the directory that it is opened beneath. */
  readonly rootPath: Raw;
  /** Path of the directory below `rootPath`; "" for that itself. */
  readonly relative: Raw;
}

/** The location of a path. A path outside of all sources is assumed to be at the top of the file system. */
export function sourcePlace(roots: readonly SourceRoot[], path: Apath): SourcePlace {
  const root = rootOf(roots, path);
  if (root?.kind === "file") return { absolute: root.path, ...openingOf(root, parentPath(root.path), EMPTY) };
  const rootPath = root?.path ?? ROOT, inside = relativeOf(inSource(roots, path));
  return { absolute: joinRaw(rootPath, inside), ...openingOf(root ?? {}, rootPath, parentPath(inside)) };
}

/** The source that contains a path; undefined if none does. */
export function rootOf(roots: readonly SourceRoot[], path: Apath): SourceRoot | undefined {
  return roots.find(({ at }) => isWithin(path, at));
}

/** A path as patterns see it: relative to its source, with a leading "/". */
export function inSource(roots: readonly SourceRoot[], path: Apath): Apath {
  const root = rootOf(roots, path);
  if (root === undefined) return path;
  return path === root.at && path !== TOP ? apathIn(TOP, nameOf(path)) : apathWithin(path, root.at);
}
