/** Resolves paths that people give to commands that look into snapshots. */
import { shortId } from "../../core/short_id.ts";
import { type Apath, isWithin, movedApath, nameOf, parentOf, parseApath, placeApath, TOP } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import { didYouMean } from "../../core/similar.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Root } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** Resolves a path of the snapshot or, if it has none, of the source. @throws NotInSnapshot */
export function resolvePath(manifest: Manifest, path: Apath, snapshot: SnapshotInfo): Apath {
  const [meant, ...others] = resolvePaths(manifest, path);
  if (meant === undefined || others.length > 0) throw notInSnapshot(manifest, path, snapshot);
  return meant;
}

/** The paths that a path of the source has, or had, in its snapshots, whether they contain it or not. */
export function snapshotPathsOf(path: Apath, sources: Root["sources"]): Apath[] {
  return sources.flatMap((source) => {
    const was = placeApath(rawOf(source.path));
    return isWithin(path, was) ? [movedApath(path, was, parseApath(source.at))] : [];
  });
}

/**
 * Resolves a path that a person gave: a path of the snapshot or, if it has none, of the source. A directory above
 * several sources stands for all of them.
 * @returns an empty list if it is none of these
 */
export function resolvePaths(manifest: Manifest, path: Apath): Apath[] {
  if (path === TOP || manifest.entry(path) !== undefined) return [path];
  const meant: Apath[] = [];
  for (const source of manifest.root.sources) {
    const was = placeApath(rawOf(source.path)), at = parseApath(source.at);
    if (isWithin(was, path)) meant.push(at);
    else if (isWithin(path, was)) {
      const moved = movedApath(path, was, at);
      if (manifest.entry(moved) !== undefined) meant.push(moved);
    }
  }
  return meant;
}

export class NotInSnapshot extends Fault {
  readonly code = "not-in-snapshot";
  readonly hint: string;
  readonly path: Apath;
  readonly snapshot: SnapshotInfo;
  constructor(path: Apath, snapshot: SnapshotInfo, hint = "List what is there with `backup-tool ls`") {
    super(`There is no ${JSON.stringify(textOf(path))} in the snapshot ${shortId(snapshot.id)}`);
    this.hint = hint;
    this.path = path;
    this.snapshot = snapshot;
  }
}

/** Looking at more names for the one that was meant would take too long. */
const MOST_NAMES = 10_000;

/** Makes the fault for a missing path, with suggestions. */
export function notInSnapshot(manifest: Manifest, path: Apath, snapshot: SnapshotInfo): NotInSnapshot {
  const names: string[] = [];
  for (const entry of manifest.list(parentOf(path))) {
    if (names.push(textOf(nameOf(entry.path))) === MOST_NAMES) break;
  }
  return new NotInSnapshot(path, snapshot, didYouMean(textOf(nameOf(path)), names));
}
