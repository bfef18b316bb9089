/**
 * A storage on a local disk: opening one, its snapshots, their manifests and contents. FORMAT.md describes
 * the files. Everything that changes a storage goes through a {@link Writer}, of which there is one at a time.
 */
import type { Clock, Random } from "../core/clock.ts";
import { classOfId, type ContentId, type HunkId, parseRootId, type RootId } from "../core/content_id.ts";
import { unlessFault } from "../core/fault.ts";
import type { Monitor, Phase } from "../core/monitor.ts";
import type { Policy } from "../core/policy.ts";
import { type Raw, rawOf } from "../core/raw.ts";
import { type Dir, type DirListing, type Disk, DiskFault } from "../platform/disk.ts";
import type { ThrottleTable } from "../platform/throttle.ts";
import type { Catalog, SnapshotInfo } from "./catalog/catalog.ts";
import type { Temp } from "./catalog/database.ts";
import type { ManifestSource } from "./catalog/ranges.ts";
import { CatalogKeeper } from "./catalog_keeper.ts";
import { Claims, newClaimTable } from "./claims.ts";
import { ContentStore } from "./content.ts";
import { digestHexLength, hashBytes } from "./digest.ts";
import type { EngineSetup } from "./engine.ts";
import { NoSnapshot, NoStorage } from "./faults.ts";
import { hunkText } from "./hunk.ts";
import { ItemSet } from "./item_set.ts";
import { idOf, leafDirs, openLeaf } from "./item_path.ts";
import { checkLayout, checkOneFileSystem, makeLeafDirectories } from "./layout.ts";
import { hasWriter, takeWriterLock } from "./lock.ts";
import { Manifest } from "./manifest.ts";
import { Objects } from "./objects.ts";
import { readPolicy, writePolicy } from "./policy_file.ts";
import { Pool } from "./pool.ts";
import { joinRatios, type Ratios } from "./ratios.ts";
import { resolveSnapshot } from "./resolve.ts";
import type { Root } from "./root.ts";
import type { Settings } from "./settings.ts";
import { readSettings, renewSettings } from "./settings_file.ts";
import { makeDirectory } from "./quarantine.ts";
import { newSizeTable } from "./size_table.ts";
import { Meter, newMeterTable } from "./meter.ts";
import { newStopTable, Stop } from "./stop.ts";
import { emptyTemp } from "./temp.ts";
import { WriteOut } from "./write_out.ts";

/** The world that a storage lives in. */
export interface Machine {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  /** What runs as a worker thread; undefined: everything in one thread. */
  readonly workerScript: URL | undefined;
  /** Holds back what other threads read; `disk` does it for this one. */
  readonly throttle?: ThrottleTable;
  /** Absolute paths of directories where this program keeps state of its own: they are never backed up. */
  readonly state?: readonly Raw[];
}

const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp");
const PRIVATE = 0o700;
/** How systems say that there is no space left, on the disk or for this user. */
const FULL: readonly string[] = ["ENOSPC", "EDQUOT"];

/** Opens an existing storage. Takes no lock. @throws NoStorage, NewerFormat, DamagedSettings, SplitStorage */
export function openStorage(machine: Machine, path: Raw, monitor: Monitor): Storage {
  using held = new DisposableStack();
  const dir = held.use(openExisting(machine.disk, path));
  const settings = readSettings(dir, path, monitor);
  checkOneFileSystem(dir, path);
  checkLayout(dir, settings);
  held.move();
  return new Storage(machine, dir, settings, monitor);
}

export class Storage implements Disposable {
  readonly machine: Machine;
  readonly dir: Dir;
  readonly settings: Settings;
  readonly objects: Objects;
  readonly #monitor: Monitor;
  readonly #keeper: CatalogKeeper;
  #store: ContentStore | undefined;

