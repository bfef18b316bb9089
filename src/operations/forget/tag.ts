/** Changing the tags of snapshots. */
import type { RootId } from "../../core/content_id.ts";
import { BadUsage } from "../../core/fault.ts";
import { SnapshotInUse } from "./forget.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Storage } from "../../storage/storage.ts";
import { existingTree } from "../../storage/tree/tree_places.ts";

export interface TagRequest {
  /** Names of snapshots. */
  readonly snapshots: readonly string[];
  /** Exactly these; undefined: those that there are. */
  readonly set: readonly string[] | undefined;
  /** Then these too, and not these. */
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

export interface Tagged {
  /** A root is never changed: a snapshot with other tags has another one, and so another id. */
  readonly former: RootId;
  readonly id: RootId;
  readonly tags: readonly string[];
}

/** @returns all that were named, also those whose tags stay as they are @throws BadUsage, NoSnapshot, SnapshotInUse, Locked, DiskFault */
export function tag(storage: Storage, request: TagRequest): Tagged[] {
  if (request.set === undefined && request.add.length + request.remove.length === 0) {
    throw new BadUsage("No tag was given", "Give some by `--add`, `--remove` or `--set`");
  }
  using writer = storage.write("tag");
  const named = new Map(request.snapshots.map((name) => storage.resolve(name)).map((info) => [info.id, info]));
  for (const id of named.keys()) if (storage.manifests.isBeingRead(id)) throw new SnapshotInUse(id);
  return [...named.values()].map((snapshot) => {
    const tags = changed(snapshot.tags, request);
    if (JSON.stringify(tags) === JSON.stringify(snapshot.tags)) return { former: snapshot.id, id: snapshot.id, tags };
    const id = writer.retag(snapshot.id, { tags, tree: treeOf(storage, snapshot) });
    return { former: snapshot.id, id, tags };
  });
}

function changed(before: readonly string[], { set, add, remove }: TagRequest): string[] {
  return [...new Set([...set ?? before, ...add])].filter((tag) => !remove.includes(tag));
}

/** One that was built later is named by the id, and would not be found any more. */
function treeOf(storage: Storage, snapshot: SnapshotInfo): string | null {
  return snapshot.tree ?? existingTree(storage, snapshot) ?? null;
}
