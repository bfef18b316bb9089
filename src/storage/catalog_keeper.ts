/**
 * Keeps the catalog in step with `content/`, which is the truth. A catalog that is missing, damaged, of another storage
 * or doesn't know exactly the roots that are there is never used: it is brought up to date or made again, in memory if
 * need be.
 *
 * Only who holds the writer lock, because there is something to write, changes the file: in place if little changes, in one transaction that readers wait for;
 * else a copy, which then takes its place. So readers see one state or another, on any file system, and wait for nobody.
 */
import type { Clock } from "../core/clock.ts";
import { shortId } from "../core/short_id.ts";
import type { Catalog, Unusable } from "../catalog/catalog.ts";
import { CatalogFile } from "../catalog/catalog_file.ts";
import { CatalogFault, type Mode, type Temp } from "../catalog/database.ts";
import { entriesToCompare } from "../catalog/index_snapshots.ts";
import {
  chainsOf,
  isSameSnapshot,
  previousOf,
  renumbered,
  type RootHeader,
  withSequence,
} from "../catalog/snapshot_order.ts";
import type { ContentId, RootId } from "../core/content_id.ts";
import { Fault, unlessFault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";
import { DamagedSettings } from "../snapshot/origin.ts";
import { ForeignSnapshot } from "../snapshot/root.ts";
import { infoOf, type SnapshotInfo } from "../snapshot/snapshot_info.ts";
import { agreementOf, readAgreement, writeAgreement } from "./catalog_stamp.ts";
import type { ItemListing } from "./content/item_listing.ts";
import type { ManifestStore } from "./content/manifest_store.ts";
import type { Settings } from "./layout/settings.ts";

/** Comparing more entries than that may change more pages than should be kept in memory for one commit. */
const FEW_ENTRIES = 20_000;
/** The same of taking out snapshots with that many entries: mostly, few of them are their own. */
const MANY_ENTRIES = 1_500_000;
/** A writer that has removed roots is given that time to remove them from the catalog too. */
const PATIENCE_MS = 2000, PAUSE_MS = 50;

/** What the keeper needs of the storage whose catalog it keeps. */
export interface CatalogOrigin {
  readonly machine: { readonly clock: Clock };
  readonly dir: Dir;
  readonly settings: Pick<Settings, "id">;
  readonly monitor: Monitor;
  readonly listing: Pick<ItemListing, "rootIds" | "fingerprint">;
  readonly manifests: Pick<ManifestStore, "has" | "readRoot" | "remove">;
  manifestSource(id: RootId): ManifestSource;
  hasWriter(): boolean;
}

export class CatalogKeeper implements Disposable {
  readonly #storage: CatalogOrigin;
  readonly #file: CatalogFile;
  #catalog: Catalog | undefined;
  #owned = false;
  /** The catalog is open and knows what this writer has done. */
  #isSettled = false;
  /** The catalog is only in memory, for this run. */
  #isInMemory = false;
  /** There is none on the disk that could be used in this run: it is damaged, and can't be made again now. */
  #hasNone = false;
  /** Why the catalog on disk is no longer to be used, although it could be opened. */
  #distrust: string | undefined;
  /** The snapshot that a catalog knows which waits to be published. */
  #prepared: RootId | undefined;

  constructor(storage: CatalogOrigin) {
    this.#storage = storage;
    this.#file = new CatalogFile(storage.dir, storage.settings.id);
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#file[Symbol.dispose]();
  }

  /** As {@link CatalogFile.tempFor}. */
  tempFor(bytes: number): Temp {
    return this.#file.tempFor(bytes);
  }

  /** True if the catalog on the disk is open, and agrees with `content/`. */
  get isOnDisk(): boolean {
    return this.#catalog !== undefined && !this.#isInMemory;
  }

  /** Whether the writer lock is ours: only then is the file changed. */
  setWritable(writer: boolean): void {
    try {
      if (this.#owned && this.#isSettled && this.#catalog !== undefined) this.#noteAgreement(this.#catalog);
    } catch {
      // Whatever ended the writer's work is told already; the next run has to list `content/`, and loses nothing else.
    }
    this.#close();
    this.#owned = writer;
    this.#hasNone = false;
    this.#file.renewTemp();
  }

  current(): Catalog {
    return this.#onDisk() ?? this.#makeInMemory();
  }

  /** The one at hand; else the one on the disk, if there is one that can be used, or can be made. */
  #onDisk(): Catalog | undefined {
    if (this.#catalog !== undefined || this.#hasNone) return this.#catalog;
    this.#catalog = this.#open();
    this.#isSettled = true;
    this.#hasNone = this.#catalog === undefined;
    return this.#catalog;
  }

  /** Does something with the catalog; one that turns out to be damaged is made again first. `action` may run twice. */
  query<T>(action: (catalog: Catalog) => T): T {
    try {
      return action(this.current());
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error;
      this.#giveUpOn(error);
      return action(this.current());
    }
  }

  /** The same for many answers. Those that were given are passed over the second time: their order is always the same. */
  *each<T>(question: (catalog: Catalog) => Iterable<T>): Generator<T> {
    let given = 0;
    try {
      for (const answer of question(this.current())) {
        given++;
        yield answer;
      }
      return;
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error;
      this.#giveUpOn(error);
    }
    let passed = 0;
    for (const answer of question(this.current())) if (passed++ >= given) yield answer;
  }

  /** After a failure: of a damaged catalog, or for want of room for temporary files. @throws what nothing helps against */
  #giveUpOn(fault: CatalogFault): void {
    if (fault.trouble === "full" || fault.trouble === "unreadable") {
      if (this.#isInMemory || !this.#file.keepTempInMemory()) throw fault;
      this.#close();
      return;
    }
    if (this.#isInMemory) throw fault;
    this.#close();
    this.#distrust = `can't be used (${fault.message})`;
  }

  /** Oldest first; from the roots, if there is no catalog on the disk. */
  snapshots(): SnapshotInfo[] {
    if (this.#onDisk() === undefined) {
      return this.#heads(this.#storage.listing.rootIds()).map(({ info }) => info);
    }
    return this.query((catalog) => catalog.snapshots());
  }

  /** The same, each compared with its root, if that can be read. */
  provenSnapshots(): SnapshotInfo[] {
    if (this.#onDisk() === undefined) return this.snapshots();
    return this.query((catalog) => {
      const snapshots = catalog.snapshots();
      for (const snapshot of snapshots) this.#prove(snapshot);
      return snapshots;
    });
  }

  #prove(snapshot: SnapshotInfo): void {
    const { id, sequence } = snapshot;
    const root = unlessFault(() => this.#storage.manifests.readRoot(id), undefined);
    if (root === undefined || JSON.stringify({ ...infoOf(id, root), sequence }) === JSON.stringify(snapshot)) return;
    throw new CatalogFault(`it says something else of the snapshot ${shortId(id)} than its root`);
  }

  /** Contents that a check found damaged, as far as is known without making a catalog for it. */
  knownDamaged(): ContentId[] {
    return this.#onDisk() === undefined && !this.#owned ? [] : this.query((catalog) => catalog.damaged());
  }

  /** Changes what only the catalog knows. `action` may run twice. @throws CatalogFault if there is no room for it */
  updateLocalState(action: (catalog: Catalog) => void): void {
    if (this.#onDisk() === undefined) return;
    try {
      if (!this.#changeInPlace(action)) this.#changeCopy(action);
    } catch (error) {
      if (!(error instanceof CatalogFault || error instanceof DiskFault)) throw error;
      this.#close();
      if (!isDamage(error)) throw error;
      this.#distrust = `can't be changed (${error.message})`;
      action(this.current());
    }
  }

  /** Puts a copy without empty pages in the place of a catalog that has many. */
  compact(): void {
    const catalog = this.#onDisk();
    if (!this.#owned || catalog === undefined || this.#isInMemory) return;
    try {
      if (!catalog.isMostlyEmpty) return;
      this.#file.prepareCompact(catalog);
      this.#close();
      this.#catalog = this.#publish();
      this.#isSettled = true;
    } catch (error) {
      if (!(error instanceof CatalogFault || error instanceof DiskFault)) throw error;
      this.#discard(); // it is as good as it was
    }
  }

  /** A root was written that the catalog is not told of, because another will soon replace it. */
  markStale(): void {
    this.#isSettled = false;
  }

  /**
   * Does beforehand, aside, what {@link add} will have to do for a snapshot that is about to be committed, if that is
   * much. It takes no effect by itself, and if it can't be done, that is left to `add`.
   */
  prepare(source: ManifestSource): void {
    this.#prepared = undefined;
    if (this.#onDisk() === undefined) return;
    try {
      const { previous, isLarge } = this.#comparisonOf(source);
      if (!isLarge || this.#isInMemory) return;
      this.#file.prepare(this.#startOfCopy(), (catalog) => catalog.apply(source, previous));
      this.#prepared = source.id;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#discard(); // on a full disk the root needs the space
    }
  }

  #discard(): void {
    try {
      this.#file.discard();
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error; // the next writer empties tmp/
    }
  }

  /** Takes up a snapshot that has just been committed. */
  add(id: RootId): void {
    if (this.#onDisk() === undefined) return;
    this.query((catalog) => {
      if (catalog.knows(id)) return;
      if (this.#prepared === id) this.#orRenew(() => this.#publishPrepared());
      else this.#apply(this.#storage.manifestSource(id));
    });
    this.#isSettled = true;
  }

  #publishPrepared(): void {
    this.#prepared = undefined;
    this.#close();
    this.#catalog = this.#publish();
  }

  /** Gives back the space of what {@link prepare} has made. @returns false if there is nothing */
  discardPrepared(): boolean {
    if (this.#prepared === undefined) return false;
    this.#prepared = undefined;
    this.#discard();
    return true;
  }

  /** Forgets snapshots whose roots have just been removed. */
  remove(ids: readonly RootId[]): void {
    if (this.#onDisk() === undefined) return;
    this.query((catalog) => {
      const known = ids.filter((id) => catalog.knows(id));
      if (known.length === 0) return;
      if (catalog.isRenumbered) this.rebuild();
      else this.#change((catalog) => catalog.remove(known), this.#isMuch(known));
    });
    this.#isSettled = true;
  }

  /** Whether taking out these snapshots may change many pages. */
  #isMuch(ids: readonly RootId[]): boolean {
    const removed = new Set<string>(ids);
    const entries = this.current().snapshots().filter(({ id }) => removed.has(id)).map(({ entries }) => entries);
    return entries.reduce((sum, count) => sum + count, 0) > MANY_ENTRIES;
  }

  /** A snapshot has another root now. */
  replace(former: RootId, id: RootId): void {
    if (this.#onDisk() === undefined) return;
    this.query((catalog) => {
      if (!catalog.knows(former)) return;
      if (catalog.isRenumbered) this.rebuild();
      else this.#replace(former, id);
    });
    this.#isSettled = true;
  }

  #replace(former: RootId, id: RootId): void {
    this.#change((catalog) => catalog.replaceRoot(former, id, this.#storage.manifests.readRoot(id)), false);
  }

  rebuild(): Catalog {
    this.#close();
    this.#hasNone = false;
    return this.#catalog = this.#owned ? this.#rebuildFile() : this.#makeInMemory();
  }

  #close(): void {
    this.#catalog?.[Symbol.dispose]();
    this.#catalog = undefined;
    this.#isSettled = false;
    this.#isInMemory = false;
  }

  #open(): Catalog | undefined {
    const opened = this.#openFile(this.#owned ? "update" : "read");
    if (!("stale" in opened)) return this.#bringUpToDate(opened);
    if (opened.trouble === "full" || opened.trouble === "unreadable") return this.#doWithout(opened.stale);
    return this.#owned ? this.#renew(opened.stale) : this.#openBetter(opened.stale);
  }

  #bringUpToDate(opened: Catalog): Catalog | undefined {
    let known: readonly SnapshotInfo[];
    try {
      if (this.#owned ? this.#isComplete(opened) : this.#isGood(opened)) return opened;
      if (this.#owned) return this.#catchUp(opened);
      known = opened.snapshots();
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error;
      opened[Symbol.dispose]();
      this.#catalog = undefined;
      if (!isDamage(error)) return this.#doWithout(`can't be used (${error.message})`);
      this.#distrust = `can't be used (${error.message})`;
      return this.#owned ? this.#renew(this.#distrust) : this.#openBetter(this.#distrust);
    }
    opened[Symbol.dispose]();
    return this.#openBetter("does not know all snapshots", known);
  }

  /** Neither the file nor what is in it is wrong: it will do again some other time. */
  #doWithout(why: string): undefined {
    this.#storage.monitor.notice(`The catalog ${why}; going on without it`);
    return undefined;
  }

  #openFile(mode: Mode): Catalog | Unusable {
    if (this.#distrust !== undefined) return { stale: this.#distrust, trouble: "damaged" };
    return this.#file.open(mode);
  }

  /** For a reader: true if the catalog is what the last writer left, or what the writer at work has left so far. */
  #isGood(catalog: Catalog): boolean {
    if (this.#isNoted(this.#agreement(catalog))) return true;
    if (this.#storage.hasWriter()) return this.#knowsNoLostRoot(catalog);
    return this.#isComplete(catalog);
  }

  /** True if the catalog knows exactly the roots that are there. Cheap unless `content/` has changed since. */
  #isComplete(catalog: Catalog): boolean {
    const agreement = this.#agreement(catalog);
    if (this.#isNoted(agreement)) return true;
    const known = new Set<string>(catalog.generation());
    const there = this.#storage.listing.rootIds();
    if (there.length !== known.size || !there.every((id) => known.has(id))) return false;
    // Of the state before the listing: what has changed since then is not agreed upon.
    if (this.#owned) writeAgreement(this.#storage.dir, { state: agreement, digest: this.#file.digest() });
    return true;
  }

  /** True if the note says that the catalog agrees. @throws CatalogFault if it has changed since */
  #isNoted(agreement: string): boolean {
    // A writer may end its work between one look and the other.
    for (let look = 0; look < 2; look++) {
      const note = readAgreement(this.#storage.dir);
      if (note?.state !== agreement) return false;
      const digest = note.digest && this.#file.digest();
      if (digest === undefined || digest === note.digest) return true;
      if (!this.#owned && this.#storage.hasWriter()) return true; // it will note what it has changed
    }
    throw new CatalogFault("it is not what was written");
  }

  /**
   * While somebody writes, `content/` changes all the time; listing it again and again would tell nothing. Its writer has
   * checked the catalog when it began, and adds its snapshot when that is complete.
   */
  #knowsNoLostRoot(catalog: Catalog): boolean {
    return catalog.generation().every((id) => this.#storage.manifests.has(id));
  }

  /** Makes the catalog know what it lacks and forget what is gone, if that is all that is wrong; else makes it again. */
  #catchUp(catalog: Catalog): Catalog | undefined {
    this.#catalog = catalog;
    this.#finishReplacements();
    if (this.#catalog === undefined) return undefined;
    catalog = this.#catalog;
    const there = this.#storage.listing.rootIds(), isThere = new Set<string>(there), known = catalog.snapshots();
    const lost = known.filter(({ id }) => !isThere.has(id));
    this.#tellVanished(lost);
    const missing = this.#heads(there.filter((id) => !catalog.knows(id)));
    const newest = known.at(-1)?.sequence ?? 0;
    if (catalog.isRenumbered || missing.some(({ root }) => root.sequence <= newest)) {
      this.#close();
      return this.#renew("does not know all snapshots");
    }
    const gone = lost.map(({ id }) => id);
    if (gone.length > 0) this.#change((catalog) => catalog.remove(gone), this.#isMuch(gone));
    for (const { id } of missing) {
      if (this.#catalog?.knows(id) === false) this.#apply(this.#storage.manifestSource(id));
    }
    if (this.#catalog !== undefined) this.#noteAgreement(this.#catalog);
    return this.#catalog;
  }

  /** Ends what a crash left half done: two roots of one snapshot, or one that the catalog knows by its former id. */
  #finishReplacements(): void {
    const known = new Map(this.current().snapshots().map((snapshot) => [snapshot.id, snapshot]));
    for (const { id, root } of this.#heads(this.#storage.listing.rootIds().filter((id) => !known.has(id)), false)) {
      const former = root.replaces && known.get(root.replaces);
      if (former === undefined || !isSameSnapshot(root, { ...former, start: former.time })) continue;
      this.#storage.manifests.remove(former.id);
      this.#replace(former.id, id);
    }
  }

  /** Only the catalog remembers a snapshot whose root is lost. */
  #tellVanished(lost: readonly SnapshotInfo[]): void {
    for (const { id, tree, time } of lost) {
      this.#storage.monitor.notice(`The snapshot ${shortId(id)} (${tree ?? time}) is gone from content/`);
    }
  }

  /** Puts a new catalog in the place of a bad one. @returns undefined on a full disk: this run does without */
  #renew(why: string): Catalog | undefined {
    this.#announce(why);
    try {
      return this.#rebuildFile();
    } catch (error) {
      if (!(error instanceof CatalogFault || error instanceof DiskFault)) throw error;
      this.#storage.monitor.notice(`The catalog can't be written, and will be made again: ${error.message}`);
      this.#discard();
      return undefined;
    }
  }

  /** For this run, because there is none on the disk. */
  #makeInMemory(): Catalog {
    this.#catalog = this.#fill(this.#file.inMemory());
    this.#isInMemory = true;
    this.#isSettled = true;
    return this.#catalog;
  }

  /**
   * For who only looks, and writes nothing: one that a writer at work may be about to bring up to date, else none on the
   * disk.
   */
  #openBetter(why: string, known: readonly SnapshotInfo[] = []): Catalog | undefined {
    for (let waited = 0; waited <= PATIENCE_MS && this.#storage.hasWriter(); waited += PAUSE_MS) {
      this.#storage.machine.clock.sleepSync(PAUSE_MS);
      const opened = this.#openFile("read");
      if ("stale" in opened) continue;
      if (this.#isGood(opened)) return opened;
      opened[Symbol.dispose]();
    }
    this.#tellVanished(known.filter(({ id }) => !this.#storage.manifests.has(id)));
    this.#announce(why, ", in memory and for this command alone");
    return undefined;
  }

  #announce(why: string, where = ""): void {
    if (this.#storage.listing.rootIds().length === 0) return;
    this.#storage.monitor.notice(`The catalog ${why}; rebuilding it from content/${where}`);
  }

  #apply(source: ManifestSource): void {
    const { previous, isLarge } = this.#comparisonOf(source);
    this.#change((catalog) => catalog.apply(source, previous), isLarge);
  }

  /** What a snapshot is compared with to take it up, and whether that may change much. */
  #comparisonOf(source: ManifestSource): { previous: ManifestSource | undefined; isLarge: boolean } {
    const known = previousOf(source, this.current().snapshots());
    const previous = known && withSequence(this.#storage.manifestSource(known.id), known.sequence);
    return { previous, isLarge: entriesToCompare(previous?.root, source.root) > FEW_ENTRIES };
  }

  /**
   * Changes the catalog: in place, or by way of a copy if much changes or a reader is in the way. Should neither work (a
   * full disk, a damaged hunk), it is made again: `content/` holds the change already.
   */
  #change(action: (catalog: Catalog) => void, isLarge: boolean): void {
    this.#orRenew(() => {
      if (isLarge || !this.#changeInPlace(action)) this.#changeCopy(action);
    });
  }

  #orRenew(change: () => void): void {
    try {
      change();
    } catch (error) {
      if (!(error instanceof Fault) || error instanceof DamagedSettings) throw error;
      this.#close();
      const why = `can't be brought up to date (${error.message})`;
      this.#catalog = isDamage(error) ? this.#renew(why) : this.#doWithout(why);
      this.#hasNone = this.#catalog === undefined;
    }
  }

  /** False if the database can't be changed now; nothing was done then. */
  #changeInPlace(action: (catalog: Catalog) => void): boolean {
    try {
      action(this.current());
      return true;
    } catch (error) {
      if (error instanceof CatalogFault && error.trouble !== "full" && !this.#isInMemory) return false;
      throw error;
    }
  }

  #changeCopy(action: (catalog: Catalog) => void): void {
    const catalog = this.current();
    if (this.#isInMemory) return action(catalog);
    const start = this.#startOfCopy();
    this.#close();
    this.#catalog = this.#replaceFile(start, action);
  }

  #startOfCopy(): "new" | "copy" {
    return this.current().generation().length === 0 ? "new" : "copy";
  }

  #rebuildFile(): Catalog {
    const catalog = this.#replaceFile("new", (made) => void this.#fill(made));
    this.#noteAgreement(catalog);
    return catalog;
  }

  #replaceFile(start: "new" | "copy", make: (catalog: Catalog) => void): Catalog {
    this.#file.prepare(start, make);
    return this.#publish();
  }

  #publish(): Catalog {
    this.#file.publish();
    this.#distrust = undefined;
    const opened = this.#openFile("update");
    if ("stale" in opened) throw new CatalogFault(`it was just made, but it ${opened.stale}`, opened.trouble);
    return opened;
  }

  #fill(catalog: Catalog): Catalog {
    const heads = this.#heads(this.#storage.listing.rootIds());
    const sequences = new Map(heads.map(({ id, root }) => [id, root.sequence]));
    const told = new Set<string>();
    catalog.fill(chainsOf(heads), (id) => {
      const source = withSequence(this.#storage.manifestSource(id), sequences.get(id)!);
      return { ...source, text: (hunk) => this.#textOrNothing(source, hunk, told) };
    });
    return catalog;
  }

  /** A hunk that can't be read is a problem of its own and hides no other. */
  #textOrNothing(source: ManifestSource, hunk: number, told: Set<string>): Uint8Array<ArrayBuffer> {
    try {
      return source.text(hunk);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const { id } = source.root.hunks[hunk]!;
      if (!told.has(id)) this.#storage.monitor.problem(error);
      told.add(id);
      return new Uint8Array();
    }
  }

  /**
   * Roots by sequence, without their hunks; a damaged root is a problem of its own and hides no other.
   * @throws DamagedSettings if none of them is of this storage
   */
  #heads(ids: readonly RootId[], isTold = true): RootHeader[] {
    const heads: RootHeader[] = [], foreign: ForeignSnapshot[] = [];
    const report = (id: RootId, fault: Fault) => {
      if (isTold && !this.#reported.has(id)) this.#storage.monitor.problem(fault);
      if (isTold) this.#reported.add(id);
    };
    for (const id of ids) {
      try {
        const root = this.#storage.manifests.readRoot(id);
        const { sequence, replaces, start, host, name, complete } = root;
        const head = { sequence, start, host, name, complete, ...(replaces && { replaces }) };
        heads.push({ id, root: head, info: infoOf(id, root) });
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (error instanceof ForeignSnapshot) foreign.push(error);
        report(id, error);
      }
    }
    if (heads.length === 0 && foreign[0] !== undefined) {
      throw new DamagedSettings(`its "id" is wrong: all snapshots belong to the storage ${foreign[0].storage}`);
    }
    return renumbered(this.#withoutReplaced(heads));
  }
  /** Roots that can't be read and were reported: once is enough, however often the roots are read. */
  readonly #reported = new Set<RootId>();

  /** Of two roots of one snapshot, which a crash has left, the newer one counts; whoever may write removes the other. */
  #withoutReplaced(heads: readonly RootHeader[]): readonly RootHeader[] {
    const byId = new Map(heads.map((head) => [head.id, head]));
    for (const { root } of heads) {
      const former = root.replaces && byId.get(root.replaces);
      if (former === undefined || !isSameSnapshot(root, former.root)) continue;
      if (this.#owned) this.#storage.manifests.remove(former.id);
      byId.delete(former.id);
    }
    return [...byId.values()];
  }

  #agreement(catalog: Catalog): string {
    return agreementOf(this.#storage.listing.fingerprint(), catalog.generation());
  }

  #noteAgreement(catalog: Catalog): void {
    if (this.#isInMemory) return; // what is on the disk is not what agrees
    const state = this.#agreement(catalog), digest = this.#file.digest(), noted = readAgreement(this.#storage.dir);
    if (noted?.state !== state || noted.digest !== digest) writeAgreement(this.#storage.dir, { state, digest });
  }
}

/** Whether making the catalog again may help: not against a want of room, nor against a failing disk. */
function isDamage(fault: Fault): boolean {
  if (fault instanceof CatalogFault) return fault.trouble === "damaged" || fault.trouble === "busy";
  return !(fault instanceof DiskFault);
}
