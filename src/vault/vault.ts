/**
 * A vault: snapshots packed into units, on a backend. FORMAT.md describes the objects. Nobody locks anything: what was
 * stored is never changed, and whoever writes looks at the end whether all that the new snapshot needs is still there.
 */
import { type Catalog, memoryCatalog } from "../catalog/catalog.ts";
import {
  chainsOf,
  headerOf,
  renumbered,
  type RootHeader,
  withoutReplaced,
  withSequence,
} from "../catalog/snapshot_order.ts";
import type { Backend } from "../backend/backend.ts";
import { type HunkId, knownHunkId, type RootId } from "../core/content_id.ts";
import { Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import type { Policy } from "../core/policy.ts";
import type { Raw } from "../core/raw.ts";
import type { WorkOptions } from "../core/work.ts";
import { DirectoryPlaces } from "../platform/directory_places.ts";
import type { Machine } from "../platform/machine.ts";
import { newMeterTable } from "../platform/meter.ts";
import { newStopTable } from "../platform/stop_flag.ts";
import { ThreadPool } from "../platform/thread_pool.ts";
import type { OwnPlace, OwnPlaces } from "../platform/own_places.ts";
import type { CatalogQueries } from "../snapshot/catalog_queries.ts";
import { DamagedContent, NoSnapshot } from "../snapshot/faults.ts";
import { hunkText } from "../snapshot/hunk.ts";
import { Manifest, type ManifestSource } from "../snapshot/manifest.ts";
import type {
  ContentIndex,
  RemovalRequest,
  RemovalSummary,
  Repository,
  RepositoryUsage,
  ScanRequest,
} from "../snapshot/repository.ts";
import type { Root } from "../snapshot/root.ts";
import type { SnapshotInfo } from "../snapshot/snapshot_info.ts";
import { IndexCache } from "./cache/index_cache.ts";
import { PlainVault } from "./format/faults.ts";
import { kindOfItem } from "./pack/items.ts";
import { contentIndexOf } from "./store/content_index.ts";
import { VaultContents } from "./store/contents.ts";
import { ItemReader } from "./store/item_reader.ts";
import { RootStore, type StoredRoot } from "./store/root_store.ts";
import { SealedObjects, type VaultAccess } from "./store/sealed_objects.ts";
import { UnitIndex } from "./store/unit_index.ts";
import { VaultChecker } from "./read/vault_checker.ts";
import { VaultReader } from "./read/vault_reader.ts";
import { VAULT_THREAD, VaultExecutor, type VaultPool } from "./threads/vault_executor.ts";
import { VaultWriter } from "./vault_writer.ts";
import { Pruner } from "./prune/pruner.ts";
import { UNIT_BYTES } from "./write/unit_packer.ts";

export interface VaultOptions {
  readonly machine: Machine;
  readonly monitor: Monitor;
  /** Noted as the writer of what this run stores. */
  readonly host: string;
  /** Where it lies on this machine. Absent: elsewhere. */
  readonly directory?: Raw;
  /** Stored bytes of a unit. Default: 16 MiB. */
  readonly unitBytes?: number;
  /** False: an unencrypted vault gets no new snapshots. Default: true. */
  readonly mayWritePlain?: boolean;
  /** For tests: of a restore; what is more waits in a temporary file. */
  readonly mostFilesInMemory?: number;
}

/**
 * Opens a vault, and reads its index.
 * @param backend closed with the vault
 * @throws PlaceUnavailable, DiskFault
 */
export async function openVault(backend: Backend, access: VaultAccess, options: VaultOptions): Promise<Vault> {
  const vault = new Vault(backend, access, options);
  await vault.index.refresh();
  return vault;
}

/** Hunks that are at hand; those that can't be read are faults. */
type Hunks = ReadonlyMap<HunkId, Uint8Array<ArrayBuffer> | Fault>;

const THE_VAULT: OwnPlace = { why: "it is the vault", kind: "storage" };
const STATE: OwnPlace = { why: "this program keeps its state there", kind: "state" };

/** Asked for at once. */
const HUNKS_AT_ONCE = 8;

export class Vault implements Repository {
  readonly machine: Machine;
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  readonly contents: VaultContents;
  readonly roots: RootStore;
  readonly #options: VaultOptions;
  readonly #indexCache: IndexCache;
  /** Of the snapshots with these ids. */
  #catalog: { readonly of: string; readonly catalog: Catalog } | undefined;

  constructor(backend: Backend, access: VaultAccess, options: VaultOptions) {
    const { machine, monitor } = this.#options = options;
    this.machine = machine;
    this.objects = new SealedObjects(backend, access, machine.random);
    const { config: { id }, key } = access;
    this.#indexCache = new IndexCache(undefined, id, key?.auth);
    this.index = new UnitIndex(this.objects, this.#indexCache, monitor);
    this.contents = new VaultContents(this.index, new ItemReader(backend, access));
    this.roots = new RootStore(this.objects, monitor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#indexCache[Symbol.dispose]();
    this.#catalog?.catalog[Symbol.dispose]();
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
    return (await this.#heads()).map(({ info }) => info);
  }

  provenSnapshots(): Promise<readonly SnapshotInfo[]> {
    return this.snapshots();
  }

  /** In order, without those that others have replaced. */
  async #heads(): Promise<readonly RootHeader[]> {
    return renumbered(withoutReplaced((await this.roots.all()).map(({ id, root }) => headerOf(id, root))));
  }

  async rootIds(): Promise<readonly RootId[]> {
    return (await this.roots.all()).map(({ id }) => id);
  }

  async manifest(id: RootId): Promise<Manifest> {
    const { root } = await this.#root(id);
    const hunks = await this.#hunksOf([root]);
    return new Manifest((hunk) => bytesOf(hunks, hunk), root);
  }

  async #root(id: RootId): Promise<StoredRoot> {
    const found = await this.roots.find(id);
    if (found === undefined) throw new DamagedContent(id, "it is missing");
    return found;
  }

  async object(id: RootId | HunkId): Promise<Uint8Array<ArrayBuffer>> {
    if (kindOfItem(id) === "hunk") return await this.contents.hunk(knownHunkId(id));
    const found = (await this.roots.all()).find((root) => root.id === id);
    if (found === undefined) throw new DamagedContent(id, "it is missing");
    return found.bytes;
  }

  /** Holds nothing: what a reader misses later was pruned, long after the snapshot was forgotten. */
  async lockForReading(id: RootId): Promise<Disposable> {
    if (!(await this.rootIds()).includes(id)) throw new NoSnapshot(id);
    return { [Symbol.dispose]: () => {} };
  }

  async query<T>(question: (catalog: CatalogQueries) => T): Promise<T> {
    return question(await this.catalog());
  }

  /** In memory, made of the manifests of all snapshots. */
  async catalog(): Promise<Catalog> {
    const heads = await this.#heads(), of = heads.map(({ id }) => id).join(" ");
    if (this.#catalog?.of === of) return this.#catalog.catalog;
    const catalog = memoryCatalog({ id: this.id, temp: undefined });
    const roots = new Map((await this.roots.all()).map(({ id, root }) => [id, root]));
    const hunks = await this.#hunksOf([...roots.values()]);
    const sequences = new Map(heads.map(({ id, root }) => [id, root.sequence]));
    catalog.fill(chainsOf(heads), (id) => {
      const root = roots.get(id);
      if (root === undefined) throw new DamagedContent(id, "it is missing");
      return withSequence(this.#sourceOf(id, root, hunks), sequences.get(id) ?? root.sequence);
    });
    this.#catalog?.catalog[Symbol.dispose]();
    this.#catalog = { of, catalog };
    return catalog;
  }

  #sourceOf(id: RootId, root: Root, hunks: Hunks): ManifestSource {
    return {
      id,
      root,
      text: (index) => {
        const hunk = root.hunks[index];
        const bytes = hunk === undefined ? undefined : hunks.get(hunk.id);
        // A hunk that can't be read is a problem of its own, and was reported; it hides no other.
        return bytes instanceof Uint8Array ? hunkText(bytes) : new Uint8Array();
      },
    };
  }

  async #hunksOf(roots: readonly Root[]): Promise<Hunks> {
    const ids = [...new Set(roots.flatMap(({ hunks }) => hunks.map(({ id }) => id)))];
    const hunks = new Map<HunkId, Uint8Array<ArrayBuffer> | Fault>();
    const next = ids.values();
    const fetchNext = async () => {
      for (const id of next) hunks.set(id, await this.contents.hunk(id).catch(damageOnly));
    };
    await Promise.all(Array.from({ length: HUNKS_AT_ONCE }, fetchNext));
    return hunks;
  }

  async queryEach<T>(question: (catalog: CatalogQueries) => Iterable<T>): Promise<Iterable<T>> {
    return question(await this.catalog());
  }

  /** There is none that needs no waiting. */
  cachedSnapshots(): readonly SnapshotInfo[] {
    return [];
  }

  tempFor(): undefined {
    return undefined;
  }

  contentIndex(): Promise<ContentIndex> {
    return contentIndexOf(this.index, this.contents);
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
    return new VaultChecker(this, request, () => this.pool(request.workers, request.signal));
  }

  policy(): Policy | undefined {
    return undefined;
  }

  async usage(): Promise<RepositoryUsage> {
    const roots = await this.roots.all();
    let manifestItems = roots.length, manifestBytes = roots.reduce((sum, { bytes }) => sum + bytes.length, 0);
    let contents = 0;
    for (const name of this.index.unitNames()) {
      const items = this.index.itemsOf(name);
      if (this.index.unit(name)?.unitClass === "data") contents += items.length;
      for (const { id, size } of items) {
        if (kindOfItem(id) !== "hunk") continue;
        manifestItems++;
        manifestBytes += size;
      }
    }
    return { manifestItems, manifestBytes, contents, freeBytes: undefined };
  }

  ownPlaces(more: readonly Raw[]): OwnPlaces {
    const { directory } = this.#options, { disk, state = [] } = this.machine;
    const ofState = [...state, ...more].map((path) => ({ path, place: STATE }));
    return new DirectoryPlaces(
      disk,
      directory === undefined ? ofState : [{ path: directory, place: THE_VAULT }, ...ofState],
    );
  }

  /** Writers never exclude each other. */
  hasWriter(): boolean {
    return false;
  }

  async previewRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalSummary> {
    await using pruner = this.#pruner(request, monitor);
    return await pruner.preview();
  }

  #pruner(request: RemovalRequest, monitor: Monitor): Pruner {
    const { objects, index, contents, roots } = this,
      { host, unitBytes = UNIT_BYTES, machine: { clock } } = this.#options;
    return new Pruner({ objects, index, contents, roots, host }, { request, monitor, clock, unitBytes });
  }

  write(): VaultWriter {
    const { objects, index, contents, roots } = this, { host, unitBytes, mayWritePlain = true } = this.#options;
    const refusal = mayWritePlain || objects.auth !== undefined ? undefined : new PlainVault(this.location);
    const pruner = (request: RemovalRequest, monitor: Monitor) => this.#pruner(request, monitor);
    const parts = { objects, index, contents, roots, pruner, catalog: () => this.catalog() };
    return new VaultWriter(parts, { host, unitBytes, refusal });
  }
}

function damageOnly(error: unknown): Fault {
  if (error instanceof DamagedContent) return error;
  throw error;
}

/** @throws DamagedContent */
function bytesOf(hunks: Hunks, id: HunkId): Uint8Array<ArrayBuffer> {
  const bytes = hunks.get(id) ?? new DamagedContent(id, "it is missing");
  if (bytes instanceof Uint8Array) return bytes;
  throw bytes;
}
