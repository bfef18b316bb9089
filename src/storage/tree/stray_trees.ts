/** Trees that no snapshot claims: what is left of snapshots whose roots were lost. */
import { unlessFault } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import type { RootId } from "../../core/content_id.ts";
import { infoOf } from "../../snapshot/snapshot_info.ts";
import type { Root } from "../../snapshot/root.ts";
import { TREE, YEAR } from "../layout/own_names.ts";
import { existingTree, type StorageOfTrees, treeExists } from "./tree_places.ts";

/** What is needed of the storage. */
export interface StorageWithTrees extends Omit<StorageOfTrees, "snapshots"> {
  readonly listing: { rootIds(): RootId[] };
  readonly manifests: { readRoot(id: RootId): Root };
  hasWriter(): boolean;
}

/**
 * Paths in the storage, sorted. None as long as a root can't be read, for the tree may be its; nor while somebody
 * writes, because a root may then be replaced between two looks.
 */
export function strayTrees(storage: StorageWithTrees): string[] {
  const { dir, machine } = storage;
  const trees = treesOn(storage);
  const roots = storage.listing.rootIds().map((id) => ({
    id,
    root: unlessFault(() => storage.manifests.readRoot(id), undefined),
  }));
  const claimed = new Set<string>();
  for (const { id, root } of roots) {
    if (root === undefined) return [];
    const tree = existingTree({ dir, machine, snapshots: () => [] }, infoOf(id, root));
    if (tree !== undefined) claimed.add(tree);
  }
  const strays = trees.filter((tree) => !claimed.has(tree));
  return strays.length === 0 || storage.hasWriter() ? [] : strays.filter((tree) => treeExists(storage, tree));
}

function treesOn({ dir }: StorageWithTrees): string[] {
  const years = dir.list().names.filter((name) => YEAR.test(name) && dir.stat(name)?.kind === "dir");
  return years.flatMap((name) => {
    using year = dir.openDir(name);
    return year.list().names.filter((tree) => TREE.test(tree)).map((tree) => `${textOf(name)}/${textOf(tree)}`);
  }).sort();
}
