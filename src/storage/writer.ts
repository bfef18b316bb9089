/** Changing a storage: there is one writer at a time, and nothing else changes anything. */
import type { Catalog } from "../catalog/catalog.ts";
import { CatalogFault } from "../catalog/faults.ts";
import { joinRatios } from "../catalog/compression_ratios.ts";
import type { ContentId, RootId } from "../core/content_id.ts";
import { unlessFault } from "../core/fault.ts";
import type { Monitor, Phase } from "../core/monitor.ts";
import type { Policy } from "../core/policy.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import type { Machine } from "../platform/machine.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";
import { WriteOut } from "../platform/write_out.ts";
import type { RemovalPlan, RemovalRequest, RepositoryWriter, Rewriting } from "../snapshot/repository.ts";
import type { SinkRequest } from "../snapshot/snapshot_sink.ts";
import { infoOf, type SnapshotInfo } from "../snapshot/snapshot_info.ts";
import { type Leftovers, type RemovableStorage, Removal } from "./scan/removal.ts";
import { type SinkStorage, StorageSink } from "./snapshot_sink.ts";
import { existingTree, refreshLatest, type WithdrawnTrees, withdrawTrees } from "./tree/tree_places.ts";
import type { Ratios } from "../snapshot/catalog_queries.ts";
import type { LabelChanges, Root } from "../snapshot/root.ts";
import type { CatalogKeeper } from "./catalog/catalog_keeper.ts";
import { writePolicy } from "./layout/policy_file.ts";
import type { ContentStore } from "./content/content_store.ts";
import type { ManifestStore } from "./content/manifest_store.ts";
import { StorageReceiver } from "./receiver.ts";

/** How systems say that there is no space left, on the disk or for this user. */
const FULL: readonly string[] = ["ENOSPC", "EDQUOT"];

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

/** The one who may change the storage, until disposed. */
export class Writer implements Disposable, RepositoryWriter {
  readonly #storage: WritableStorage;
  readonly #keeper: CatalogKeeper;
  readonly #lock: Disposable;
  readonly #writeOut: WriteOut;
  /** Of what is received: made when the first snapshot comes. */
  #store: ContentStore | undefined;
  #damaged: ReadonlySet<string> | undefined;
  readonly #received = new Set<ContentId>();
  /** Snapshots were received that the catalog doesn't know. */
  #isBehind = false;
  /** Names of series whose newest tree may be another one now. */
  readonly #renamed = new Set<string>();
  /** Root of a partial snapshot that none has replaced yet, and that the catalog doesn't know. */
  #checkpoint: RootId | undefined;

  /** What crashed runs had left in tmp/ when the lock was taken. */
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

  /** Takes a snapshot from another repository. @throws DamagedManifest, NewerFormat, OtherAlgorithm */
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

  /** The catalog is rebuilt when all snapshots have come: they may belong anywhere in the order. */
  async #commitReceived(id: RootId, bytes: Uint8Array<ArrayBuffer>): Promise<RootId> {
    await this.#makeDurable();
    this.#keeper.markStale();
    this.#isBehind = true;
    this.#storage.manifests.putBack(id, bytes);
    return id;
  }

  /** Makes the catalog know what was received. */
  #catchUp(): void {
    if (!this.#isBehind) return;
    this.#isBehind = false;
    this.#keeper.rebuild();
    for (const name of this.#renamed) this.#tryRefresh(name);
    this.#renamed.clear();
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
   * Makes a snapshot exist. Order: everything durable, then the root, then the catalog, which may fail: it is rebuilt.
   * @param checkpoint of the same run, which the root replaces: its hunks are the root's too
   * @param phase called with the name of each phase
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

  /** Makes a partial snapshot exist. The catalog learns of it only if the run goes no further, when the writer ends. */
  async checkpoint(root: Root, previous: RootId | undefined, { phase }: Phased = {}): Promise<RootId> {
    phase?.("making it durable");
    return this.#checkpoint = await this.#makeRoot(root, previous, this.#makeDurable());
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
   * Makes snapshots exist no more, and takes away their trees; what only they needed stays until it is removed. Order: the
   * trees, so that a crash leaves none without a snapshot, whose nobody would know any more; the roots, durably; then the
   * catalog: a crash in between leaves one that knows too much, which the next one to open it notices and puts right.
   * @returns those that were removed: not what somebody reads at the moment
   * @throws DiskFault
   */
  forget(ids: readonly RootId[]): RootId[] {
    this.#catchUp();
    const free = ids.filter((id) => !this.#storage.manifests.isBeingRead(id));
    if (free.length === 0) return [];
    const gone = new Set<string>(free);
    const snapshots = this.#storage.provenSnapshots().filter(({ id }) => gone.has(id));
    using trees = withdrawTrees(this.#storage, snapshots);
    const names = [...new Set(snapshots.map(({ name }) => name))];
    const unlinked = names.filter((name) => !this.#tryRefresh(name));
    const removed = this.forgetRoots(free);
    trees.remove(this.#storage.monitor);
    for (const name of unlinked) refreshLatest(this.#storage, name);
    return removed;
  }

  /** On a full disk there may be no room for a link before something is removed. */
  #tryRefresh(name: string): boolean {
    try {
      refreshLatest(this.#storage, name);
      return true;
    } catch (error) {
      if (error instanceof DiskFault) return false;
      throw error;
    }
  }

  /** Removes roots alone, of snapshots that have no trees. @returns those that were removed @throws DiskFault */
  forgetRoots(ids: readonly RootId[]): RootId[] {
    this.#storage.catalog(); // one that agrees with `content/` now only has to forget afterwards
    const removed = ids.filter((id) => this.#storage.manifests.removeRoot(id) !== "held");
    this.#keeper.remove(removed);
    return removed;
  }

  /**
   * Gives a snapshot another root with other tags, and so another id. A crash in between leaves both; the one that says
   * which it replaces counts then. A tree that was built later is named by the former id, and would not be found any more:
   * the new root names it.
   * @returns its new id; undefined if somebody reads the snapshot
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

  /** The catalog is rebuilt when all snapshots are rewritten: differences may be anywhere in it. */
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

  /** Decides what nothing needs. @throws UnknownReferences, Interrupted */
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

  /** Notes which contents were read and found whole or damaged. @param items may be gone through several times */
  recordVerified(items: Iterable<{ readonly id: string; readonly state: "ok" | "damaged" }>, atMs: number): void {
    this.#catchUp();
    this.#keeper.recordVerified(items, atMs);
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

  /** Makes the catalog again from `content/` alone. */
  rebuildCatalog(): Catalog {
    return this.#keeper.rebuild();
  }
}
