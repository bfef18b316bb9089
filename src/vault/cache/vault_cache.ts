/**
 * Everything that this machine keeps of a vault to save fetching it again: in the state directory, or in memory where
 * there is none. It may be deleted at any time. README.md describes the files.
 */
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { Machine } from "../../platform/machine.ts";
import { CachePlace } from "./cache_place.ts";
import { IndexCache } from "./index_cache.ts";
import { assertPinned, pin, type VaultFacts } from "./pinned_facts.ts";
import { SnapshotCache } from "./snapshot_cache.ts";

export interface CacheOptions {
  readonly machine: Machine;
  readonly monitor: Pick<Monitor, "notice">;
  /** Location of the vault, for messages. */
  readonly location: string;
  /** False: only the pinned properties are read from disk, and nothing is written. */
  readonly isKept: boolean;
}

export class VaultCache implements Disposable {
  /** Absent: everything is in memory. */
  readonly place: CachePlace | undefined;
  readonly index: IndexCache;
  readonly snapshots: SnapshotCache;
  readonly #location: string;

  /** Opens the cache. @throws VaultDiffers */
  static open(vault: VaultFacts, options: CacheOptions): VaultCache {
    if (assertPinned(options.machine, vault, options.location) && options.isKept) pin(options.machine, vault);
    return new VaultCache(vault, options);
  }

  private constructor({ id, key }: VaultFacts, options: CacheOptions) {
    this.#location = options.location;
    this.place = options.isKept ? placeFor(id, options) : undefined;
    this.index = new IndexCache(this.place, id, key?.auth);
    this.snapshots = new SnapshotCache(this.place, id, key?.auth);
  }

  [Symbol.dispose](): void {
    this.index[Symbol.dispose]();
    this.snapshots[Symbol.dispose]();
    this.place?.[Symbol.dispose]();
  }

  /** Keeps other writers of this machine away until disposed. @throws VaultInUse */
  lockForWriting(): Disposable {
    return this.place?.lockForWriting(this.#location) ?? { [Symbol.dispose]: () => {} };
  }
}

function placeFor(vault: string, { machine, monitor }: CacheOptions): CachePlace | undefined {
  try {
    return CachePlace.open(machine, vault);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    monitor.notice(`What is read of the vault can't be kept for the next time: ${error.message}`);
    return undefined;
  }
}
