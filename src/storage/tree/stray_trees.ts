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

/** Trees that none of the roots claims. None if a root can't be read, for the tree may be its. */
function straysAmong(storage: StorageWithTrees, trees: readonly string[], ids: readonly RootId[]): readonly string[] {
  const { dir, machine } = storage;
  if (trees.length === 0) return [];
  const claimed = new Set<string>();
  for (const id of ids) {
    const root = unlessFault(() => storage.manifests.readRoot(id), undefined);
    if (root === undefined) return [];
    const tree = existingTree({ dir, machine, snapshots: () => [] }, infoOf(id, root));
    if (tree !== undefined) claimed.add(tree);
  }
  return trees.filter((tree) => !claimed.has(tree));
}

/** Trees that no snapshot claims, while a storage is looked through. */
export class StrayTrees {
  readonly #storage: StorageWithTrees;
  /** What was there before any root was looked at: a root is there before its tree. */
  readonly #trees: readonly string[];

  constructor(storage: StorageWithTrees) {
    this.#storage = storage;
    this.#trees = treesOn(storage);
  }

  /**
   * @param ids of roots that were found since
   * @param isWriter true for the writer: nobody else replaces roots. For others, there are none while somebody writes
   * @returns paths in the storage, sorted
   */
  among(ids: readonly RootId[], isWriter = false): readonly string[] {
    const storage = this.#storage;
    const seems = straysAmong(storage, this.#trees, ids);
    if (seems.length === 0 || (!isWriter && storage.hasWriter())) return [];
    // A root may have taken the place of another while they were listed.
    return straysAmong(storage, seems, storage.listing.rootIds()).filter((tree) => treeExists(storage, tree));
  }
}

function treesOn({ dir }: StorageWithTrees): string[] {
  const years = dir.list().names.filter((name) => YEAR.test(name) && dir.stat(name)?.kind === "dir");
  return years.flatMap((name) => {
    using year = dir.openDir(name);
    return year.list().names.filter((tree) => TREE.test(tree)).map((tree) => `${textOf(name)}/${textOf(tree)}`);
  }).sort();
}
