/** Changes the tags of snapshots. */
import type { RootId } from "../../core/content_id.ts";
import { BadUsage } from "../../core/fault.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";
import { SnapshotInUse } from "./forget.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";

export interface TagChanges {
  /** Replaces all tags; undefined: they stay. */
  readonly set: readonly string[] | undefined;
  /** Tags to add afterwards; those in `remove` are removed. */
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

export interface TagRequest extends TagChanges {
  /** Names of snapshots. */
  readonly snapshots: readonly string[];
  /** Undefined: unchanged; "": removed. */
  readonly description?: string;
}

export interface Tagged {
  /** Former id: a root is never changed, so a snapshot with other tags has a new root, and a new id. */
  readonly former: RootId;
  readonly id: RootId;
  readonly tags: readonly string[];
}

/**
 * Changes tags.
 * @returns all snapshots that were named, including unchanged ones
 * @throws BadUsage, NoSnapshot, SnapshotInUse, Locked, DiskFault
 */
export async function tag(repository: OpenedRepository, request: TagRequest): Promise<Tagged[]> {
  const { set, description } = request;
  if (set === undefined && description === undefined && request.add.length + request.remove.length === 0) {
    throw new BadUsage("No tag was given", "Give some by `--add`, `--remove` or `--set`, or a `--description`");
  }
  await using writer = await becomeWriter(repository, "tag");
  const snapshots = await repository.snapshots();
  const named = new Map(
    request.snapshots.map((name) => resolveSnapshot(name, snapshots)).map((info) => [info.id, info]),
  );
  const tagged: Tagged[] = [];
  for (const { id: former, tags: before, description: text = "" } of named.values()) {
    const tags = changedTags(before, request);
    const isSame = JSON.stringify(tags) === JSON.stringify(before) && text === (description ?? text);
    const labels = { tags, ...(description !== undefined && { description }) };
    const id = isSame ? former : await writer.replaceRoot(former, labels);
    if (id === undefined) throw new SnapshotInUse(former);
    tagged.push({ former, id, tags });
  }
  return tagged;
}

export function changedTags(before: readonly string[], { set, add, remove }: TagChanges): string[] {
  return [...new Set([...set ?? before, ...add])].filter((tag) => !remove.includes(tag));
}
