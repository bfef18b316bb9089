/**
 * Gives back snapshots whose roots have vanished although nobody has forgotten them. Who forgets a snapshot takes its
 * tree away first, so a tree that no snapshot claims proves that its root was lost: by a faulty disk, or by somebody
 * who tidied up. As long as the catalog remembers the snapshot, it is rebuilt, like one whose root can't be read.
 */
import type { Catalog } from "../../catalog/catalog.ts";
import type { RootId } from "../../core/content_id.ts";
import type { Monitor } from "../../core/monitor.ts";
import { shortId } from "../../core/short_id.ts";
import type { Dir } from "../../platform/disk.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { ManifestStore } from "../content/manifest_store.ts";
import { existingTree } from "../tree/tree_places.ts";
import { newestFirst, readableSnapshots, type SnapshotsToRead } from "./recover_hunk.ts";
import {
  findRecoverable,
  type RecoverableSnapshot,
  type RecoveringStorage,
  recoverRoot,
  type RecoveryContext,
} from "./recover_root.ts";

/** What is needed of the storage. */
export interface VanishingStorage extends RecoveringStorage, SnapshotsToRead {
  readonly dir: Dir;
  readonly manifests: Pick<ManifestStore, "writeHunk" | "writeRoot">;
  readonly monitor: Monitor;
}

/**
 * Writes new roots for those of the vanished snapshots that still have their trees.
 * @param vanished snapshots that the catalog knows and `content/` doesn't
 * @param there those that are there: their trees are theirs
 * @returns ids of the vanished ones that exist again, under other ids
 * @throws DiskFault
 */
export function recoverVanished(
  storage: VanishingStorage,
  catalog: Catalog,
  vanished: readonly SnapshotInfo[],
  there: readonly SnapshotInfo[],
): Set<RootId> {
  if (vanished.length === 0) return new Set();
  const places = { dir: storage.dir, machine: storage.machine, snapshots: () => there };
  const claimed = new Set(there.map((snapshot) => existingTree(places, snapshot)));
  const recovered = new Set<RootId>(), snapshots = readableSnapshots(storage);
  for (const info of vanished) {
    const tree = existingTree(places, info);
    const found = tree === undefined || claimed.has(tree) ? undefined : findRecoverable(catalog, info.id);
    if (found === undefined || tree === undefined) continue;
    const id = recover(storage, found, { catalog, snapshots, tree });
    // Those of the same series have most hunks in common.
    snapshots.push({ id, manifest: storage.manifest(id) });
    snapshots.sort(newestFirst);
    recovered.add(info.id);
  }
  return recovered;
}

function recover(
  storage: VanishingStorage,
  found: RecoverableSnapshot,
  { tree, ...known }: Pick<RecoveryContext, "catalog" | "snapshots"> & { readonly tree: string },
): RootId {
  const { machine, settings, manifests, monitor } = storage;
  // Nothing else makes them durable before the root.
  const writeHunk: ManifestStore["writeHunk"] = (first, lines) => manifests.writeHunk(first, lines, true);
  const target = { machine, settings, manifests: { writeHunk } };
  const root = recoverRoot(found, { storage: target, ...known, monitor });
  const made = manifests.writeRoot({ ...root, tree });
  monitor.notice(
    `The snapshot ${shortId(found.info.id)} was gone from content/, but not its tree ${tree}: rebuilt as ${
      shortId(made)
    }`,
  );
  return made;
}