  constructor(machine: Machine, dir: Dir, settings: Settings, monitor: Monitor) {
    this.machine = machine;
    this.dir = dir;
    this.settings = settings;
    this.#monitor = monitor;
    this.objects = new Objects(dir, settings, (place) => this.#tellAside(place));
    this.#keeper = new CatalogKeeper(this);
  }

  [Symbol.dispose](): void {
    this.#keeper[Symbol.dispose]();
    this.#store?.[Symbol.dispose]();
    this.objects[Symbol.dispose]();
    this.dir[Symbol.dispose]();
  }

  get monitor(): Monitor {
    return this.#monitor;
  }

  /** Absolute path, as it was given. */
  get path(): Raw {
    return this.dir.path;
  }

  /** A catalog that agrees with `content/`: opened, brought up to date or rebuilt as needed. */
  catalog(): Catalog {
    return this.#keeper.current();
  }

  /** Asks the catalog; one that turns out to be damaged is made again first. `question` may be put twice. */
  ask<T>(question: (catalog: Catalog) => T): T {
    return this.#keeper.use(question);
  }

  /** The same for many answers; if damage shows on the way, those that were given are passed over the second time. */
  askEach<T>(question: (catalog: Catalog) => Iterable<T>): Generator<T> {
    return this.#keeper.each(question);
  }

  /** Oldest first. Needs no catalog, though it takes longer without. */
  snapshots(): SnapshotInfo[] {
    return this.#keeper.snapshots();
  }

  /** The same, each compared with its root: for whoever removes something on their word. */
  provenSnapshots(): SnapshotInfo[] {
    return this.#keeper.provenSnapshots();
  }

  /** Where SQLite may keep so many bytes; undefined: in memory. Good while this is open. */
  tempFor(bytes: number): Temp {
    return this.#keeper.tempFor(bytes);
  }

  /** @throws NoSnapshot, AmbiguousSnapshot */
  resolve(name: string): SnapshotInfo {
    return resolveSnapshot(name, this.snapshots());
  }

  /** @throws DamagedContent, DamagedManifest */
  manifest(id: RootId): Manifest {
    return new Manifest((hunk: HunkId) => this.objects.read(hunk), this.objects.readRoot(id));
  }

  /** Keeps a snapshot from being forgotten until disposed: for those who read it for long. @throws NoSnapshot if it just was */
  hold(id: RootId): Disposable {
    const held = this.objects.hold(id);
    if (held === undefined) throw new NoSnapshot(id);
    return held;
  }

  manifestSource(id: RootId): ManifestSource {
    return this.sourceOf(id, this.objects.readRoot(id));
  }

  /** @param root need not be stored yet, only its hunks */
  sourceOf(id: RootId, root: Root): ManifestSource {
    return { id, root, text: (hunk) => hunkText(this.objects.read(root.hunks[hunk]!.id)) };
  }

  /** Ids of all roots, from a listing of `content/`. */
  rootIds(): RootId[] {
    const length = digestHexLength(this.settings.algorithm);
    const ids: RootId[] = [];
    for (const { id } of this.items((name) => name.endsWith("f0"))) {
      if (classOfId(id, length) === "root") ids.push(parseRootId(id, length));
    }
    return ids;
  }

  /** Every name in the leaf directories of `content/` that `wanted` lets through. */
  *items(wanted: (name: Raw) => boolean = () => true): Generator<{ id: string; leaf: Raw; name: Raw }> {
    for (const { leaf, names } of this.#leaves()) {
      for (const name of names) if (wanted(name)) yield { id: idOf(leaf, name), leaf, name };
    }
  }

  *#leaves(): Generator<{ leaf: Raw } & DirListing> {
    using content = this.dir.openDir(CONTENT);
    for (const leaf of leafDirs(this.settings)) {
      using directory = openLeaf(content, leaf);
      if (directory !== undefined) yield { leaf, ...directory.list() };
    }
  }

  /** Ids of all items there are now; something else under the name of one is none. */
  presentItems(): ItemSet {
    const present = new ItemSet();
    for (const { leaf, names, kinds } of this.#leaves()) {
      for (const [i, name] of names.entries()) {
        if ((kinds[i] ?? "file") === "file") present.add(idOf(leaf, name));
      }
    }
    return present;
  }

  /** Changes whenever an item is added or removed: the times of all leaf directories, hashed. */
  contentFingerprint(): string {
    using content = this.dir.openDir(CONTENT);
    const times: string[] = [];
    for (const leaf of leafDirs(this.settings)) {
      times.push(leaf.includes("/") ? statThrough(content, leaf) : content.stat(leaf)?.mtime ?? "-");
    }
    return hashBytes("sha256", new TextEncoder().encode(times.join(" ")));
  }

  /** The content in chunks, valid until the next; verified. @throws DamagedContent */
  readContent(id: ContentId): Generator<Uint8Array<ArrayBuffer>> {
    this.#store ??= this.contents();
    return this.#store.read(id);
  }

  /** Bytes; undefined if it is not there. */
  contentSize(id: ContentId): number | undefined {
    this.#store ??= this.contents();
    return this.#store.sizeOf(id);
  }

  /** Contents for reading and linking; to store some, see {@link pool}. */
  contents(): ContentStore {
    return new ContentStore({
      storage: this.dir,
      settings: this.settings,
      uid: this.machine.disk.uid,
      gid: this.machine.disk.gid,
      claims: new Claims(newClaimTable(2)),
      isVouchedFor: () => false,
      damaged: new Set(),
      tempPrefix: "r",
      stop: new Stop(),
      meter: new Meter(),
    });
  }

  /** Distinct sizes of contents above so many bytes, ascending. */
  contentSizesAbove(bytes: number): Float64Array {
    return this.#keeper.use((catalog) => catalog.sizesAbove(bytes));
  }

  /** How well files compress, by type. */
  ratios(): Ratios {
    return this.#keeper.use((catalog) => catalog.ratios());
  }

  /** Contents that a check found damaged or missing, and nobody has stored again since. */
  damaged(): ContentId[] {
    return this.#keeper.use((catalog) => catalog.damaged());
  }

