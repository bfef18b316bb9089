/** Where a restore puts what: parts of a snapshot, and the directories they go to. */
import { type Apath, isWithin, nameOf, parentOf, TOP } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import type { Manifest } from "../../snapshot/manifest.ts";

/** What a person asks for. */
export type Destination =
  /** Paths keep their places below a directory, but for so many of their first names. */
  | { readonly kind: "directory"; readonly path: Raw; readonly strip: number }
  /** The one chosen path gets this new path. */
  | { readonly kind: "new-name"; readonly path: Raw }
  /** Everything goes to where it was backed up from. */
  | { readonly kind: "in-place" };

/** `from` and what is below it becomes `to` and what is below that. */
export interface PathMapping {
  /** Absolute path of a directory. */
  readonly target: Raw;
  readonly from: Apath;
  /** Below the target; {@link TOP} is the target itself. */
  readonly to: Apath;
  /** Names left out at the beginning of every path. */
  readonly strip: number;
}

export class NoOriginalPlace extends Fault {
  readonly code = "no-original-place";
  readonly hint = "Say where to with `--target DIR`";
  constructor(source: string) {
    super(`Cannot restore ${source} in place: it was not backed up from a path`);
  }
}

/** @param paths what was chosen; empty: everything. @throws NoOriginalPlace */
export function routesTo(destination: Destination, manifest: Manifest, paths: readonly Apath[]): PathMapping[] {
  if (destination.kind === "directory") {
    return [{ target: destination.path, from: TOP, to: TOP, strip: destination.strip }];
  }
  if (destination.kind === "new-name") return [routeTo(destination.path, paths[0] ?? TOP, manifest)];
  if (manifest.root.sources.length === 0) throw new NoOriginalPlace("this snapshot");
  const routes = manifest.root.sources.map(({ path, at }) => {
    if (!path.startsWith("/")) throw new NoOriginalPlace(JSON.stringify(path));
    return routeTo(rawOf(path), rawOf(at) as unknown as Apath, manifest);
  });
  return routes.filter(({ from }) => paths.length === 0 || paths.some((path) => meets(path, from)));
}

/** What a restore in place can't bring back: contents that came from no path. */
export function* withoutPlace(manifest: Manifest): Generator<Apath> {
  const places = new Set(manifest.root.sources.map(({ at }) => rawOf(at) as string));
  if (places.has(TOP)) return;
  for (const { path } of manifest.list(TOP)) if (!places.has(path)) yield path;
}

/** A directory becomes the directory `path`; anything else gets that name in the directory above it. */
function routeTo(path: Raw, from: Apath, manifest: Manifest): PathMapping {
  const entry = from === TOP ? undefined : manifest.entry(from);
  if (entry === undefined || entry.kind === "dir") return { target: path, from, to: TOP, strip: 0 };
  const place = path as unknown as Apath;
  return { target: parentOf(place), from, to: `/${nameOf(place)}` as Apath, strip: 0 };
}

/** Place of a path of the snapshot below the target; undefined if it has none. */
export function placeOf({ from, to, strip }: PathMapping, path: Apath): Apath | undefined {
  if (strip > 0) return stripped(path, strip);
  if (from === TOP && to === TOP) return path;
  if (!isWithin(path, from)) return undefined;
  const rest = from === TOP ? path : path.slice(from.length);
  return (to === TOP ? rest || TOP : to + rest) as Apath;
}

function stripped(path: Apath, strip: number): Apath | undefined {
  let at = 0;
  for (let n = 0; n < strip; n++) {
    at = path.indexOf("/", at + 1);
    if (at < 0) return undefined;
  }
  return path.slice(at) as Apath;
}

/** The chosen paths as far as they belong to a route: what is to be restored along it. */
export function pathsAlong({ from }: PathMapping, paths: readonly Apath[]): Apath[] {
  if (paths.length === 0) return [from];
  const along = paths.filter((path) => meets(path, from)).map((path) => isWithin(path, from) ? path : from);
  return [...new Set(along)].filter((path) => !along.some((other) => other !== path && isWithin(path, other)));
}

/** True if one of them is the other, or lies below it. */
export function meets(path: Apath, other: Apath): boolean {
  return isWithin(path, other) || isWithin(other, path);
}

/** Absolute path of a place below a target. */
export function absoluteOf({ target }: Pick<PathMapping, "target">, place: Apath): Raw {
  return (place === TOP ? target : target === "/" ? place : target + place) as Raw;
}
