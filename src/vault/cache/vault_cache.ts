/**
 * Everything that this machine keeps of a vault, so that not all of it is fetched each time: in the state directory, or in
 * memory where there is none. It is never needed. README.md says what the files hold.
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
  /** Of the vault, for messages. */
  readonly location: string;
  /** False: nothing is read from the disk but what the vault has to be, and nothing kept. */
  readonly isKept: boolean;
}

export class VaultCache implements Disposable {
  /** Absent: everything is in memory. */
  readonly place: CachePlace | undefined;
  readonly index: IndexCache;
  readonly snapshots: SnapshotCache;
  readonly #location: string;

  /** @throws VaultDiffers */
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

  /** Holds off other writers of this machine until disposed. @throws VaultInUse */
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
