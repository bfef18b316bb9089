/** Maps parts of a snapshot to the directories to which they are restored. */
import {
  type Apath,
  apathIn,
  isWithin,
  movedApath,
  nameOf,
  parentOf,
  parseApath,
  placeApath,
  relativeOf,
  TOP,
} from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf, sliceRaw } from "../../core/raw.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { RestoreRequest } from "./restore_request.ts";

/** Maps `from` and what is below it to `to` and what is below that. */
export interface PathMapping {
  /** Absolute path of a directory. */
  readonly target: Raw;
  readonly from: Apath;
  /** Path below the target; {@link TOP} is the target itself. */
  readonly to: Apath;
  /** Number of leading components stripped from every path. */
  readonly strip: number;
}

export class NoOriginalPlace extends Fault {
  readonly code = "no-original-place";
  readonly hint = "Say where to with `--target DIR`";
  constructor(source: string) {
    super(`Cannot restore ${source} in place: it was not backed up from a path`);
  }
}

/** Makes the mappings of a restore. @param paths that were chosen; empty: everything @throws NoOriginalPlace */
export function pathMappings(
  destination: RestoreRequest["destination"],
  manifest: Manifest,
  paths: readonly Apath[],
): PathMapping[] {
  if (destination.kind === "directory") {
    return [{ target: destination.path, from: TOP, to: TOP, strip: destination.strip }];
  }
  if (destination.kind === "new-name") return [mappingTo(destination.path, paths[0] ?? TOP, manifest)];
  if (manifest.root.sources.length === 0) throw new NoOriginalPlace("this snapshot");
  const mappings = manifest.root.sources.map(({ path, at }) => {
    if (!path.startsWith("/")) throw new NoOriginalPlace(JSON.stringify(path));
    return mappingTo(rawOf(path), parseApath(at), manifest);
  });
  return mappings.filter(({ from }) => paths.length === 0 || paths.some((path) => meets(path, from)));
}

/** Yields what a restore in place can't restore: contents that came from no path. */
export function* withoutPlace(manifest: Manifest): Generator<Apath> {
  const places = new Set(manifest.root.sources.map(({ at }) => parseApath(at)));
  if (places.has(TOP)) return;
  for (const { path } of manifest.list(TOP)) if (!places.has(path)) yield path;
}

/** A directory becomes the directory `path`; anything else gets that name in the directory above it. */
function mappingTo(path: Raw, from: Apath, manifest: Manifest): PathMapping {
  const entry = from === TOP ? undefined : manifest.entry(from);
  if (entry === undefined || entry.kind === "dir") return { target: path, from, to: TOP, strip: 0 };
  const place = placeApath(path);
  return { target: parentOf(place), from, to: apathIn(TOP, nameOf(place)), strip: 0 };
}

/** The place below the target of a path of the snapshot; undefined if it has none. */
export function placeOf({ from, to, strip }: PathMapping, path: Apath): Apath | undefined {
  if (strip > 0) return stripped(path, strip);
  if (from === TOP && to === TOP) return path;
  return isWithin(path, from) ? movedApath(path, from, to) : undefined;
}

function stripped(path: Apath, strip: number): Apath | undefined {
  let at = 0;
  for (let n = 0; n < strip; n++) {
    at = path.indexOf("/", at + 1);
    if (at < 0) return undefined;
  }
  return apathIn(TOP, sliceRaw(path, at + 1));
}

/** The parts of the chosen paths that a mapping restores. */
export function pathsAlong({ from }: PathMapping, paths: readonly Apath[]): Apath[] {
  if (paths.length === 0) return [from];
  const along = paths.filter((path) => meets(path, from)).map((path) => isWithin(path, from) ? path : from);
  return [...new Set(along)].filter((path) => !along.some((other) => other !== path && isWithin(path, other)));
}

/** True if the paths are equal, or one is below the other. */
export function meets(path: Apath, other: Apath): boolean {
  return isWithin(path, other) || isWithin(other, path);
}

/** Absolute path of a place below a target. */
export function absoluteOf({ target }: Pick<PathMapping, "target">, place: Apath): Raw {
  return place === TOP ? target : joinRaw(target, relativeOf(place));
}
