/** Where in the sources a path of the snapshot is. */
import { type Apath, apathIn, apathWithin, isWithin, nameOf, relativeOf, TOP } from "../../core/apath.ts";
import { EMPTY, joinRaw, parentPath, type Raw, ROOT } from "../../core/raw.ts";
import { openingOf, type SourceRoot } from "../../source/placement.ts";

export interface SourcePlace {
  readonly absolute: Raw;
  /** A source, the directory of one that is a file, or what it is opened beneath. */
  readonly rootPath: Raw;
  /** The directory below `rootPath`, "" for itself. */
  readonly relative: Raw;
}

/** What lies in no source is taken to lie at the top of the file system. */
export function sourcePlace(roots: readonly SourceRoot[], path: Apath): SourcePlace {
  const root = rootOf(roots, path);
  if (root?.kind === "file") return { absolute: root.path, ...openingOf(root, parentPath(root.path), EMPTY) };
  const rootPath = root?.path ?? ROOT, inside = relativeOf(inSource(roots, path));
  return { absolute: joinRaw(rootPath, inside), ...openingOf(root ?? {}, rootPath, parentPath(inside)) };
}

/** The source that a path lies in; undefined if it lies in none. */
export function rootOf(roots: readonly SourceRoot[], path: Apath): SourceRoot | undefined {
  return roots.find(({ at }) => isWithin(path, at));
}

/** As patterns see a path: relative to its source, beginning with "/". */
export function inSource(roots: readonly SourceRoot[], path: Apath): Apath {
  const root = rootOf(roots, path);
  if (root === undefined) return path;
  return path === root.at && path !== TOP ? apathIn(TOP, nameOf(path)) : apathWithin(path, root.at);
}
