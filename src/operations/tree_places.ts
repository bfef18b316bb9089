/** Where the trees of snapshots are, taking them away, and keeping `latest/` in step. */
import type { Monitor } from "../core/monitor.ts";
import { type Raw, rawOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import type { SnapshotInfo } from "../storage/catalog/catalog.ts";
import type { Storage } from "../storage/storage.ts";
import { openLeaf } from "../storage/item_path.ts";
import { tryToRemove } from "../storage/remove.ts";
import { pointLatest, removeLatest, treeName } from "../storage/tree.ts";

/** Digits of the id in the name of a tree whose snapshot was made without one. */
const ID_DIGITS = 8;
const OWNER_MAY_WRITE = 0o700;

/** Where the tree of a snapshot is or would be, relative to the storage. One made without a tree gets a name of its own. */
export function treeOf(storage: Storage, snapshot: SnapshotInfo, colonAllowed = true): string {
  const { tree, time, id } = snapshot;
  if (tree !== null) return colonAllowed ? tree : tree.replaceAll(":", "-");
  return `${treeName(Date.parse(time), storage.machine.clock, colonAllowed)}-${id.slice(0, ID_DIGITS)}`;
}

export function treeExists(storage: Storage, name: string): boolean {
  const { year, rest } = splitName(name);
  using years = openLeaf(storage.dir, year);
  if (years === undefined) return false;
  try {
    return years.stat(rest) !== undefined;
  } catch (error) {
    // The name holds a colon, and none is allowed here.
    if (error instanceof DiskFault && error.errno === "EINVAL") return false;
    throw error;
  }
}

/** Name of the tree of a snapshot, relative to the storage; undefined if there is none. */
export function existingTree(storage: Storage, snapshot: SnapshotInfo): string | undefined {
  const names = [treeOf(storage, snapshot), treeOf(storage, snapshot, false)];
  return names.find((name) => treeExists(storage, name));
}

/** Points latest/<name> to the newest tree that there is of snapshots of that name; removes it if there is none. */
export function refreshLatest(storage: Storage, name: string): void {
  const snapshots = storage.snapshots().filter((snapshot) => snapshot.name === name && snapshot.complete);
  for (const snapshot of snapshots.reverse()) {
    const tree = existingTree(storage, snapshot);
    if (tree !== undefined) return pointLatest(storage.dir, name, tree);
  }
  removeLatest(storage.dir, name);
}

/** Trees that are out of sight, in tmp/. What is not removed is left to the next writer. */
export interface WithdrawnTrees extends Disposable {
  /** What can't be removed is told. */
  remove(monitor: Monitor): void;
}

/**
 * Takes the trees of snapshots away from their names: half a tree is never to be seen under one. Only for a writer.
 * @throws DiskFault
 */
export function withdrawTrees(storage: Storage, snapshots: readonly SnapshotInfo[]): WithdrawnTrees {
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
    remove: (monitor) => {
      for (const name of withdrawn) {
        const fault = tryToRemove(temp, name);
        if (fault !== undefined) monitor.notice(`A tree that is out of use stays in tmp/ for now: ${fault.message}`);
      }
    },
    [Symbol.dispose]: () => release[Symbol.dispose](),
  };
}

/** Makes durable that trees have gone from a year, which goes too if it is empty. */
function settle(storage: Dir, year: Raw): void {
  using years = storage.openDir(year);
  years.sync();
  if (years.list().names.length === 0 && storage.rmdir(year)) storage.sync();
}

/** Who may not write to a directory can't move it either, even where it is their own. */
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
