/** The directory that a restore writes to: whether it may, and what it finds there. */
import { Fault } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Overwrite } from "../../core/restore_terms.ts";
import type { PathMapping } from "./path_mapping.ts";
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

/** What was asked for, as far as targets are concerned. */
export interface TargetRules {
  /** Id of the snapshot. */
  readonly snapshot: string;
  /** As the person said; undefined: nothing was said. */
  readonly overwrite: "always" | "if-changed" | "if-newer" | "never" | undefined;
  /** Something is expected to be there: the restore is in place, or removes what should not be there. */
  readonly isMirror: boolean;
}

export interface TargetState {
  readonly overwrite: Overwrite;
  /** Nothing is there, and files can be made under their own names at once. */
  readonly isFresh: boolean;
  /** The directory itself stays as it was. */
  readonly keepsTop: boolean;
}

/** Made by every `mkfs` of ext file systems. */
const LOST_AND_FOUND = rawOf("lost+found");

/** @param dir undefined: it is not there yet. @throws TargetNotEmpty */
export function examineTarget(dir: Dir | undefined, route: PathMapping, rules: TargetRules): TargetState {
  const isNamed = route.to !== "/";
  const isEmpty = dir === undefined || isAsGoodAsEmpty(dir, rules.snapshot);
  if (rules.overwrite !== undefined) {
    return { overwrite: rules.overwrite, isFresh: false, keepsTop: rules.overwrite === "never" && !isEmpty };
  }
  if (isNamed && !rules.isMirror) return { overwrite: "refuse", isFresh: false, keepsTop: true };
  if (isEmpty && !isNamed) return { overwrite: "refuse", isFresh: true, keepsTop: false };
  if (dir !== undefined && hasMarker(dir, rules.snapshot)) {
    return { overwrite: "continue", isFresh: false, keepsTop: false };
  }
  if (!rules.isMirror) throw new TargetNotEmpty(route.target);
  return { overwrite: "refuse-newer", isFresh: false, keepsTop: false };
}

/** A marker without content is what a crash left that came before anything else was made. */
function isAsGoodAsEmpty(dir: Dir, snapshot: string): boolean {
  const marker = markerName(snapshot);
  return dir.list().names.every((name) => name === LOST_AND_FOUND || (name === marker && dir.stat(name)?.size === 0));
}

/** @throws TargetInStorage */
export function assertOutside(disk: Disk, own: OwnPlaces, target: Raw): void {
  const place = own.around(realPathOfNearest(disk, target).real);
  if (place !== undefined && place.kind !== "state") throw new TargetInStorage(target);
}

/** A path that need not be there. */
export interface NearestPath {
  /** Of the directory itself or, if it isn't there yet, of the nearest one above it; without symlinks. */
  readonly real: Raw;
  /** What isn't there, below that; "" if everything is. */
  readonly missing: Raw;
}

/** @throws DiskFault */
export function realPathOfNearest(disk: Disk, path: Raw): NearestPath {
  try {
    return { real: disk.realPath(path), missing: rawOf("") };
  } catch (error) {
    if (!(error instanceof DiskFault) || error.errno !== "ENOENT" || path === "/") throw error;
    const { real, missing } = realPathOfNearest(disk, aboveOf(path));
    return { real, missing: joinRaw(missing, path.slice(path.lastIndexOf("/") + 1) as Raw) };
  }
}

/** Undefined if it is not there. */
export function openTarget(disk: Disk, path: Raw): Dir | undefined {
  try {
    return disk.openDir(path);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") return undefined;
    throw error;
  }
}

/** Opens the target, making it and its missing parents. */
export function makeTarget(disk: Disk, path: Raw): Dir {
  return makeDirectories(disk, path, 0o755);
}

function aboveOf(path: Raw): Raw {
  const slash = path.lastIndexOf("/");
  return (slash <= 0 ? "/" : path.slice(0, slash)) as Raw;
}
