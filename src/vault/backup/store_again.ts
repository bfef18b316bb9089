/**
 * Stores contents again that were removed from the vault meanwhile: from the source, or from units that still exist.
 */
import { type Apath, parentOf } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import type { Entry } from "../../core/entry.ts";
import type { StoreBatch, StoreTask } from "../../snapshot/ingest_batch.ts";
import type { SourceFile } from "../../snapshot/snapshot_sink.ts";
import { LostFromVault } from "../format/faults.ts";
import type { LocalPacker } from "../write/local_packer.ts";
import type { PackThreads } from "../write/pack_threads.ts";
import type { LostContent } from "../write/reliance.ts";
import type { RunStore } from "../write/run_store.ts";

export interface StoreAgainParts {
  readonly store: RunStore;
  readonly threads: PackThreads;
  readonly local: LocalPacker;
  /** Directory in which units show the files of the snapshot. */
  readonly directory: Raw;
  /** Where the sources have a file of the snapshot; undefined if that is unknown. */
  readonly placeOf: ((path: Apath) => SourceFile | undefined) | undefined;
}

/** Number of files that the threads get at once. */
const FILES_AT_ONCE = 256;

export class StoreAgain {
  readonly #parts: StoreAgainParts;

  constructor(parts: StoreAgainParts) {
    this.#parts = parts;
  }

  /** Stores all of these contents. @throws LostFromVault if one can't be found anywhere */
  async store(lost: readonly LostContent[]): Promise<void> {
    const gone: string[] = [];
    for (let from = 0; from < lost.length; from += FILES_AT_ONCE) {
      for (const each of await this.#fromSource(lost.slice(from, from + FILES_AT_ONCE))) {
        if (!(await this.#fromVault(each))) gone.push(textOf(each.path));
      }
    }
    if (gone.length > 0) throw new LostFromVault(gone);
  }

  /** @returns the contents that the source no longer has, or has in another version */
  async #fromSource(lost: readonly LostContent[]): Promise<readonly LostContent[]> {
    const tried: LostContent[] = [], batches: StoreBatch[] = [];
    let bytes = 0;
    for (const each of lost) {
      const place = this.#parts.placeOf?.(each.path);
      if (place === undefined) continue;
      const { rootPath, relative, name } = place, apath = parentOf(each.path);
      batches.push({ rootPath, relative, apath, tree: undefined, files: [taskOf(each.entry, name)] });
      tried.push(each);
      bytes += each.entry.size;
    }
    const { threads, directory } = this.#parts;
    const results = await threads.store({ directory, batches }, { items: batches.length, bytes });
    const stored = new Set(tried.filter(({ content }, i) => results[i]?.[0]?.content === content));
    return lost.filter((each) => !stored.has(each));
  }

  /**
   * Stores a content from the vault: units that are about to be deleted may still exist. @returns whether that worked
   */
  async #fromVault({ content, entry }: LostContent): Promise<boolean> {
    const { store, local, directory } = this.#parts;
    try {
      await local.add(store.contents.read(content), entry, { directory, expected: content });
      return true;
    } catch (error) {
      if (!(error instanceof Fault) || !UNREADABLE.includes(error.code)) throw error;
      return false;
    }
  }
}

/** Codes of faults for contents that don't exist, or that this key can't open. */
const UNREADABLE: readonly string[] = ["damaged-content", "write-only-key"];

function taskOf({ size, mtime, ctime, inode = "0", mode, uid, gid, sparse, content }: Entry, name: Raw): StoreTask {
  const facts = { size, mtime, ctime, inode, mode, uid, gid };
  return { name, treeName: name, ...facts, sparse: sparse === true, content, guarded: false };
}
