/** Finds and removes the trees of snapshots, and keeps `latest/` in step. */
import { openDirIfThere } from "../../platform/open_optional.ts";
import type { Clock } from "../../core/clock.ts";
import type { Monitor } from "../../core/monitor.ts";
import { joinRaw, type Raw, rawOf, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { removeRecursively, tryToRemove } from "../../platform/remove_recursively.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { makeDirectory, setAside } from "../layout/quarantine.ts";
import type { Machine } from "../../platform/machine.ts";
import { PUBLIC } from "./tree_builder.ts";

/** What is needed from a storage to find its trees. */
export interface StorageOfTrees {
  readonly dir: Dir;
  readonly machine: Pick<Machine, "clock">;
  snapshots(): readonly SnapshotInfo[];
}

/** Digits of the snapshot id in the name of a tree that was built later. */
const ID_DIGITS = 8;
const OWNER_MAY_WRITE = 0o700;

/**
 * Path of a snapshot's tree, existing or not, relative to the storage. A snapshot made without a tree gets a name of
 * its own.
 */
export function treeOf(storage: StorageOfTrees, snapshot: SnapshotInfo, colonAllowed = true): string {
  const { tree, time, id } = snapshot;
  if (tree !== null) return colonAllowed ? tree : tree.replaceAll(":", "-");
  return `${treeName(Date.parse(time), storage.machine.clock, colonAllowed)}-${id.slice(0, ID_DIGITS)}`;
}

export function treeExists(storage: Pick<StorageOfTrees, "dir">, name: string): boolean {
  const { year, rest } = splitName(name);
  using years = openDirIfThere(storage.dir, year);
  if (years === undefined) return false;
  try {
    return years.stat(rest) !== undefined;
  } catch (error) {
    // The name holds a colon, and none is allowed here.
    if (error instanceof DiskFault && error.errno === "EINVAL") return false;
    throw error;
  }
}

/** Path of a snapshot's existing tree, relative to the storage; undefined if there is none. */
export function existingTree(storage: StorageOfTrees, snapshot: SnapshotInfo): string | undefined {
  const names = [treeOf(storage, snapshot), treeOf(storage, snapshot, false)];
  return names.find((name) => treeExists(storage, name));
}

/**
 * Points latest/<name> to the newest existing tree of a complete snapshot of that name; removes it if there is none.
 */
export function refreshLatest(storage: StorageOfTrees, name: string): void {
  const snapshots = storage.snapshots().filter((snapshot) => snapshot.name === name && snapshot.complete);
  for (const snapshot of snapshots.toReversed()) {
    const tree = existingTree(storage, snapshot);
    if (tree !== undefined) return pointLatest(storage.dir, name, tree);
  }
  removeLatest(storage.dir, name);
}

/** Trees that were moved out of sight, to tmp/. Those that are not removed are left to the next writer. */
export interface WithdrawnTrees extends Disposable {
  /** Their paths, relative to the storage. */
  readonly places: readonly Raw[];
  /** Removes the trees. Failures are reported. */
  remove(monitor: Monitor): void;
}

/**
 * Moves the trees of snapshots away from their names, so that half a tree is never visible. Only for a writer.
 * @throws DiskFault
 */
export function withdrawTrees(storage: StorageOfTrees, snapshots: readonly SnapshotInfo[]): WithdrawnTrees {
  using held = new DisposableStack();
  const temp = held.use(storage.dir.openDir(rawOf("tmp")));
  const withdrawn: Raw[] = [], changed = new Set<Raw>();
  for (const snapshot of snapshots) {
    const name = existingTree(storage, snapshot);
    if (name === undefined) continue;
    const { year, rest } = splitName(name);
    const out = rawOf(`removed-tree-${withdrawn.length}`);
    using years = storage.dir.openDir(year);
    moveDirectory(years, rest, temp, out);
    withdrawn.push(out);
    changed.add(year);
  }
  for (const year of changed) settle(storage.dir, year);
  const release = held.move();
  return {
    places: withdrawn.map((name) => joinRaw(rawOf("tmp"), name)),
    remove: (monitor) => {
      for (const name of withdrawn) {
        const fault = tryToRemove(temp, name);
        if (fault !== undefined) monitor.notice(`A tree that is out of use stays in tmp/ for now: ${fault.message}`);
      }
    },
    [Symbol.dispose]: () => release[Symbol.dispose](),
  };
}

/** Makes the removal of trees from a year durable. An empty year is removed too. */
function settle(storage: Dir, year: Raw): void {
  using years = storage.openDir(year);
  years.sync();
  if (years.list().names.length === 0 && storage.rmdir(year)) storage.sync();
}

/** Moves a directory. It is made writable for that: even its owner can't move one without write permission. */
function moveDirectory(from: Dir, name: Raw, to: Dir, toName: Raw): void {
  try {
    from.rename(name, to, toName);
  } catch (error) {
    if (!(error instanceof DiskFault && error.errno === "EACCES")) throw error;
    from.setAttributes(name, { mode: (from.stat(name)?.mode ?? 0) | OWNER_MAY_WRITE });
    from.rename(name, to, toName);
  }
}

function splitName(name: string): { year: Raw; rest: Raw } {
  const slash = name.indexOf("/");
  return { year: rawOf(name.slice(0, slash)), rest: rawOf(name.slice(slash + 1)) };
}

/** Most trees of one minute; with more, the clock must stand still. */
const MOST_IN_A_MINUTE = 10_000;

/** Path of a tree for its start time: "2026/11-20T23:05" in local time. */
export function treeName(startMs: number, clock: Clock, colonAllowed: boolean): string {
  const local = new Date(startMs + clock.offsetMinutes(startMs) * 60_000).toISOString();
  const name = `${local.slice(0, 4)}/${local.slice(5, 16)}`;
  return colonAllowed ? name : name.replaceAll(":", "-");
}

/** The first of "name", "name-2", "name-3" ... that is free. */
export function freeTreeName(name: string, isTaken: (name: string) => boolean): string {
  for (let n = 1; n < MOST_IN_A_MINUTE; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    if (!isTaken(candidate)) return candidate;
  }
  throw new Error(`No free name for the tree ${name}`);
}

const LATEST = rawOf("latest");
/** Longest file name: NAME_MAX of all common file systems. */
const LONGEST_NAME_BYTES = 255;

/** Name of the link for a series, whose name may contain characters that a link's can't. */
function latestName(series: string): Raw {
  let name = series.replaceAll("/", "_");
  while (rawOf(name).length > LONGEST_NAME_BYTES) name = name.slice(0, -1);
  return rawOf(["", ".", ".."].includes(name) ? `_${name}` : name);
}

/** Points latest/<series name> at a tree, durably. */
export function pointLatest(storage: Dir, series: string, tree: string): void {
  const name = latestName(series);
  makeDirectory(storage, storage, LATEST, PUBLIC);
  using temp = storage.openDir(rawOf("tmp"));
  using directory = storage.openDir(LATEST);
  if (directory.stat(name)?.kind === "dir") setAside(storage, directory, name, LATEST);
  removeRecursively(temp, LATEST);
  temp.symlink(rawOf(`../${tree}`), LATEST);
  temp.rename(LATEST, directory, name);
  directory.sync();
  storage.sync();
}

/** Removes the link of a series that no longer has a tree. */
export function removeLatest(storage: Dir, series: string): void {
  using directory = openDirIfThere(storage, LATEST);
  const name = latestName(series);
  if (directory?.stat(name)?.kind === "symlink" && directory.unlink(name)) directory.sync();
}

/** Path of a tree as text, for messages. */
export function treePath(storage: Dir, name: string): string {
  return `${textOf(storage.path)}/${name}`;
}