  /** Threads that store, restore or verify. @param itemsToVerify 0: none */
  pool(workers: number, signal: AbortSignal, itemsToVerify = 0): Pool {
    const setup: EngineSetup = {
      storagePath: this.path,
      settings: this.settings,
      claims: newClaimTable(),
      damaged: this.#keeper.knownDamaged(),
      catalogVouches: this.#keeper.isOnDisk,
      stop: newStopTable(),
      meter: newMeterTable(workers + 1),
      ...(this.machine.throttle !== undefined && { throttle: this.machine.throttle }),
      ...(itemsToVerify > 0 && { sizes: newSizeTable(itemsToVerify) }),
    };
    const { disk, clock, workerScript: script } = this.machine;
    return new Pool(disk, setup, { workers, script, signal, clock });
  }

  /** What `forget` keeps if it isn't told otherwise; undefined if nobody has said. @throws DamagedPolicy, NewerFormat */
  policy(): Policy | undefined {
    return readPolicy(this.dir);
  }

  /** True if somebody holds the writer lock now, as far as can be told. */
  hasWriter(): boolean {
    try {
      using db = this.dir.openDir(DB);
      return hasWriter(db);
    } catch (error) {
      if (error instanceof DiskFault) return false;
      throw error;
    }
  }

  /** Becomes the writer. @param holder a note for others who want to. @throws Locked */
  write(holder: string): Writer {
    using held = new DisposableStack();
    this.#tellAside(makeDirectory(this.dir, this.dir, DB, PRIVATE));
    using db = this.dir.openDir(DB);
    const lock = held.use(takeWriterLock(this.dir, db, holder));
    this.#tellAside(makeDirectory(this.dir, this.dir, TMP, PRIVATE));
    emptyTemp(this.dir, this.#monitor);
    renewSettings(this.dir, this.settings, this.#monitor);
    for (const place of makeLeafDirectories(this.dir, this.settings)) this.#tellAside(place);
    this.#keeper.ownedBy(true);
    held.move();
    return new Writer(this, this.#keeper, lock);
  }

  #tellAside(place: string | undefined): void {
    if (place !== undefined) this.#monitor.notice(`What was in the way is now in ${place}`);
  }
}

interface Phased {
  readonly phase?: ((phase: Phase) => void) | undefined;
}

/** The one who may change the storage, until disposed. */
export class Writer implements Disposable {
  readonly #storage: Storage;
  readonly #keeper: CatalogKeeper;
  readonly #lock: Disposable;
  readonly #writeOut: WriteOut;

  constructor(storage: Storage, keeper: CatalogKeeper, lock: Disposable) {
    this.#storage = storage;
    this.#writeOut = new WriteOut(() => storage.dir.syncFileSystem(), storage.machine.clock);
    this.#keeper = keeper;
    this.#lock = lock;
  }

  [Symbol.dispose](): void {
    this.#keeper.ownedBy(false);
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
    this.#keeper.prepare(this.#storage.sourceOf(this.#storage.objects.idOfRoot(root), root));
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
    this.#keeper.leaveOut();
    const id = this.#writeRoot(root);
    if (previous !== undefined) this.#storage.objects.remove(previous);
    return id;
  }

  /** On a disk that is almost full, the snapshot goes before the catalog that was prepared for it. */
  #writeRoot(root: Root): RootId {
    try {
      return this.#storage.objects.writeRoot(root);
    } catch (error) {
      const isFull = error instanceof DiskFault && FULL.includes(error.errno);
      if (!isFull || !this.#keeper.discardPrepared()) throw error;
      return this.#storage.objects.writeRoot(root);
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
    const removed = ids.filter((id) => this.#storage.objects.removeRoot(id) !== "held");
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
    const renewed = this.#storage.objects.writeRoot({
      ...this.#storage.objects.readRoot(id),
      ...changes,
      replaces: id,
    });
    this.#storage.objects.remove(id);
    this.#keeper.replace(id, renewed);
    return renewed;
  }

  /** Notes which contents were read and found whole or damaged. @param items may be gone through twice */
  recordVerified(items: Iterable<{ readonly id: string; readonly state: "ok" | "damaged" }>, atMs: number): void {
    this.#keeper.note((catalog) => catalog.recordVerified(items, atMs));
  }

  /** It is only for estimates: should it fail, it is learnt again. */
  learnRatios(learnt: Ratios): void {
    const joined = joinRatios(this.#storage.ratios(), learnt);
    unlessFault(() => this.#keeper.note((catalog) => catalog.setRatios(joined)), undefined);
  }

  /** @param policy undefined: none any more */
  setPolicy(policy: Policy | undefined): void {
    writePolicy(this.#storage.dir, policy);
  }

  /** Drops the memory of verifications of contents that no snapshot needs any more. */
  forgetVerifications(): void {
    unlessFault(() => this.#keeper.note((catalog) => catalog.forgetVerifications()), undefined);
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

function statThrough(content: Dir, leaf: Raw): string {
  const slash = leaf.lastIndexOf("/");
  using parent = openLeaf(content, leaf.slice(0, slash) as Raw);
  return parent?.stat(leaf.slice(slash + 1) as Raw)?.mtime ?? "-";
}
