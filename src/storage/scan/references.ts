/** Collects what the snapshots of a storage need, from all their manifests and from nothing else. */
import type { HunkId, RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { UnknownReferences } from "../../snapshot/faults.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { ItemSet } from "../../core/item_set.ts";
import type { StoragePool } from "../threads/batch_executor.ts";
import type { ManifestStore } from "../content/manifest_store.ts";
import type { Yielder } from "../../core/yielding.ts";

export interface References {
  readonly hunks: ReadonlySet<HunkId>;
  /** Ids of contents. It may match some by chance that no snapshot refers to; it lacks none. */
  readonly contents: ItemSet;
}

export interface Collecting {
  readonly pool: StoragePool;
  readonly pace: Yielder;
  readonly monitor: Monitor;
}

/**
 * Reads every hunk of the given snapshots, each once.
 * @throws UnknownReferences if a single one can't be read, Interrupted
 */
export async function collectReferences(
  manifests: Pick<ManifestStore, "readRoot">,
  roots: readonly RootId[],
  { pool, pace, monitor }: Collecting,
): Promise<References> {
  const hunks = new Set<HunkId>(), contents = new ItemSet();
  const unreadable = new Map<string, string>();
  const underWay: { root: RootId; words: Promise<Int32Array> }[] = [];
  const takeOldest = async () => {
    const { root, words } = underWay.shift()!;
    await tolerating(root, unreadable, async () => contents.addAll(await words));
  };
  for (const root of roots) {
    await tolerating(root, unreadable, async () => {
      for (const hunk of manifests.readRoot(root).hunks) {
        if (hunks.has(hunk.id)) continue;
        hunks.add(hunk.id);
        await pace.yieldIfDue();
        monitor.count("readHunks");
        underWay.push({ root, words: contentsOf(hunk, pool) });
        if (underWay.length > pool.width) await takeOldest();
      }
    });
  }
  while (underWay.length > 0) await takeOldest();
  if (unreadable.size > 0) throw new UnknownReferences(unreadable);
  return { hunks, contents };
}

function contentsOf(hunk: HunkRef, pool: StoragePool): Promise<Int32Array> {
  const words = pool.run("contents", hunk, { items: hunk.count / ENTRIES_OF_ONE_ITEM, bytes: 0 });
  words.catch(() => {}); // awaited in order later; until then a failure is no unhandled one
  return words;
}

/** Number of entries that take as long as one small file. */
const ENTRIES_OF_ONE_ITEM = 20;

/** Notes a failure to read a snapshot, so that all of them can be listed. */
async function tolerating(root: RootId, unreadable: Map<string, string>, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Fault) || error.code === "interrupted") throw error;
    if (!unreadable.has(root)) unreadable.set(root, error.message);
  }
}
