/** Changes a storage: there is one writer at a time, and nothing else changes anything. */
import type { Catalog } from "../catalog/catalog.ts";
import { CatalogFault } from "../catalog/faults.ts";
import { joinRatios } from "../catalog/compression_ratios.ts";
import type { ContentId, RootId } from "../core/content_id.ts";
import { unlessFault } from "../core/fault.ts";
import { ItemSet } from "../core/item_set.ts";
import type { Monitor, Phase } from "../core/monitor.ts";
import type { Policy } from "../core/policy.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import type { Machine } from "../platform/machine.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";
import { WriteOut } from "../platform/write_out.ts";
import type { RemovalPlan, RemovalRequest, RepositoryWriter, Rewriting } from "../snapshot/repository.ts";
import type { Awaitable } from "../core/awaitable.ts";
import type { WorkOptions } from "../core/work.ts";
import type { SinkRequest } from "../snapshot/snapshot_sink.ts";
import { infoOf, type SnapshotInfo } from "../snapshot/snapshot_info.ts";
import { type Leftovers, type RemovableStorage, Removal } from "./scan/removal.ts";
import { type SinkStorage, StorageSink } from "./snapshot_sink.ts";
import { removeParts } from "./tree/tree_parts.ts";
import { existingTree, refreshLatest, type WithdrawnTrees, withdrawTrees } from "./tree/tree_places.ts";
import type { Ratios } from "../snapshot/catalog_queries.ts";
import type { LabelChanges, Root } from "../snapshot/root.ts";
import type { CatalogKeeper } from "./catalog/catalog_keeper.ts";
import { writePolicy } from "./layout/policy_file.ts";
import type { ContentStore } from "./content/content_store.ts";
import type { ManifestStore } from "./content/manifest_store.ts";
import { StorageReceiver } from "./receiver.ts";

interface Phased {
  readonly phase?: ((phase: Phase) => void) | undefined;
}

/** What a writer needs of the storage that it changes. */
export interface WritableStorage extends RemovableStorage, SinkStorage {
  readonly machine: Machine;
  readonly dir: Dir;
  readonly manifests: ManifestStore;
  readonly monitor: Monitor;
  provenSnapshots(): readonly SnapshotInfo[];
  catalog(): Catalog;
  sourceOf(id: RootId, root: Root): ManifestSource;
  contents(isTrusted?: (id: ContentId) => boolean): ContentStore;
  ratios(): Ratios;
}

/** Holds the writer lock and changes the storage, until disposed. */
export class Writer implements Disposable, RepositoryWriter {
  readonly #storage: WritableStorage;
  readonly #keeper: CatalogKeeper;
  readonly #lock: Disposable;
  readonly #writeOut: WriteOut;
  /** Store for received contents; created with the first received snapshot. */
  #store: ContentStore | undefined;
  #damaged: ReadonlySet<string> | undefined;
  readonly #received = new ItemSet();
  /** True if snapshots were received that the catalog doesn't know. */
  #isBehind = false;
  /** Names of series whose newest tree may have changed. */
  readonly #renamed = new Set<string>();
  /** Root of a partial snapshot that has not been replaced and that the catalog doesn't know. */
  #checkpoint: RootId | undefined;

  /** Files that crashed runs had left in tmp/ when the lock was taken. */
  readonly #leftovers: Leftovers;

  constructor(
    storage: WritableStorage,
    keeper: CatalogKeeper,
    held: { readonly lock: Disposable; readonly leftovers: Leftovers },
  ) {
    this.#storage = storage;
    this.#writeOut = new WriteOut(() => storage.dir.syncFileSystem(), storage.machine.clock);
    this.#keeper = keeper;
    this.#lock = held.lock;
    this.#leftovers = held.leftovers;
  }

