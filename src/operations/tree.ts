/** Building the browsable tree of a snapshot again, and removing it. Nothing is lost with a tree. */
import { type Apath, nameOf, parentOf, TOP } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import { Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Raw, textOf } from "../core/raw.ts";
import type { Dir } from "../platform/disk.ts";
import type { SnapshotInfo } from "../storage/catalog/catalog.ts";
import type { ContentStore } from "../storage/content.ts";
import { tell, untell } from "../storage/faults.ts";
import type { Storage } from "../storage/storage.ts";
import { nameInWork, TreeBuilder } from "../storage/tree.ts";
import { probeLinks } from "./probe.ts";
import { existingTree, refreshLatest, treeExists, treeOf, withdrawTrees } from "./tree_places.ts";

export class NoLinks extends Fault {
  readonly code = "no-hard-links";
  readonly hint = "Use `backup-tool restore`, or keep the storage on a file system with hard links";
  constructor(path: Raw) {
    super(`Cannot build a tree in ${JSON.stringify(textOf(path))}: this file system has no hard links`);
  }
}

export class TreeExists extends Fault {
  readonly code = "tree-exists";
  readonly hint = "Remove it first with `backup-tool tree remove`";
  constructor(name: string) {
    super(`The tree ${name} is there already`);
  }
}

export class NoTree extends Fault {
  readonly code = "no-tree";
  readonly hint = "Build it with `backup-tool tree build`";
  constructor(name: string) {
    super(`There is no tree ${name}`);
  }
}

/** @returns the tree's path relative to the storage. @throws NoLinks, TreeExists, Locked */
export function buildTree(
  storage: Storage,
  snapshot: SnapshotInfo,
  _workers: number,
  monitor: Monitor,
): Promise<string> {
  using _writer = storage.write(`tree of ${snapshot.id.slice(0, 12)}`);
  const { links, colons } = probeLinks(storage.dir);
  if (!links) throw new NoLinks(storage.path);
  const name = treeOf(storage, snapshot, colons);
  if (treeExists(storage, name)) throw new TreeExists(name);
  const manifest = storage.manifest(snapshot.id);
  // Without the source at hand nobody can tell who was allowed to reach it, so its top is the owner's alone.
  const { disk, random } = storage.machine, isPrivate = manifest.root.private;
  using tree = new TreeBuilder(storage.dir, disk, { name: nameInWork(random), isPrivate });
  using store = storage.contents();
  let at: { directory: Apath; dir: Dir } | undefined;
  try {
    for (const entry of manifest.entries()) {
      if (entry.path === TOP) {
        tree.setTop(entry);
        continue;
      }
      const directory = parentOf(entry.path);
      if (at?.directory !== directory) {
        at?.dir[Symbol.dispose]();
        at = undefined;
        tree.enter(directory);
        at = { directory, dir: tree.open(directory) };
        monitor.at(textOf(directory));
      }
      placeEntry(entry, at.dir, { tree, store, storage, monitor });
    }
  } finally {
    at?.dir[Symbol.dispose]();
  }
  tree.publish(name);
  refreshLatest(storage, snapshot.name);
  return Promise.resolve(name);
}

interface Placing {
  readonly tree: TreeBuilder;
  readonly store: ContentStore;
  readonly storage: Storage;
  readonly monitor: Monitor;
}

function placeEntry(entry: Entry, into: Dir, { tree, store, storage, monitor }: Placing): void {
  const name = nameOf(entry.path);
  if (entry.kind === "dir") {
    tree.makeDirectory(into, entry);
    tree.expect(entry);
  } else if (entry.kind === "symlink" && entry.target !== undefined) {
    into.symlink(entry.target, name);
    const owner = storage.machine.disk.uid === 0 ? { uid: entry.uid, gid: entry.gid } : {};
    into.setAttributes(name, { ...owner, mtime: entry.mtime });
  } else if (entry.kind === "file" && entry.content !== undefined) {
    try {
      monitor.count(store.show(entry.content, into, name) === "linked" ? "linkedFiles" : "copiedFiles");
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "damaged-content") throw error;
      const message = `Cannot show ${JSON.stringify(textOf(entry.path))}: ${error.message}`;
      monitor.problem(untell({ ...tell(error), message }));
    }
  }
}

/** @throws NoTree, Locked */
export function removeTree(storage: Storage, snapshot: SnapshotInfo, monitor: Monitor): void {
  using _writer = storage.write(`removal of the tree of ${snapshot.id.slice(0, 12)}`);
  const name = existingTree(storage, snapshot);
  if (name === undefined) throw new NoTree(treeOf(storage, snapshot));
  monitor.at(`removing ${name}`);
  using withdrawn = withdrawTrees(storage, [snapshot]);
  refreshLatest(storage, snapshot.name);
  withdrawn.remove();
}
