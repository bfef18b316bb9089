/** Rebuilds or removes the browsable tree of a snapshot. Nothing is lost with a tree. */
import type { RootId } from "../../core/content_id.ts";
import { shortId } from "../../core/short_id.ts";
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { StoragePool } from "../threads/batch_executor.ts";
import { PoolIngest } from "../threads/pool_ingest.ts";
import { probeLinks } from "./probe_links.ts";
import { fillTree } from "./tree_build.ts";
import { nameInWork } from "../layout/own_names.ts";
import type { StorageForTree } from "./new_tree.ts";
import { TreeBuilder } from "./tree_builder.ts";
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

export interface BuildRequest {
  /** Worker threads that make links, in addition to the main thread that reads the manifest; 0: none. */
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** What building a tree needs from a storage. */
export interface StorageToShow extends StorageForTree {
  readonly path: Raw;
  manifest(id: RootId): Manifest;
  pool(workers: number, signal: AbortSignal): StoragePool;
  write(holder: string): Disposable;
}

/**
 * Builds the tree of a snapshot. @returns its path relative to the storage @throws NoLinks, TreeExists, Locked,
 * Interrupted
 */
export async function buildTree(
  storage: StorageToShow,
  snapshot: SnapshotInfo,
  { workers, signal }: BuildRequest,
  monitor: Monitor,
): Promise<string> {
  using _writer = storage.write(`tree of ${shortId(snapshot.id)}`);
  const { links, colons } = probeLinks(storage.dir);
  if (!links) throw new NoLinks(storage.path);
  const name = treeOf(storage, snapshot, colons);
  if (treeExists(storage, name)) throw new TreeExists(name);
  const manifest = storage.manifest(snapshot.id);
  const { disk, clock, random } = storage.machine, isPrivate = manifest.root.private;
  // Without the source at hand nobody can tell who was allowed to reach it, so its top is the owner's alone.
  using tree = new TreeBuilder(storage.dir, disk, { name: nameInWork(random), isPrivate });
  monitor.phase("building the tree");
  monitor.setTotal({ items: snapshot.files });
  {
    await using pool = storage.pool(workers, signal);
    const linker = new PoolIngest(pool, monitor), pace = new Yielder(clock, signal);
    await fillTree(manifest.entries(), { tree, linker, pace, monitor });
  }
  monitor.phase("finishing the tree");
  tree.finish(monitor);
  await storage.dir.syncFileSystem();
  tree.publish(name);
  refreshLatest(storage, snapshot.name);
  return name;
}

/** Removes the tree of a snapshot. @throws NoTree, Locked */
export function removeTree(storage: StorageToShow, snapshot: SnapshotInfo, monitor: Monitor): void {
  using _writer = storage.write(`removal of the tree of ${shortId(snapshot.id)}`);
  const name = existingTree(storage, snapshot);
  if (name === undefined) throw new NoTree(treeOf(storage, snapshot));
  monitor.phase("removing");
  monitor.current(name);
  using withdrawn = withdrawTrees(storage, [snapshot]);
  refreshLatest(storage, snapshot.name);
  withdrawn.remove(monitor);
}