  [Symbol.dispose](): void {
    // Whatever fails here, nobody else is locked out.
    using _lock = this.#lock;
    // Should it fail, the next one to open the catalog brings it up to date, or makes it again.
    unlessFault(() => this.#catchUp(), undefined);
    const left = this.#checkpoint;
    if (left !== undefined) unlessFault(() => this.#keeper.add(left), undefined);
    this.#store?.[Symbol.dispose]();
    this.#keeper.setWritable(false);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    return Promise.resolve();
  }

  begin(request: SinkRequest, monitor: Monitor): StorageSink {
    return new StorageSink(this.#storage, this, request, monitor);
  }

  /** Receives a snapshot from another repository. @throws DamagedManifest, NewerFormat, OtherAlgorithm */
  receive(root: Uint8Array<ArrayBuffer>): StorageReceiver {
    const { dir, settings: { algorithm }, manifests } = this.#storage;
    return new StorageReceiver({
      dir,
      algorithm,
      manifests,
      received: this.#received,
      store: this.#store ??= this.#storage.contents((id) => this.#isTrusted(id)),
      isTrusted: (id) => this.#isTrusted(id),
      stored: (bytes) => this.stored(bytes),
      makeDurable: () => this.#makeDurable(),
      commit: (id, bytes) => this.#commitReceived(id, bytes),
    }, root);
  }

  #isTrusted(id: ContentId): boolean {
    this.#damaged ??= new Set(this.#keeper.knownDamaged());
    try {
      return !this.#damaged.has(id) && this.#keeper.current().isTrusted(id);
    } catch (error) {
      if (error instanceof CatalogFault) return false; // a catalog that can't be used vouches for nothing
      throw error;
    }
  }

  /**
   * Commits one received snapshot. The catalog is rebuilt after the last one: they may belong anywhere in the order.
   */
  async #commitReceived(id: RootId, bytes: Uint8Array<ArrayBuffer>): Promise<RootId> {
    await this.#makeDurable();
    this.#keeper.markStale();
    this.#isBehind = true;
    this.#storage.manifests.putBack(id, bytes);
    return id;
  }

  /** Rebuilds the catalog if it lacks received snapshots. */
  #catchUp(): void {
    if (!this.#isBehind) return;
    this.#isBehind = false;
    this.#keeper.rebuild();
    for (const name of this.#renamed) this.#tryRefresh(name);
    this.#renamed.clear();
  }

  /** Notes that `bytes` were stored. */
  stored(bytes: number): void {
    this.#writeOut.stored(bytes);
  }

  /** Lets the disk write while the run goes on, and waits for it if it is far behind. */
  keepDiskBusy(signal: AbortSignal): Promise<void> {
    return this.#writeOut.keepBusy(signal);
  }

  /**
   * Makes a snapshot exist. Order: everything durable, then the root, then the catalog. If the catalog fails, it is
   * rebuilt.
   * @param checkpoint of the same run, which the root replaces: its hunks are the root's too
   * @param phase called with the name of each phase
   * @returns the id of the snapshot
   */
  async commit(root: Root, checkpoint: RootId | undefined, { phase }: Phased = {}): Promise<RootId> {
    phase?.("updating the catalog");
    const durable = this.#makeDurable();
    durable.catch(() => {}); // awaited soon
    // While the disk is busy, the processor is not.
    this.#keeper.prepare(this.#storage.sourceOf(this.#storage.manifests.idOfRoot(root), root));
    phase?.("making it durable");
    const id = await this.#makeRoot(root, checkpoint, durable);
    this.#checkpoint = undefined;
    phase?.("updating the catalog");
    this.#keeper.add(id);
    return id;
  }

  /** Makes a partial snapshot exist. The catalog gets it only when the writer ends, if the run didn't go further. */
  async checkpoint(root: Root, previous: RootId | undefined, { phase }: Phased = {}): Promise<RootId> {
    phase?.("making it durable");
    return this.#checkpoint = await this.#makeRoot(root, previous, this.#makeDurable());
  }

  /** Makes everything durable that was stored before the call. */
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

  /** Writes the root. On an almost full disk, the catalog prepared for it is given up first. */
  #writeRoot(root: Root): RootId {
    try {
      return this.#storage.manifests.writeRoot(root);
    } catch (error) {
      const isFull = error instanceof DiskFault && error.isFull;
      if (!isFull || !this.#keeper.discardPrepared()) throw error;
      return this.#storage.manifests.writeRoot(root);
    }
  }

  /**
   * Removes snapshots and their trees. What only they needed stays until a removal plan is executed. Order: the trees,
   * so that a crash leaves no tree without a snapshot, which nothing could attribute; the roots, durably; then the
   * catalog. After a crash in between, the catalog lists too much, which the next one to open it notices and corrects.
   * @param work for threads that remove the trees; without it, all is done when this returns
   * @returns those that were removed; a snapshot that is being read is not
   * @throws DiskFault, Interrupted
   */
  forget(ids: readonly RootId[]): RootId[];
  forget(ids: readonly RootId[], work?: WorkOptions): Awaitable<RootId[]>;
  forget(ids: readonly RootId[], work?: WorkOptions): Awaitable<RootId[]> {
    this.#catchUp();
    const free = ids.filter((id) => !this.#storage.manifests.isBeingRead(id));
    if (free.length === 0) return [];
    return work === undefined || work.workers === 0 ? this.#forgetHere(free) : this.#forgetByThreads(free, work);
  }

  #forgetHere(ids: readonly RootId[]): RootId[] {
    using going = this.#withdraw(ids);
    const removed = this.forgetRoots(ids);
    going.finish();
    return removed;
  }

  /** The threads remove the trees while this one changes the catalog. */
  async #forgetByThreads(ids: readonly RootId[], { workers, signal }: WorkOptions): Promise<RootId[]> {
    using going = this.#withdraw(ids);
    await using pool = this.#storage.pool(workers, signal);
    const emptied = removeParts(this.#storage.dir, going.places, going.files, pool);
    emptied.catch(() => {}); // awaited soon
    const removed = this.forgetRoots(ids);
    await emptied;
    going.finish();
    return removed;
  }

  /** Moves the trees of snapshots out of sight. */
  #withdraw(ids: readonly RootId[]) {
    const gone = new Set<string>(ids);
    const snapshots = this.#storage.provenSnapshots().filter(({ id }) => gone.has(id));
    const trees = withdrawTrees(this.#storage, snapshots);
    const names = [...new Set(snapshots.map(({ name }) => name))];
    const unlinked = names.filter((name) => !this.#tryRefresh(name));
    return {
      places: trees.places,
      files: snapshots.reduce((sum, { files }) => sum + files, 0),
      finish: () => {
        trees.remove(this.#storage.monitor);
        for (const name of unlinked) refreshLatest(this.#storage, name);
      },
      [Symbol.dispose]: () => trees[Symbol.dispose](),
    };
  }

  /** Updates `latest/`. @returns false if the disk has no room for a link before something is removed */
  #tryRefresh(name: string): boolean {
    try {
      refreshLatest(this.#storage, name);
      return true;
    } catch (error) {
      if (error instanceof DiskFault) return false;
      throw error;
    }
  }

  /** Removes only the roots, of snapshots without trees. @returns those that were removed @throws DiskFault */
  forgetRoots(ids: readonly RootId[]): RootId[] {
    this.#storage.catalog(); // one that agrees with `content/` now only has to forget afterwards
    const removed = ids.filter((id) => this.#storage.manifests.removeRoot(id) !== "held");
    this.#keeper.remove(removed);
    return removed;
  }

  /**
   * Replaces the root of a snapshot by one with other tags, and so with another id. A crash in between leaves both;
   * then the one that says which it replaces counts. A tree that was built later has the former id in its name and
   * would not be found, so the new root records that name.
   * @returns the new id; undefined if the snapshot is being read
   * @throws DamagedContent, DamagedManifest, DiskFault
   */
  replaceRoot(id: RootId, changes: LabelChanges): RootId | undefined {
    this.#catchUp();
    const { manifests } = this.#storage;
    if (manifests.isBeingRead(id)) return undefined;
    this.#storage.catalog();
    const former = manifests.readRoot(id);
    const tree = former.tree ?? existingTree(this.#storage, infoOf(id, former)) ?? null;
    const { formerly: _, ...same } = former;
    const renewed = manifests.writeRoot({ ...same, ...changes, tree, replaces: id });
    manifests.remove(id);
    this.#keeper.replace(id, renewed);
    return renewed;
  }

  /** Rewrites one snapshot. The catalog is rebuilt after the last one: differences may be anywhere in it. */
  async rewrite(id: RootId, { changes, entries }: Rewriting): Promise<RootId | undefined> {
    const { manifests } = this.#storage;
    if (manifests.isBeingRead(id)) return undefined;
    const former = manifests.readRoot(id), { start, host, name } = former;
    const rewritten = await entries?.({ addHunk: (first, lines) => manifests.writeHunk(first, lines) });
    if (rewritten !== undefined) await this.#makeDurable();
    using trees = rewritten && this.#withdrawTree(infoOf(id, former));
    const tree = rewritten === undefined
      ? former.tree ?? existingTree(this.#storage, infoOf(id, former)) ?? null
      : null;
    this.#keeper.markStale();
    this.#isBehind = true;
    const root = { ...former, ...changes, ...rewritten, tree, replaces: id, formerly: { start, host, name } };
    const renewed = manifests.writeRoot(root);
    manifests.remove(id);
    trees?.remove(this.#storage.monitor);
    for (const one of [name, root.name]) this.#renamed.add(one);
    return renewed;
  }

  #withdrawTree(snapshot: SnapshotInfo): WithdrawnTrees {
    const trees = withdrawTrees(this.#storage, [snapshot]);
    this.#tryRefresh(snapshot.name);
    return trees;
  }

  /** Plans the removal of what no snapshot needs. @throws UnknownReferences, Interrupted */
  async planRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalPlan> {
    this.#catchUp();
    const removal = new Removal(this.#storage, request, monitor);
    const summary = { ...await removal.plan(), ...this.#leftovers };
    return { summary, execute: (monitor, signal) => this.#remove(removal, monitor, signal) };
  }

  async #remove(removal: Removal, monitor: Monitor, signal: AbortSignal): Promise<number> {
    const removed = await removal.execute(monitor, signal);
    this.#keeper.forgetVerifications();
    this.#keeper.compact();
    return removed;
  }

  /**
   * Records which contents were read and found intact or damaged, at `atMs` (ms since 1970).
   * @param items may be iterated several times
   */
  recordVerified(items: Iterable<{ readonly id: string; readonly state: "ok" | "damaged" }>, atMs: number): void {
    this.#catchUp();
    this.#keeper.recordVerified(items, atMs);
  }

  /** Records compression ratios. They are only for estimates: if that fails, they are learnt again. */
  recordCompression(learnt: Ratios): void {
    const joined = joinRatios(this.#storage.ratios(), learnt);
    unlessFault(() => this.#keeper.updateLocalState((catalog) => catalog.setRatios(joined)), undefined);
  }

  /** Sets the retention policy. @param policy undefined removes it */
  setPolicy(policy: Policy | undefined): void {
    writePolicy(this.#storage.dir, policy);
  }

  /** Rebuilds the catalog from `content/` alone. */
  rebuildCatalog(): Catalog {
    return this.#keeper.rebuild();
  }
}
