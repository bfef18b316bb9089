/** Parses a snapshot and a path in it, as one or two words: `latest /photos`, `latest:/photos`. */
import type { Apath } from "../../core/apath.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import type { Repository } from "../../snapshot/repository.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { snapshotPath } from "../settings/paths.ts";

export interface SnapshotPlace {
  readonly snapshot: SnapshotInfo;
  /** The path, if one was given. */
  readonly path?: Apath;
}

/**
 * The place. @param pathText separate word for the path @throws NoSnapshot, AmbiguousSnapshot, BadUsage if both words
 * have a path
 */
export async function placeNamed(
  name: string,
  pathText: string | undefined,
  repository: Pick<Repository, "snapshots">,
): Promise<SnapshotPlace> {
  const { snapshot, inside } = splitName(name, await repository.snapshots());
  if (inside === undefined) return { snapshot, ...(pathText !== undefined && { path: snapshotPath(pathText) }) };
  if (pathText === undefined) return { snapshot, path: snapshotPath(inside) };
  throw new BadUsage("The path in the snapshot is given twice", "Write `SNAPSHOT PATH`, or `SNAPSHOT:/PATH`");
}

/** As {@link placeNamed}, for several paths. @throws NoSnapshot, AmbiguousSnapshot */
export async function placesNamed(
  name: string,
  pathTexts: readonly string[],
  repository: Pick<Repository, "snapshots">,
): Promise<{ readonly snapshot: SnapshotInfo; readonly paths: readonly Apath[] }> {
  const { snapshot, inside } = splitName(name, await repository.snapshots());
  return { snapshot, paths: [...inside === undefined ? [] : [inside], ...pathTexts].map(snapshotPath) };
}

/** Splits at the first `:/` that follows the name of a snapshot: names and paths may contain it too. */
function splitName(name: string, snapshots: readonly SnapshotInfo[]) {
  for (let end = name.indexOf(":/"); end > 0; end = name.indexOf(":/", end + 1)) {
    const snapshot = existing(name.slice(0, end), snapshots);
    if (snapshot !== undefined) return { snapshot, inside: name.slice(end + 1) };
  }
  return { snapshot: resolveSnapshot(name, snapshots), inside: undefined };
}

function existing(name: string, snapshots: readonly SnapshotInfo[]): SnapshotInfo | undefined {
  try {
    return resolveSnapshot(name, snapshots);
  } catch (error) {
    if (error instanceof Fault && error.code === "no-snapshot") return undefined;
    throw error;
  }
}
