/** Examines the directory that a restore writes to: whether that is allowed, and what it contains. */
import { Fault } from "../../core/fault.ts";
import { TOP } from "../../core/apath.ts";
import { baseName, EMPTY, joinRaw, parentPath, type Raw, rawOf, ROOT, textOf } from "../../core/raw.ts";
import type { Overwrite } from "../../core/restore_terms.ts";
import { OutsideLimits } from "../confined_disk.ts";
import type { PathMapping } from "./path_mapping.ts";
import type { RestoreRequest } from "./restore_request.ts";
import { hasMarker, markerName } from "./restore_marker.ts";
import type { OwnPlaces } from "../../platform/own_places.ts";
import { type Dir, type Disk, DiskFault, makeDirectories } from "../../platform/disk.ts";

export class TargetNotEmpty extends Fault {
  readonly code = "target-not-empty";
  readonly hint = "Choose an empty directory, or say what to do with `--overwrite always|if-changed|if-newer|never`";
  constructor(path: Raw) {
    super(`Cannot restore into ${JSON.stringify(textOf(path))}: it is not empty`);
  }
}

export class TargetInStorage extends Fault {
  readonly code = "target-in-storage";
  readonly hint = "Choose a directory outside the storage";
  constructor(path: Raw) {
    super(`Cannot restore into ${JSON.stringify(textOf(path))}: it belongs to the storage`);
  }
}

/** A directory that a restore writes to, in its initial state. */
export interface RestoreTarget<D extends Dir | undefined = Dir> {
  readonly mapping: PathMapping;
  readonly directory: D;
  readonly overwrite: Overwrite;
  /** True if it is empty, so that files can be created directly under their own names. */
  readonly isFresh: boolean;
  /** True if the attributes of the directory itself stay unchanged. */
  readonly keepsTop: boolean;
}

/** Made by every `mkfs` of ext file systems. */
const LOST_AND_FOUND = rawOf("lost+found");

/** Examines a target. @param directory undefined: it doesn't exist yet @throws TargetNotEmpty */
export function examineTarget<D extends Dir | undefined>(
  directory: D,
  mapping: PathMapping,
  request: RestoreRequest,
): RestoreTarget<D> {
  return { mapping, directory, ...stateOf(directory, mapping, request) };
}

function stateOf(
  dir: Dir | undefined,
  mapping: PathMapping,
  { snapshot: { id }, overwrite, destination, delete: deletes }: RestoreRequest,
): Pick<RestoreTarget, "overwrite" | "isFresh" | "keepsTop"> {
  // Something is expected to be there.
  const isMirror = deletes || destination.kind === "in-place", isNamed = mapping.to !== TOP;
  const isEmpty = dir === undefined || isAsGoodAsEmpty(dir, id);
  if (overwrite !== undefined) return { overwrite, isFresh: false, keepsTop: overwrite === "never" && !isEmpty };
  if (isNamed && !isMirror) return { overwrite: "refuse", isFresh: false, keepsTop: true };
  if (isEmpty && !isNamed) return { overwrite: "refuse", isFresh: true, keepsTop: false };
  if (dir !== undefined && hasMarker(dir, id)) return { overwrite: "continue", isFresh: false, keepsTop: false };
  if (!isMirror) throw new TargetNotEmpty(mapping.target);
  return { overwrite: "refuse-newer", isFresh: false, keepsTop: false };
}

/** A marker without content is what a crash left that came before anything else was made. */
function isAsGoodAsEmpty(dir: Dir, snapshot: string): boolean {
  const marker = markerName(snapshot);
  return dir.list().names.every((name) => name === LOST_AND_FOUND || (name === marker && dir.stat(name)?.size === 0));
}

/** Checks that a target is not in an own place. @throws TargetInStorage, OutsideLimits */
export function assertOutside(disk: Disk, own: OwnPlaces, target: Raw, isConfined = false): void {
  const place = own.around(realPathOfNearest(disk, target).real);
  if (place === undefined) return;
  if (place.kind !== "state") throw new TargetInStorage(target);
  if (isConfined) throw new OutsideLimits(target);
}

/**
 * Real path of a directory that may not exist.
 * @returns `real`: path without symlinks of the directory or, if it doesn't exist, of the nearest existing one above
 * it; `missing`: the rest of the path, "" if everything exists
 * @throws DiskFault
 */
export function realPathOfNearest(disk: Disk, path: Raw): { readonly real: Raw; readonly missing: Raw } {
  try {
    return { real: disk.realPath(path), missing: EMPTY };
  } catch (error) {
    if (!(error instanceof DiskFault) || error.errno !== "ENOENT" || path === ROOT) throw error;
    const { real, missing } = realPathOfNearest(disk, parentPath(path));
    return { real, missing: joinRaw(missing, baseName(path)) };
  }
}

/** Opens the target; undefined if it doesn't exist. */
export function openTarget(disk: Disk, path: Raw): Dir | undefined {
  try {
    return disk.openDir(path);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") return undefined;
    throw error;
  }
}

/** Opens the target, creating it and its missing parents. */
export function makeTarget(disk: Disk, path: Raw): Dir {
  return makeDirectories(disk, path, 0o755);
}
