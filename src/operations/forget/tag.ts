/** Changing the tags of snapshots. */
import type { RootId } from "../../core/content_id.ts";
import { BadUsage } from "../../core/fault.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";
import { SnapshotInUse } from "./forget.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";

export interface TagChanges {
  /** Exactly these; undefined: those that there are. */
  readonly set: readonly string[] | undefined;
  /** Then these too, and not these. */
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

export interface TagRequest extends TagChanges {
  /** Names of snapshots. */
  readonly snapshots: readonly string[];
  /** Undefined: as it is; "": none. */
  readonly description?: string;
}

export interface Tagged {
  /** A root is never changed: a snapshot with other tags has another one, and so another id. */
  readonly former: RootId;
  readonly id: RootId;
  readonly tags: readonly string[];
}

/** @returns all that were named, also those whose tags stay as they are @throws BadUsage, NoSnapshot, SnapshotInUse, Locked, DiskFault */
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
