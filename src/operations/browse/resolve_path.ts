/** Paths as people give them to commands that look into snapshots. */
import { type Apath, isWithin, TOP } from "../../core/apath.ts";
import { rawOf } from "../../core/raw.ts";
import type { SnapshotInfo } from "../../catalog/catalog.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Root } from "../../snapshot/root.ts";
import { notInSnapshot } from "../restore/restore_entries.ts";
import { pathsMeant } from "../restore/path_mapping.ts";

/** A path in the snapshot or else, as it was in the source. @throws NotInSnapshot */
export function pathMeant(manifest: Manifest, path: Apath, snapshot: SnapshotInfo): Apath {
  const [meant, ...others] = pathsMeant(manifest, path);
  if (meant === undefined || others.length > 0) throw notInSnapshot(manifest, path, snapshot);
  return meant;
}

/** Where a path of the source stands, or stood, in snapshots of it, whether they have it or not. */
export function placesOf(path: Apath, sources: Root["sources"]): Apath[] {
  return sources.flatMap((source) => {
    const was = rawOf(source.path) as string as Apath, at = rawOf(source.at) as string as Apath;
    if (!isWithin(path, was)) return [];
    const rest = path.slice(was === TOP ? 0 : was.length);
    return [(at === TOP ? rest || TOP : at + rest) as Apath];
  });
}
