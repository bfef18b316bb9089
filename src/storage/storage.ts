/**
 * A storage on a local disk: opening one, its snapshots, their manifests and contents. FORMAT.md describes the files.
 * All changes to a storage go through a {@link Writer}; only one exists at a time.
 */
import type { Catalog } from "../catalog/catalog.ts";
import type { Temp } from "../catalog/database.ts";
import type { ContentId, HunkId, RootId } from "../core/content_id.ts";
import type { Algorithm } from "../core/digest.ts";
import type { Monitor } from "../core/monitor.ts";
import type { Policy } from "../core/policy.ts";
import { type Raw, rawOf, textOf } from "../core/raw.ts";
import type { WorkOptions } from "../core/work.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";
import type { Machine } from "../platform/machine.ts";
import { Meter, newMeterTable } from "../platform/meter.ts";
import type { OwnPlaces } from "../platform/own_places.ts";
import { newStopTable, StopFlag } from "../platform/stop_flag.ts";
import { ThreadPool } from "../platform/thread_pool.ts";
import type { Ratios } from "../snapshot/catalog_queries.ts";
import { NoSnapshot } from "../snapshot/faults.ts";
import { hunkText } from "../snapshot/hunk.ts";
import { Manifest, type ManifestSource } from "../snapshot/manifest.ts";
import type {
  RemovalRequest,
  RemovalSummary,
  Repository,
  RepositoryUsage,
  ScanRequest,
} from "../snapshot/repository.ts";
import { StorageIndex } from "./content/storage_index.ts";
import { StorageReader } from "./threads/storage_reader.ts";
import { measureLeftovers, Removal } from "./scan/removal.ts";
import { StorageChecker } from "./scan/storage_checker.ts";
import { measureUsage } from "./scan/usage.ts";
import { resolveSnapshot } from "../snapshot/resolve.ts";
import type { Root } from "../snapshot/root.ts";
import type { SnapshotInfo } from "../snapshot/snapshot_info.ts";
import { peekSnapshots } from "./cached_snapshots.ts";
import { CatalogKeeper } from "./catalog/catalog_keeper.ts";
import { ContentStore } from "./content/content_store.ts";
import { CLAIM_SLOTS, CLAIM_SLOTS_ALONE, InFlightContents, newClaimTable } from "./content/in_flight.ts";
import { ItemListing } from "./content/item_listing.ts";
import { ManifestStore } from "./content/manifest_store.ts";
import { makeDirectory } from "./layout/quarantine.ts";
import { checkLayout, checkOneFileSystem, makeLeafDirectories } from "./layout/directories.ts";
import { NoStorage } from "./layout/faults.ts";
import { StoragePlaces } from "./layout/own_places.ts";
import { readPolicy } from "./layout/policy_file.ts";
import type { Settings } from "./layout/settings.ts";
import { readSettings, renewSettings } from "./layout/settings_file.ts";
import { emptyTemp } from "./layout/temp.ts";
import { hasWriter, takeWriterLock } from "./layout/writer_lock.ts";
import { BatchExecutor, type ExecutorSetup, type StoragePool } from "./threads/batch_executor.ts";
import { newSizeTable } from "./threads/size_table.ts";
import { StrayTrees } from "./tree/stray_trees.ts";
import { Writer } from "./writer.ts";

const DB = rawOf("db"), TMP = rawOf("tmp");
const PRIVATE = 0o700;
/** Attempts at a read lock: a writer that is about to remove a root locks it only for an instant. */
const LOCK_ATTEMPTS = 20, LOCK_PAUSE_MS = 5;
/** Error codes for what this user may not do. */
const REFUSALS: readonly string[] = ["EACCES", "EPERM"];
/** Name of the worker threads of storages. */
export const STORAGE_THREAD = "storage";

/** Opens an existing storage. Takes no lock. @throws NoStorage, NewerFormat, DamagedSettings, SplitStorage, DiskFault */
export function openStorage(machine: Machine, path: Raw, monitor: Monitor): Storage {
  try {
    return opened(machine, path, monitor);
  } catch (error) {
    const isRefused = error instanceof DiskFault && REFUSALS.includes(error.errno);
    throw isRefused ? new DiskFault(error.errno, "read the storage", path) : error;
  }
}

function opened(machine: Machine, path: Raw, monitor: Monitor): Storage {
  using held = new DisposableStack();
  const dir = held.use(openExisting(machine.disk, path));
  const settings = readSettings(dir, path, monitor);
  checkOneFileSystem(dir, path);
  checkLayout(dir, settings);
  held.move();
  return new Storage(machine, dir, settings, monitor);
}

export class Storage implements Disposable, Repository {
  readonly machine: Machine;
  readonly dir: Dir;
  readonly settings: Settings;
  readonly manifests: ManifestStore;
  readonly listing: ItemListing;
  readonly #monitor: Monitor;
  readonly #keeper: CatalogKeeper;
  #store: ContentStore | undefined;

