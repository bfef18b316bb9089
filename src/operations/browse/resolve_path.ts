/** Paths as people give them to commands that look into snapshots. */
import { shortId } from "../../core/short_id.ts";
import { type Apath, isWithin, nameOf, parentOf, TOP } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import { didYouMean } from "../../core/similar.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Root } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** A path in the snapshot or else, as it was in the source. @throws NotInSnapshot */
export function resolvePath(manifest: Manifest, path: Apath, snapshot: SnapshotInfo): Apath {
  const [meant, ...others] = resolvePaths(manifest, path);
  if (meant === undefined || others.length > 0) throw notInSnapshot(manifest, path, snapshot);
  return meant;
}

/** Where a path of the source stands, or stood, in snapshots of it, whether they have it or not. */
export function snapshotPathsOf(path: Apath, sources: Root["sources"]): Apath[] {
  return sources.flatMap((source) => {
    const was = rawOf(source.path) as string as Apath, at = rawOf(source.at) as string as Apath;
    if (!isWithin(path, was)) return [];
    const rest = path.slice(was === TOP ? 0 : was.length);
    return [(at === TOP ? rest || TOP : at + rest) as Apath];
  });
}

/**
 * What a path given by a person means: a path in the snapshot or else, as it was in the source; a directory above
 * several sources means all of them. Empty if it is none of these.
 */
export function resolvePaths(manifest: Manifest, path: Apath): Apath[] {
  if (path === TOP || manifest.entry(path) !== undefined) return [path];
  const meant: Apath[] = [];
  for (const source of manifest.root.sources) {
    const was = rawOf(source.path) as unknown as Apath, at = rawOf(source.at) as unknown as Apath;
    if (isWithin(was, path)) meant.push(at);
    else if (isWithin(path, was)) meant.push(...existing(manifest, at, path.slice(was === TOP ? 0 : was.length)));
  }
  return meant;
}

function existing(manifest: Manifest, at: Apath, rest: string): Apath[] {
  const path = (at === TOP ? rest : at + rest) as Apath;
  return manifest.entry(path) === undefined ? [] : [path];
}

export class NotInSnapshot extends Fault {
  readonly code = "not-in-snapshot";
  readonly hint: string;
  constructor(path: Apath, snapshot: SnapshotInfo, hint = "List what is there with `backup-tool ls`") {
    super(`There is no ${JSON.stringify(textOf(path))} in the snapshot ${shortId(snapshot.id)}`);
    this.hint = hint;
  }
}

/** Looking at more names for the one that was meant would take too long. */
const MOST_NAMES = 10_000;

/** The fault of a path that isn't there, with what may have been meant. */
export function notInSnapshot(manifest: Manifest, path: Apath, snapshot: SnapshotInfo): NotInSnapshot {
  const names: string[] = [];
  for (const entry of manifest.list(parentOf(path))) {
    if (names.push(textOf(nameOf(entry.path))) === MOST_NAMES) break;
  }
  return new NotInSnapshot(path, snapshot, didYouMean(textOf(nameOf(path)), names));
}
