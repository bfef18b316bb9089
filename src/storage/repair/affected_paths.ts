/** Determines what damage affects: the paths of snapshots that need damaged contents and hunks. */
import type { Apath } from "../../core/apath.ts";
import type { Awaitable } from "../../core/awaitable.ts";
import type { ContentId, HunkId, RootId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { contentOfLine, parseLine } from "../../snapshot/entry_line.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Storage } from "../storage.ts";
import type { Yielder } from "../../core/yielding.ts";

/** A path, and the snapshots in which it is affected, newest first. */
export interface AffectedPath {
  readonly path: Apath;
  readonly snapshots: readonly RootId[];
}

/** A content that snapshots need and that is damaged or missing. */
export interface DamagedFile {
  readonly id: ContentId;
  readonly size: number;
  readonly mtime: string;
  readonly sparse: boolean;
  readonly affected: readonly AffectedPath[];
}

/** A hunk that can't be read, and the snapshots that need it, newest first. */
export interface DamagedHunk {
  readonly hunk: HunkRef;
  readonly what: string;
  readonly snapshots: readonly RootId[];
}

/** Every hunk once, with the snapshots that list it. Memory grows with the number of distinct hunks. */
export class HunkReferences {
  readonly #users = new Map<HunkId, { readonly hunk: HunkRef; readonly snapshots: RootId[] }>();

  /** @param manifests newest first */
  constructor(manifests: Iterable<{ readonly id: RootId; readonly manifest: Manifest }>) {
    for (const { id, manifest } of manifests) {
      for (const hunk of manifest.root.hunks) {
        const user = this.#users.get(hunk.id);
        if (user === undefined) this.#users.set(hunk.id, { hunk, snapshots: [id] });
        else user.snapshots.push(id);
      }
    }
  }

  values(): IterableIterator<{ readonly hunk: HunkRef; readonly snapshots: readonly RootId[] }> {
    return this.#users.values();
  }
}

/** Hunks that can't be read. @throws Interrupted */
export async function findDamagedHunks(storage: Storage, users: HunkReferences, pace: Yielder): Promise<DamagedHunk[]> {
  const damaged: DamagedHunk[] = [];
  for (const { hunk, snapshots } of users.values()) {
    await pace.yieldIfDue();
    try {
      storage.manifests.read(hunk.id);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      damaged.push({ hunk, what: error.message, snapshots });
    }
  }
  return damaged;
}

/** Paths that need the given contents; contents that no snapshot needs are omitted. Unreadable hunks are skipped. */
export async function findAffected(
  users: HunkReferences,
  contents: ReadonlySet<string>,
  { linesOf, pace }: { linesOf: (hunk: HunkRef) => Awaitable<readonly string[]>; pace: Yielder },
): Promise<DamagedFile[]> {
  const found = new Map<ContentId, { readonly entry: Entry; readonly paths: Map<Apath, RootId[]> }>();
  if (contents.size === 0) return [];
  for (const { hunk, snapshots } of users.values()) {
    await pace.yieldIfDue();
    for (const line of await linesOrNone(() => linesOf(hunk))) {
      const content = contentOfLine(line);
      if (content === undefined || !contents.has(content)) continue;
      const entry = parseLine(line);
      let file = found.get(content);
      if (file === undefined) found.set(content, file = { entry, paths: new Map() });
      const listed = file.paths.get(entry.path);
      if (listed === undefined) file.paths.set(entry.path, [...snapshots]);
      else listed.push(...snapshots);
    }
  }
  return [...found].map(([id, { entry: { size, mtime, sparse }, paths }]) => ({
    id,
    size,
    mtime,
    sparse: sparse === true,
    affected: [...paths].map(([path, snapshots]) => ({ path, snapshots })),
  }));
}

async function linesOrNone(read: () => Awaitable<readonly string[]>): Promise<readonly string[]> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Fault) return [];
    throw error;
  }
}