  constructor(machine: Machine, dir: Dir, settings: Settings, monitor: Monitor) {
    this.machine = machine;
    this.dir = dir;
    this.settings = settings;
    this.#monitor = monitor;
    this.manifests = new ManifestStore(dir, settings, (place) => this.#tellAside(place));
    this.listing = new ItemListing(dir, settings);
    this.#keeper = new CatalogKeeper(this);
  }

  [Symbol.dispose](): void {
    this.#keeper[Symbol.dispose]();
    this.#store?.[Symbol.dispose]();
    this.manifests[Symbol.dispose]();
    this.dir[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    return Promise.resolve();
  }

  get location(): string {
    return textOf(this.path);
  }

  get id(): string {
    return this.settings.id;
  }

  get algorithm(): Algorithm {
    return this.settings.algorithm;
  }

  get monitor(): Monitor {
    return this.#monitor;
  }

  /** Absolute path, as the caller gave it. */
  get path(): Raw {
    return this.dir.path;
  }

  /** A catalog that agrees with `content/`: opened, brought up to date or rebuilt as needed. */
  catalog(): Catalog {
    return this.#keeper.current();
  }

  /** Queries the catalog; one that turns out to be damaged is rebuilt first. `question` may be called twice. */
  query<T>(question: (catalog: Catalog) => T): T {
    return this.#keeper.query(question);
  }

  /**
   * As {@link query}, for many answers. If damage shows on the way, answers that were already given are skipped the
   * second time.
   */
  queryEach<T>(question: (catalog: Catalog) => Iterable<T>): Generator<T> {
    return this.#keeper.each(question);
  }

  /** All snapshots, oldest first. Needs no catalog, but takes longer without one. */
  snapshots(): SnapshotInfo[] {
    return this.#keeper.snapshots();
  }

  cachedSnapshots(): SnapshotInfo[] {
    return peekSnapshots(this.dir, this.id);
  }

  /** As {@link snapshots}, each compared with its root: for deciding what to remove. */
  provenSnapshots(): SnapshotInfo[] {
    return this.#keeper.provenSnapshots();
  }

  /** Where SQLite may keep that many temporary bytes, valid while this is open; undefined: in memory. */
  tempFor(bytes: number): Temp {
    return this.#keeper.tempFor(bytes);
  }

  /** The snapshot of that name. @throws NoSnapshot, AmbiguousSnapshot */
  resolve(name: string): SnapshotInfo {
    return resolveSnapshot(name, this.snapshots());
  }

  /** The manifest of a snapshot. @throws DamagedContent, DamagedManifest */
  manifest(id: RootId): Manifest {
    return new Manifest((hunk: HunkId) => this.manifests.read(hunk), this.manifests.readRoot(id));
  }

  /**
   * Keeps a snapshot from being forgotten until disposed, for long reads. @throws NoSnapshot if it has just been
   * forgotten
   */
  lockForReading(id: RootId): Disposable {
    for (let attempt = 1; attempt <= LOCK_ATTEMPTS; attempt++) {
      const held = this.manifests.tryLockForReading(id);
      if (held === undefined) throw new NoSnapshot(id);
      if (held !== "busy") return held;
      this.machine.clock.sleepSync(LOCK_PAUSE_MS);
    }
    return { [Symbol.dispose]: () => {} };
  }

  manifestSource(id: RootId): ManifestSource {
    return this.sourceOf(id, this.manifests.readRoot(id));
  }

  /** The manifest of `root` as text. @param root need not be stored yet; its hunks must be */
  sourceOf(id: RootId, root: Root): ManifestSource {
    return { id, root, text: (hunk) => hunkText(this.manifests.read(root.hunks[hunk]!.id)) };
  }

  rootIds(): RootId[] {
    return this.listing.rootIds();
  }

  /** Trees whose snapshots are gone though nobody has forgotten them: paths. @param isWriter see {@link StrayTrees} */
  strayTrees(isWriter: boolean): readonly string[] {
    return new StrayTrees(this).among(this.rootIds(), isWriter);
  }

  /** Verified bytes of a root or hunk. @throws DamagedContent */
  object(id: RootId | HunkId): Uint8Array<ArrayBuffer> {
    return this.manifests.read(id);
  }

  reader({ workers, signal }: WorkOptions): StorageReader {
    return new StorageReader(() => this.pool(workers, signal), this.contents());
  }

  checker(request: ScanRequest): StorageChecker {
    const { settings, listing, machine: { clock } } = this;
    const pool = this.pool(request.workers, request.signal, request.contents);
    return new StorageChecker({ settings, listing, pool, clock, trees: () => new StrayTrees(this) }, request);
  }

  contentIndex(): StorageIndex {
    const sizesAbove = (bytes: number) => this.contentSizesAbove(bytes);
    return new StorageIndex(this.contents(), this.listing, { damaged: this.damaged(), sizesAbove });
  }

  ownPlaces(more: readonly Raw[], monitor: Pick<Monitor, "notice">): OwnPlaces {
    return new StoragePlaces(this, more, monitor);
  }

  usage(signal: AbortSignal, monitor: Monitor): Promise<RepositoryUsage> {
    return measureUsage(this, signal, monitor);
  }

  async previewRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalSummary> {
    return { ...await new Removal(this, request, monitor).plan(), ...measureLeftovers(this.dir) };
  }

  /** Reads and verifies a content in chunks; each is valid until the next is requested. @throws DamagedContent */
  readContent(id: ContentId): Generator<Uint8Array<ArrayBuffer>> {
    this.#store ??= this.contents();
    return this.#store.read(id);
  }

  /** Size of a content in bytes; undefined if it doesn't exist. */
  contentSize(id: ContentId): number | undefined {
    this.#store ??= this.contents();
    return this.#store.sizeOf(id);
  }

  /**
   * Contents for reading and linking; for storing many, use {@link pool}.
   * @param isTrusted true if a snapshot vouches for a content. Default: none does
   */
  contents(isTrusted: (id: ContentId) => boolean = () => false): ContentStore {
    return new ContentStore({
      storage: this.dir,
      settings: this.settings,
      uid: this.machine.disk.uid,
      gid: this.machine.disk.gid,
      claims: new InFlightContents(newClaimTable(2)),
      isTrusted,
      damaged: new Set(),
      tempPrefix: "r",
      stop: new StopFlag(),
      meter: new Meter(),
    });
  }

  /** Distinct sizes of contents larger than `bytes`, ascending. */
  contentSizesAbove(bytes: number): Float64Array {
    return this.#keeper.query((catalog) => catalog.sizesAbove(bytes));
  }

  /** Compression ratios by file type. */
  ratios(): Ratios {
    return this.#keeper.query((catalog) => catalog.ratios());
  }

  /** Contents that a check found damaged or missing and that were not stored again since. */
  damaged(): ContentId[] {
    return this.#keeper.query((catalog) => catalog.damaged());
  }

  /**
   * Threads that store, restore or verify.
   * @param workers number of worker threads; 0: all work runs in the main thread
   * @param itemsToVerify expected number of items to verify, for the table of sizes; 0: no such table
   */
  pool(workers: number, signal: AbortSignal, itemsToVerify = 0): StoragePool {
    const setup: ExecutorSetup = {
      storagePath: this.path,
      settings: this.settings,
      claims: newClaimTable(workers === 0 ? CLAIM_SLOTS_ALONE : CLAIM_SLOTS),
      damaged: this.#keeper.knownDamaged(),
      catalogVouches: this.#keeper.isOnDisk,
      stop: newStopTable(),
      meter: newMeterTable(workers + 1),
      ...(this.machine.throttle !== undefined && { throttle: this.machine.throttle }),
      ...(itemsToVerify > 0 && { sizes: newSizeTable(itemsToVerify) }),
    };
    const { disk, clock, workerScript: script } = this.machine;
    const openExecutor = () => new BatchExecutor(disk, setup, 0);
    return new ThreadPool(setup, { openExecutor, name: STORAGE_THREAD, workers, script, signal, clock });
  }

  /**
   * The retention policy that `forget` uses by default; undefined if none was set.
   * @throws DamagedPolicy, NewerFormat
   */
  policy(): Policy | undefined {
    return readPolicy(this.dir);
  }

  /** True if the writer lock is known to be held. */
  hasWriter(): boolean {
    try {
      using db = this.dir.openDir(DB);
      return hasWriter(db);
    } catch (error) {
      if (error instanceof DiskFault) return false;
      throw error;
    }
  }

  /** Becomes the writer. @param holder shown to others who want to write @throws Locked */
  write(holder: string): Writer {
    using held = new DisposableStack();
    this.#tellAside(makeDirectory(this.dir, this.dir, DB, PRIVATE));
    using db = this.dir.openDir(DB);
    const lock = held.use(takeWriterLock(this.dir, db, { holder, clock: this.machine.clock }));
    this.#tellAside(makeDirectory(this.dir, this.dir, TMP, PRIVATE));
    const leftovers = measureLeftovers(this.dir);
    emptyTemp(this.dir, this.#monitor);
    renewSettings(this.dir, this.settings, this.#monitor);
    for (const place of makeLeafDirectories(this.dir, this.settings)) this.#tellAside(place);
    this.#keeper.setWritable(true);
    held.move();
    return new Writer(this, this.#keeper, { lock, leftovers });
  }

  #tellAside(place: string | undefined): void {
    if (place !== undefined) this.#monitor.notice(`What was in the way is now in ${place}`);
  }
}

function openExisting(disk: Disk, path: Raw): Dir {
  try {
    return disk.openDir(path);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    if (error.errno === "ENOENT") throw new NoStorage(path, "there is no such directory");
    if (error.errno === "ENOTDIR") throw new NoStorage(path, "it is not a directory");
    throw error;
  }
}
