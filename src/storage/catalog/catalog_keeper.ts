/**
 * Keeps the catalog in step with `content/`, which is the truth. A catalog that is missing, damaged, of another
 * storage, or that doesn't know exactly the existing roots is never used: it is brought up to date or rebuilt, in
 * memory if need be. Only a holder of the writer lock changes the file.
 *
 * catalog_state.ts shows its states in a run; the files beside it open, change and make it.
 */
import type { Catalog } from "../../catalog/catalog.ts";
import { CatalogFile, type WhichFile } from "../../catalog/catalog_file.ts";
import type { Temp } from "../../catalog/database.ts";
import type { VerificationRecord } from "../../catalog/verification_record.ts";
import { CatalogFault } from "../../catalog/faults.ts";
import type { ContentId, RootId } from "../../core/content_id.ts";
import { Fault, unlessFault } from "../../core/fault.ts";
import { shortId } from "../../core/short_id.ts";
import { DiskFault } from "../../platform/disk.ts";
import type { ManifestSource } from "../../snapshot/manifest.ts";
import type { VerifiedItem } from "../../snapshot/repository.ts";
import { infoOf, type SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { CatalogChanger } from "./catalog_changer.ts";
import { type CatalogContext, isDamage } from "./catalog_context.ts";
import { CatalogMaker } from "./catalog_maker.ts";
import { CatalogOpener } from "./catalog_opener.ts";
import type { CatalogOrigin } from "./catalog_origin.ts";
import { CatalogStamp } from "./catalog_stamp.ts";
import { CatalogState } from "./catalog_state.ts";
import { readHeaders } from "./root_headers.ts";

export class CatalogKeeper implements Disposable {
  readonly #context: CatalogContext;
  readonly #maker: CatalogMaker;
  readonly #changer: CatalogChanger;
  readonly #opener: CatalogOpener;
  /** The file on disk when the catalog was opened, or found to be unusable. */
  #seen: WhichFile | undefined;
  /** Queries in progress: what they use stays open. */
  #inUse = 0;

  constructor(origin: CatalogOrigin) {
    const notice = (text: string) => origin.monitor.notice(text);
    const file = new CatalogFile(origin.dir, origin.settings.id, notice), state = new CatalogState();
    const stamp = new CatalogStamp(origin, file, () => state.isWriter);
    const reported = new Set<RootId>();
    const reportRoot = (id: RootId, fault: Fault) => {
      if (!reported.has(id)) origin.monitor.problem(fault);
      reported.add(id);
    };
    this.#context = { origin, file, state, stamp, reportRoot };
    this.#maker = new CatalogMaker(this.#context);
    this.#changer = new CatalogChanger(this.#context, this.#maker);
    this.#opener = new CatalogOpener(this.#context, this.#maker, this.#changer);
  }

  [Symbol.dispose](): void {
    this.#context.state[Symbol.dispose]();
    this.#context.file[Symbol.dispose]();
  }

  /** As {@link CatalogFile.tempFor}. */
  tempFor(bytes: number): Temp {
    return this.#context.file.tempFor(bytes);
  }

  /** True if the catalog on disk is open and agrees with `content/`. */
  get isOnDisk(): boolean {
    return this.#context.state.isOnDisk;
  }

  /** Sets whether this run holds the writer lock: only then is the file changed. */
  setWritable(isWriter: boolean): void {
    const { state, stamp, file } = this.#context;
    try {
      if (state.isWriter && state.name === "open") stamp.note(state.opened);
    } catch {
      // Whatever ended the writer's work was reported already; the next run has to list `content/`, and loses nothing
      // else.
    }
    state.reset();
    state.isWriter = isWriter;
    file.renewTemp();
  }

  /** A catalog that agrees with `content/`: opened, brought up to date or built as needed. */
  current(): Catalog {
    return this.#atHand() ?? this.#maker.inMemory();
  }

  /** The open catalog, or the one on disk; undefined if none can be used or made there. */
  #atHand(): Catalog | undefined {
    const { state, file } = this.#context;
    this.#noticeAnother();
    if (state.name !== "closed") return state.catalog;
    this.#seen = file.whichFile();
    return this.#opener.open();
  }

  /**
   * For a reader that goes on for days: a writer may have put another file in the place of the open one, or of one that
   * couldn't be used, or mended that.
   */
  #noticeAnother(): void {
    const { state, file } = this.#context, seen = this.#seen;
    if (state.isWriter || state.name === "closed" || this.#inUse > 0) return;
    const now = file.whichFile();
    if (now?.identity === seen?.identity && (state.isOnDisk || now?.mtime === seen?.mtime)) return;
    state.reset();
    state.distrust = undefined;
  }

  /** Runs `action` on the catalog. One that turns out to be damaged is rebuilt first; `action` may run twice. */
  query<T>(action: (catalog: Catalog) => T): T {
    try {
      return this.#using(action);
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error;
      this.#giveUpOn(error);
      return this.#using(action);
    }
  }

  #using<T>(action: (catalog: Catalog) => T): T {
    const catalog = this.current();
    this.#inUse++;
    try {
      return action(catalog);
    } finally {
      this.#inUse--;
    }
  }

  *#usingEach<T>(question: (catalog: Catalog) => Iterable<T>): Generator<T> {
    const catalog = this.current();
    this.#inUse++;
    try {
      yield* question(catalog);
    } finally {
      this.#inUse--;
    }
  }

  /**
   * As {@link query}, for many answers. After damage, answers that were already given are skipped: their order must
   * always be the same.
   */
  *each<T>(question: (catalog: Catalog) => Iterable<T>): Generator<T> {
    let given = 0;
    try {
      for (const answer of this.#usingEach(question)) {
        given++;
        yield answer;
      }
      return;
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error;
      this.#giveUpOn(error);
    }
    let passed = 0;
    for (const answer of this.#usingEach(question)) if (passed++ >= given) yield answer;
  }

  /** Gives up a damaged catalog, or temporary files for lack of space. @throws fault if nothing helps against it */
  #giveUpOn(fault: CatalogFault): void {
    const { state, file } = this.#context;
    if (state.name === "in memory") throw fault;
    if (fault.trouble === "full" || fault.trouble === "unreadable") {
      if (!file.keepTempInMemory()) throw fault;
    } else state.distrust = `can't be used (${fault.message})`;
    state.close();
  }

  /** All snapshots, oldest first; read from the roots if there is no catalog on disk. */
  snapshots(): SnapshotInfo[] {
    if (this.#atHand() !== undefined) return this.query((catalog) => catalog.snapshots());
    const { origin, state, reportRoot: report } = this.#context;
    const options = { removesReplaced: state.isWriter, report };
    return readHeaders(origin, origin.listing.rootIds(), options).map(({ info }) => info);
  }

  /** As {@link snapshots}, each compared with its root if that can be read. */
  provenSnapshots(): SnapshotInfo[] {
    if (this.#atHand() === undefined) return this.snapshots();
    return this.query((catalog) => {
      const snapshots = catalog.snapshots();
      for (const snapshot of snapshots) this.#prove(snapshot);
      return snapshots;
    });
  }

  #prove(snapshot: SnapshotInfo): void {
    const { id, sequence } = snapshot;
    const root = unlessFault(() => this.#context.origin.manifests.readRoot(id), undefined);
    if (root === undefined || JSON.stringify({ ...infoOf(id, root), sequence }) === JSON.stringify(snapshot)) return;
    throw new CatalogFault(`it says something else of the snapshot ${shortId(id)} than its root`);
  }

  /** Contents that a check found damaged, as far as that is known without building a catalog. */
  knownDamaged(): ContentId[] {
    const { isWriter } = this.#context.state;
    return this.#atHand() === undefined && !isWriter ? [] : this.query((catalog) => catalog.damaged());
  }

  /** Changes what only the catalog knows. `action` may run twice. @throws CatalogFault if there is no room for it */
  updateLocalState(action: (catalog: Catalog) => void): void {
    if (this.#atHand() === undefined) return;
    try {
      this.#changer.changeOnce(action);
    } catch (error) {
      if (!(error instanceof CatalogFault || error instanceof DiskFault)) throw error;
      const { state } = this.#context;
      state.close();
      if (!isDamage(error)) throw error;
      state.distrust = `can't be changed (${error.message})`;
      action(this.current());
    }
  }

  /**
   * Records the results of a check, in the catalog and beside it.
   * @param items may be iterated several times
   * @param atMs time of the check, ms since 1970
   * @throws CatalogFault
   */
  recordVerified(items: Iterable<VerifiedItem>, atMs: number): void {
    this.updateLocalState((catalog) => catalog.recordVerified(items, atMs));
    this.#record((record, catalog) => record.add(items, atMs, catalog?.verifications));
  }

  /** Removes results of checks for contents that no snapshot refers to. */
  forgetVerifications(): void {
    let isLess = false;
    this.updateLocalState((catalog) => void (isLess = catalog.forgetVerifications() || isLess));
    if (isLess) this.#record((record, catalog) => catalog && record.rewrite(catalog.verifications));
  }

  /** Changes the record of verifications. A failure is only reported: nothing else depends on these dates. */
  #record(action: (record: VerificationRecord, catalog: Catalog | undefined) => void): void {
    const { file: { record }, origin } = this.#context;
    try {
      action(record, this.#atHand());
    } catch (error) {
      if (!(error instanceof CatalogFault || error instanceof DiskFault)) throw error;
      origin.monitor.notice(`Dates of verification are in the catalog alone: ${error.message}`);
    }
  }

  /** Replaces a catalog that has many empty pages by a copy without them. */
  compact(): void {
    if (this.#context.state.isWriter && this.#atHand() !== undefined) this.#changer.compact();
  }

  /** Notes that a root was written which the catalog doesn't record, because another will soon replace it. */
  markStale(): void {
    this.#context.state.fallBehind();
  }

  /**
   * Indexes a snapshot ahead of {@link add}, in a copy, if that is much work. This has no effect by itself; if it
   * fails, the work is left to `add`.
   */
  prepare(source: ManifestSource): void {
    if (this.#atHand() === undefined) return;
    try {
      this.#changer.prepare(source);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#maker.discard(); // on a full disk the root needs the space
    }
  }

  /** Discards what {@link prepare} has made. @returns false if there is nothing */
  discardPrepared(): boolean {
    return this.#changer.discardPrepared();
  }

  /** Adds a snapshot that has just been committed. */
  add(id: RootId): void {
    if (this.#atHand() === undefined) return;
    this.query((catalog) => {
      if (!catalog.knows(id)) this.#changer.add(id);
    });
    this.#context.state.catchUp();
  }

  /** Removes snapshots whose roots have just been removed. */
  remove(ids: readonly RootId[]): void {
    if (this.#atHand() === undefined) return;
    this.query((catalog) => {
      const known = ids.filter((id) => catalog.knows(id));
      if (known.length === 0) return;
      if (catalog.isRenumbered) this.rebuild();
      else this.#changer.remove(known);
    });
  }

  /** Records that a snapshot has another root now. */
  replace(former: RootId, id: RootId): void {
    if (this.#atHand() === undefined) return;
    this.query((catalog) => {
      if (!catalog.knows(former)) return;
      if (catalog.isRenumbered) this.rebuild();
      else this.#changer.replace(former, id);
    });
  }

  /** Rebuilds the catalog from `content/` alone. */
  rebuild(): Catalog {
    const { state } = this.#context;
    state.reset();
    return state.isWriter ? state.hold("open", this.#maker.rebuildFile()) : this.#maker.inMemory();
  }
}
