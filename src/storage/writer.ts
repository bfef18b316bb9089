/** Changing a storage: there is one writer at a time, and nothing else changes anything. */
import type { Catalog } from "../catalog/catalog.ts";
import { joinRatios } from "../catalog/compression_ratios.ts";
import type { RootId } from "../core/content_id.ts";
import { unlessFault } from "../core/fault.ts";
import type { Phase } from "../core/monitor.ts";
import type { Policy } from "../core/policy.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import type { Machine } from "../platform/machine.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";
import { WriteOut } from "../platform/write_out.ts";
import type { Ratios } from "../snapshot/catalog_queries.ts";
import type { Root } from "../snapshot/root.ts";
import type { CatalogKeeper } from "./catalog_keeper.ts";
import { writePolicy } from "./layout/policy_file.ts";
import type { ManifestStore } from "./content/manifest_store.ts";

/** How systems say that there is no space left, on the disk or for this user. */
const FULL: readonly string[] = ["ENOSPC", "EDQUOT"];

interface Phased {
  readonly phase?: ((phase: Phase) => void) | undefined;
}

/** What a writer needs of the storage that it changes. */
export interface WritableStorage {
  readonly machine: Machine;
  readonly dir: Dir;
  readonly manifests: ManifestStore;
  catalog(): Catalog;
  sourceOf(id: RootId, root: Root): ManifestSource;
  ratios(): Ratios;
}

/** The one who may change the storage, until disposed. */
export class Writer implements Disposable {
  readonly #storage: WritableStorage;
  readonly #keeper: CatalogKeeper;
  readonly #lock: Disposable;
  readonly #writeOut: WriteOut;

  constructor(storage: WritableStorage, keeper: CatalogKeeper, lock: Disposable) {
    this.#storage = storage;
    this.#writeOut = new WriteOut(() => storage.dir.syncFileSystem(), storage.machine.clock);
    this.#keeper = keeper;
    this.#lock = lock;
  }

  [Symbol.dispose](): void {
    this.#keeper.setWritable(false);
    this.#lock[Symbol.dispose]();
  }

  /** Notes that so many bytes have been stored. */
  stored(bytes: number): void {
    this.#writeOut.stored(bytes);
  }

  /** Has the disk write while the run goes on, and waits for it where it is far behind. */
  keepDiskBusy(signal: AbortSignal): Promise<void> {
    return this.#writeOut.keepBusy(signal);
  }

  /**
   * Makes a snapshot exist. Order: everything durable, then the root, then the catalog, which may fail: it is made again.
   * @param checkpoint of the same run, which the root replaces: its hunks are the root's too
   * @param phase is told what is being done
   */
  async commit(root: Root, checkpoint: RootId | undefined, { phase }: Phased = {}): Promise<RootId> {
    phase?.("updating the catalog");
    const durable = this.#makeDurable();
    durable.catch(() => {}); // awaited soon
    // While the disk is busy, the processor is not.
    this.#keeper.prepare(this.#storage.sourceOf(this.#storage.manifests.idOfRoot(root), root));
    phase?.("making it durable");
    const id = await this.#makeRoot(root, checkpoint, durable);
    phase?.("updating the catalog");
    this.#keeper.add(id);
    return id;
  }

  /** Makes a partial snapshot exist. The catalog learns of it only if the run goes no further. */
  checkpoint(root: Root, previous: RootId | undefined, { phase }: Phased = {}): Promise<RootId> {
    phase?.("making it durable");
    return this.#makeRoot(root, previous, this.#makeDurable());
  }

  /** Everything stored before the call. */
  async #makeDurable(): Promise<void> {
    await Promise.all([this.#storage.dir.syncFileSystem(), this.#writeOut.settled()]);
  }

  async #makeRoot(root: Root, previous: RootId | undefined, durable: Promise<void>): Promise<RootId> {
    await durable;
    this.#keeper.markStale();
    const id = this.#writeRoot(root);
    if (previous !== undefined) this.#storage.manifests.remove(previous);
    return id;
  }

  /** On a disk that is almost full, the snapshot goes before the catalog that was prepared for it. */
  #writeRoot(root: Root): RootId {
    try {
      return this.#storage.manifests.writeRoot(root);
    } catch (error) {
      const isFull = error instanceof DiskFault && FULL.includes(error.errno);
      if (!isFull || !this.#keeper.discardPrepared()) throw error;
      return this.#storage.manifests.writeRoot(root);
    }
  }

  /**
   * Makes snapshots exist no more; what only they needed stays until a prune. Order: the roots, durably, then the catalog:
   * a crash in between leaves a catalog that knows too much, which the next one to open it notices and puts right.
   * @returns those that were removed: not what somebody reads at the moment
   * @throws DiskFault
   */
  forget(ids: readonly RootId[]): RootId[] {
    this.#storage.catalog(); // one that agrees with `content/` now only has to forget afterwards
    const removed = ids.filter((id) => this.#storage.manifests.removeRoot(id) !== "held");
    this.#keeper.remove(removed);
    return removed;
  }

  /**
   * Gives a snapshot another root with other tags, and so another id. A crash in between leaves both; the one that says
   * which it replaces counts then.
   * @returns its new id
   * @throws DamagedContent, DamagedManifest, DiskFault
   */
  retag(id: RootId, changes: Pick<Root, "tags" | "tree">): RootId {
    this.#storage.catalog();
    const renewed = this.#storage.manifests.writeRoot({
      ...this.#storage.manifests.readRoot(id),
      ...changes,
      replaces: id,
    });
    this.#storage.manifests.remove(id);
    this.#keeper.replace(id, renewed);
    return renewed;
  }

  /** Notes which contents were read and found whole or damaged. @param items may be gone through twice */
  recordVerified(items: Iterable<{ readonly id: string; readonly state: "ok" | "damaged" }>, atMs: number): void {
    this.#keeper.updateLocalState((catalog) => catalog.recordVerified(items, atMs));
  }

  /** It is only for estimates: should it fail, it is learnt again. */
  recordCompression(learnt: Ratios): void {
    const joined = joinRatios(this.#storage.ratios(), learnt);
    unlessFault(() => this.#keeper.updateLocalState((catalog) => catalog.setRatios(joined)), undefined);
  }

  /** @param policy undefined: none any more */
  setPolicy(policy: Policy | undefined): void {
    writePolicy(this.#storage.dir, policy);
  }

  /** Drops the memory of verifications of contents that no snapshot needs any more. */
  forgetVerifications(): void {
    unlessFault(() => this.#keeper.updateLocalState((catalog) => catalog.forgetVerifications()), undefined);
  }

  /** Gives back the room of a catalog that has become mostly empty. Should it fail, the catalog stays as it is. */
  compactCatalog(): void {
    this.#keeper.compact();
  }

  /** Makes the catalog again from `content/` alone. */
  rebuildCatalog(): Catalog {
    return this.#keeper.rebuild();
  }
}
