/**
 * A vault: snapshots packed into units, on a backend. FORMAT.md describes the objects. There are no locks: stored
 * objects never change, and a writer checks at the end whether everything that the new snapshot needs still exists.
 */
import type { Catalog } from "../catalog/catalog.ts";
import type { Temp } from "../catalog/database.ts";
import { renumbered, withoutReplaced } from "../catalog/snapshot_order.ts";
import { joinRatios } from "../catalog/compression_ratios.ts";
import type { Backend } from "../backend/backend.ts";
import { type HunkId, knownHunkId, knownRootId, type RootId } from "../core/content_id.ts";
import { unlessFault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import type { Policy } from "../core/policy.ts";
import { type Raw, textOf } from "../core/raw.ts";
import { durationText } from "../core/time_text.ts";
import type { WorkOptions } from "../core/work.ts";
import { DirectoryPlaces } from "../platform/directory_places.ts";
import type { Machine } from "../platform/machine.ts";
import { newMeterTable } from "../platform/meter.ts";
import { newStopTable } from "../platform/stop_flag.ts";
import { ThreadPool } from "../platform/thread_pool.ts";
import type { OwnPlace, OwnPlaces } from "../platform/own_places.ts";
import type { CatalogQueries } from "../snapshot/catalog_queries.ts";
import { DamagedContent, NoSnapshot } from "../snapshot/faults.ts";
import { Manifest } from "../snapshot/manifest.ts";
import type {
  ContentIndex,
  RemovalRequest,
  RemovalSummary,
  Repository,
  RepositoryUsage,
  ScanRequest,
} from "../snapshot/repository.ts";
import type { SnapshotInfo } from "../snapshot/snapshot_info.ts";
import { VaultCache } from "./cache/vault_cache.ts";
import { PlainVault } from "./format/faults.ts";
import { kindOfItem } from "./pack/items.ts";
import { contentIndexOf } from "./store/content_index.ts";
import { VaultContents } from "./store/contents.ts";
import { HunkStore } from "./store/hunk_store.ts";
import { ItemReader } from "./store/item_reader.ts";
import { RootStore, type StoredRoot } from "./store/root_store.ts";
import { SealedObjects, type VaultAccess } from "./store/sealed_objects.ts";
import { type ChangeOfCatalog, notingVerified, VaultCatalog } from "./store/vault_catalog.ts";
import { UnitIndex } from "./store/unit_index.ts";
import { unitUsage } from "./store/unit_usage.ts";
import { VaultChecker } from "./read/vault_checker.ts";
import { VaultReader } from "./read/vault_reader.ts";
import { VAULT_THREAD, VaultExecutor, type VaultPool } from "./threads/vault_executor.ts";
import type { ContentNotes } from "./backup/vault_sink.ts";
import { VaultWriter } from "./vault_writer.ts";
import { Pruner } from "./prune/pruner.ts";
import type { Compression } from "./write/compression.ts";
import { MOST_MEMORY_BYTES, MOST_UNLISTED, UNIT_BYTES, uploadsFor } from "./write/unit_uploads.ts";

export interface VaultOptions {
  readonly machine: Machine;
  readonly monitor: Monitor;
  /** Host that is recorded as the writer of what this run stores. */
  readonly host: string;
  /** Directory of the vault on this machine. Absent: it is elsewhere. */
  readonly directory?: Raw;
  /** Target for the stored size of a unit in bytes. Default: 16 MiB. */
  readonly unitBytes?: number;
  /** Compression of what this run stores. */
  readonly compression?: Compression;
  /** Number of requests that the place takes at once. Default: unknown, and only a few are sent at once. */
  readonly connections?: number;
  /** Called before this run stores or removes anything. */
  readonly onWrite?: () => void;
  /** False: an unencrypted vault gets no new snapshots. Default: true. */
  readonly mayWritePlain?: boolean;
  /** False: the local cache of the vault is neither read nor written. Default: true. */
  readonly isCached?: boolean;
  /** For tests: largest stored size in bytes of a unit that is made in memory. */
  readonly mostUnitInMemory?: number;
  /** For tests: number of items from which stored units are listed without waiting for a checkpoint. */
  readonly mostUnlisted?: number;
  /** For tests: bytes that a restore keeps in memory; the rest waits in a temporary file. */
  readonly mostFilesInMemory?: number;
}

/**
 * Opens a vault and reads its index.
 * @param backend is closed with the vault
 * @throws PlaceUnavailable, DiskFault, VaultDiffers
 */
export async function openVault(backend: Backend, access: VaultAccess, options: VaultOptions): Promise<Vault> {
  const { machine, monitor, isCached = true } = options;
  await using held = new AsyncDisposableStack();
  const facts = { ...access.config, key: access.key }, { location } = backend;
  const cache = held.use(VaultCache.open(facts, { machine, monitor, location, isKept: isCached }));
  const vault = new Vault(backend, access, options, cache);
  await vault.index.refresh();
  held.move();
  return vault;
}

const THE_VAULT: OwnPlace = { why: "it is the vault", kind: "storage" };
/** Difference of clocks that is reported, in ms: network delays can't explain it. */
const FAR_OFF_MS = 3_600_000;
const STATE: OwnPlace = { why: "this program keeps its state there", kind: "state" };

export class Vault implements Repository {
  readonly machine: Machine;
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  readonly contents: VaultContents;
  readonly roots: RootStore;
  readonly #options: VaultOptions;
  readonly #cache: VaultCache;
  readonly #hunks: HunkStore;
  readonly #catalog: VaultCatalog;
  /** Version of the roots at the last reading of the index. */
  #indexed = 0;

  /** @param cache is closed with the vault */
  constructor(backend: Backend, access: VaultAccess, options: VaultOptions, cache: VaultCache) {
    const { machine, monitor } = this.#options = options;
    this.machine = machine;
    this.#cache = cache;
    this.objects = new SealedObjects(backend, access, machine.random);
    this.index = new UnitIndex(this.objects, cache.index, monitor);
    this.contents = new VaultContents(this.index, new ItemReader(backend, access));
    this.roots = new RootStore(this.objects, cache.snapshots, monitor);
    this.#hunks = new HunkStore(cache.snapshots, this.contents);
    this.#catalog = new VaultCatalog({
      place: cache.place,
      id: this.id,
      roots: this.roots,
      hunks: this.#hunks,
      monitor,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#catalog[Symbol.dispose]();
    this.#cache[Symbol.dispose]();
    await this.objects.backend[Symbol.asyncDispose]();
  }

  get location(): string {
    return this.objects.backend.location;
  }

  get id(): string {
    return this.objects.access.config.id;
  }

  readonly algorithm = "sha256";

  async snapshots(): Promise<readonly SnapshotInfo[]> {
    return (await this.#catalog.heads()).map(({ info }) => info);
  }

  provenSnapshots(): Promise<readonly SnapshotInfo[]> {
    return this.snapshots();
  }

  async rootIds(): Promise<readonly RootId[]> {
    return (await this.roots.heads()).map(({ id }) => id);
  }

  async manifest(id: RootId): Promise<Manifest> {
    const { root } = await this.#root(id);
    await this.#catchUp();
    await this.#hunks.load([root]);
    return new Manifest((hunk) => this.#hunks.bytes(hunk), root);
  }

  /** Reads the index again if roots have appeared since: a new root may rely on units that the known index lacks. */
  async #catchUp(): Promise<void> {
    const { version } = this.roots;
    if (version === this.#indexed) return;
    await this.index.refresh();
    this.#indexed = version;
  }

  async #root(id: string): Promise<StoredRoot> {
    const found = await this.roots.find(knownRootId(id));
    if (found === undefined) throw new DamagedContent(id, "it is missing");
    return found;
  }

  async object(id: RootId | HunkId): Promise<Uint8Array<ArrayBuffer>> {
    if (kindOfItem(id) === "hunk") return await this.contents.hunk(knownHunkId(id));
    return (await this.#root(id)).bytes;
  }

  /** Bytes of a hunk in the local cache, to be verified by the caller; undefined if there are none. */
  keptHunk(id: HunkId): Uint8Array<ArrayBuffer> | undefined {
    return unlessFault(() => this.#hunks.bytes(id), undefined);
  }

  /** Checks that the snapshot exists. It holds no lock: data is pruned long after the snapshot was forgotten. */
  async lockForReading(id: RootId): Promise<Disposable> {
    if (!(await this.rootIds()).includes(id)) throw new NoSnapshot(id);
    return { [Symbol.dispose]: () => {} };
  }

  query<T>(question: (catalog: CatalogQueries) => T): Promise<T> {
    return this.#catalog.query(question);
  }

  queryEach<T>(question: (catalog: CatalogQueries) => Iterable<T>): Promise<Iterable<T>> {
    return this.#catalog.queryEach(question);
  }

  /** A catalog that knows the vault's present snapshots. */
  catalog(): Promise<Catalog> {
    return this.#catalog.current();
  }

  cachedSnapshots(): readonly SnapshotInfo[] {
    return renumbered(withoutReplaced(this.roots.kept())).map(({ info }) => info);
  }

  tempFor(bytes: number): Temp {
    return this.#catalog.tempFor(bytes);
  }

  async contentIndex(): Promise<ContentIndex> {
    await this.#catchUp();
    return await contentIndexOf(this.index, this.contents, new Set(this.#notes.damaged()));
  }

  reader({ workers, signal }: WorkOptions): VaultReader {
    const { mostFilesInMemory } = this.#options, { disk } = this.machine;
    const openPool = () => this.pool(workers, signal);
    return new VaultReader(this, { disk, signal, openPool, mostFilesInMemory });
  }

  pool(workers: number, signal: AbortSignal): VaultPool {
    const { disk, clock, throttle, workerScript: script } = this.machine;
    const setup = { stop: newStopTable(), meter: newMeterTable(workers + 1), ...(throttle && { throttle }) };
    const openExecutor = () => new VaultExecutor(disk, setup, 0);
    return new ThreadPool(setup, { openExecutor, name: VAULT_THREAD, workers, script, signal, clock });
  }

  checker(request: ScanRequest): VaultChecker {
    const openPool = () => this.pool(request.workers, request.signal);
    return new VaultChecker(this, request, { openPool, pages: () => this.#pages() });
  }

  /** Names of pages that lie beside the objects, where we see what else is there. */
  #pages(): string[] {
    const { directory } = this.#options;
    if (directory === undefined) return [];
    using dir = this.machine.disk.openDir(directory);
    return dir.list().names.map(textOf).filter((name) => /\.x?html?$/i.test(name)).sort();
  }

  policy(): Policy | undefined {
    return undefined;
  }

  async usage(): Promise<RepositoryUsage> {
    const roots = await this.roots.all();
    const { hunks, hunkBytes, contents, packedBytes } = unitUsage(this.index);
    return {
      manifestItems: roots.length + hunks,
      manifestBytes: roots.reduce((sum, { bytes }) => sum + bytes.length, hunkBytes),
      contents,
      freeBytes: undefined,
      packedBytes,
    };
  }

  ownPlaces(more: readonly Raw[]): OwnPlaces {
    const { directory } = this.#options, { disk, state = [] } = this.machine;
    const ofState = [...state, ...more].map((path) => ({ path, place: STATE }));
    return new DirectoryPlaces(
      disk,
      directory === undefined ? ofState : [{ path: directory, place: THE_VAULT }, ...ofState],
    );
  }

  /** Always false: writers never exclude each other. */
  hasWriter(): boolean {
    return false;
  }

  async previewRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalSummary> {
    await using pruner = this.#pruner(request, monitor);
    return await pruner.preview();
  }

  #pruner(request: RemovalRequest, monitor: Monitor): Pruner {
    const { objects, index, roots, machine } = this, { host, unitBytes = UNIT_BYTES, connections } = this.#options;
    const contents = { hunk: (id: HunkId) => this.#hunks.find(id) };
    index.doWithoutTails();
    const mostUploads = uploadsFor(unitBytes, connections);
    return new Pruner({ objects, index, contents, roots, host }, { request, monitor, machine, unitBytes, mostUploads });
  }

  /** Becomes a writer. @throws VaultInUse */
  write(): VaultWriter {
    const { objects, index, contents, roots, machine } = this, { mayWritePlain = true } = this.#options;
    const { host, unitBytes = UNIT_BYTES, compression = "default", connections } = this.#options;
    const refusal = mayWritePlain || objects.auth !== undefined ? undefined : new PlainVault(this.location);
    const pruner = (request: RemovalRequest, monitor: Monitor) => this.#pruner(request, monitor);
    const changeCatalog = (action: ChangeOfCatalog) => this.#catalog.change(action);
    const notes = this.#notes, lock = this.#cache.lockForWriting();
    this.#options.onWrite?.();
    const parts = { objects, index, contents, hunks: this.#hunks, roots, machine, notes, pruner, changeCatalog, lock };
    const { mostUnitInMemory = MOST_MEMORY_BYTES, mostUnlisted = MOST_UNLISTED } = this.#options,
      spool = this.#cache.place?.units;
    return new VaultWriter(parts, {
      host,
      unitBytes,
      mostUnitInMemory,
      mostUploads: uploadsFor(unitBytes, connections),
      mostUnlisted,
      compression,
      spool,
      refusal,
      onPlaceTime: (ms) => this.#compareClocks(ms),
    });
  }

  /**
   * Reports a large difference of clocks. A vault uses the times of its place; only snapshots have those of their host.
   */
  #compareClocks(placeMs: number): void {
    const aheadMs = this.machine.clock.nowMs() - placeMs;
    if (Math.abs(aheadMs) < FAR_OFF_MS) return;
    const how = `${durationText(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead of" : "behind"}`;
    this.#options.monitor.notice(
      `The clock of this machine is ${how} that of ${this.location}: snapshots get the time of this machine`,
    );
  }

  /** The notes about contents, for a backup. */
  get #notes(): ContentNotes {
    return {
      damaged: () => this.#catalog.notes((catalog) => catalog.damaged()) ?? [],
      ratios: () => this.#catalog.notes((catalog) => catalog.ratios()) ?? new Map(),
      record: (mended, learnt) => {
        if (mended.length === 0 && learnt.size === 0) return;
        const found = mended.map((id) => ({ id, state: "ok" } as const));
        this.#catalog.note((catalog, record) => {
          if (found.length > 0) notingVerified(found, this.machine.clock.nowMs())(catalog, record);
          catalog.setRatios(joinRatios(catalog.ratios(), learnt));
        });
      },
    };
  }
}
