/**
 * Keeps the catalog in step with `content/`, which is the truth. A catalog that is missing, damaged, of another storage
 * or doesn't know exactly the roots that are there is never used: it is brought up to date or rebuilt, in memory if
 * need be. Only who holds the writer lock, because there is something to write, changes the file.
 *
 * Its states in a run are drawn in catalog_state.ts; how it is opened, changed and made stands beside it.
 */
import type { Catalog } from "../../catalog/catalog.ts";
import { CatalogFile } from "../../catalog/catalog_file.ts";
import type { Temp } from "../../catalog/database.ts";
import type { VerificationRecord } from "../../catalog/verification_record.ts";
import { dated } from "../../catalog/verified_portions.ts";
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

  /** True if the catalog on the disk is open, and agrees with `content/`. */
  get isOnDisk(): boolean {
    return this.#context.state.isOnDisk;
  }

  /** Whether the writer lock is ours: only then is the file changed. */
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

  /** One that agrees with `content/`: opened, brought up to date or made as needed. */
  current(): Catalog {
    return this.#atHand() ?? this.#maker.inMemory();
  }

  /** The one at hand; else the one on the disk, if there is one that can be used, or can be made. */
  #atHand(): Catalog | undefined {
    const { state } = this.#context;
    return state.name === "closed" ? this.#opener.open() : state.catalog;
  }

  /** Runs an action on the catalog; one that turns out to be damaged is rebuilt first. `action` may run twice. */
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
    const { state, file } = this.#context;
    if (state.name === "in memory") throw fault;
    if (fault.trouble === "full" || fault.trouble === "unreadable") {
      if (!file.keepTempInMemory()) throw fault;
    } else state.distrust = `can't be used (${fault.message})`;
    state.close();
  }

  /** Oldest first; from the roots, if there is no catalog on the disk. */
  snapshots(): SnapshotInfo[] {
    if (this.#atHand() !== undefined) return this.query((catalog) => catalog.snapshots());
    const { origin, state, reportRoot: report } = this.#context;
    const options = { removesReplaced: state.isWriter, report };
    return readHeaders(origin, origin.listing.rootIds(), options).map(({ info }) => info);
  }

  /** The same, each compared with its root, if that can be read. */
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

  /** Contents that a check found damaged, as far as is known without making a catalog for it. */
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

  /** Notes what a check has found, in the catalog and beside it. @param items may be gone through several times @throws CatalogFault */
  recordVerified(items: Iterable<VerifiedItem>, atMs: number): void {
    this.updateLocalState((catalog) => catalog.recordVerified(items, atMs));
    this.#record((record, catalog) => record.add(dated(items, atMs), catalog?.verifications));
  }

  /** Forgets what checks have found of contents that no snapshot refers to. */
  forgetVerifications(): void {
    let isLess = false;
    this.updateLocalState((catalog) => void (isLess = catalog.forgetVerifications() || isLess));
    if (isLess) this.#record((record, catalog) => catalog && record.rewrite(catalog.verifications));
  }

  /** Nothing but memory of dates depends on it. */
  #record(action: (record: VerificationRecord, catalog: Catalog | undefined) => void): void {
    const { file: { record }, origin } = this.#context;
    try {
      action(record, this.#atHand());
    } catch (error) {
      if (!(error instanceof CatalogFault || error instanceof DiskFault)) throw error;
      origin.monitor.notice(`Dates of verification are in the catalog alone: ${error.message}`);
    }
  }

  /** Puts a copy without empty pages in the place of a catalog that has many. */
  compact(): void {
    if (this.#context.state.isWriter && this.#atHand() !== undefined) this.#changer.compact();
  }

  /** A root was written that the catalog doesn't record, because another will soon replace it. */
  markStale(): void {
    this.#context.state.fallBehind();
  }

  /**
   * Does beforehand, aside, what {@link add} will have to do for a snapshot that is about to be committed, if that is
   * much. It takes no effect by itself, and if it can't be done, that is left to `add`.
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

  /** Gives back the space of what {@link prepare} has made. @returns false if there is nothing */
  discardPrepared(): boolean {
    return this.#changer.discardPrepared();
  }

  /** Takes up a snapshot that has just been committed. */
  add(id: RootId): void {
    if (this.#atHand() === undefined) return;
    this.query((catalog) => {
      if (!catalog.knows(id)) this.#changer.add(id);
    });
    this.#context.state.catchUp();
  }

  /** Forgets snapshots whose roots have just been removed. */
  remove(ids: readonly RootId[]): void {
    if (this.#atHand() === undefined) return;
    this.query((catalog) => {
      const known = ids.filter((id) => catalog.knows(id));
      if (known.length === 0) return;
      if (catalog.isRenumbered) this.rebuild();
      else this.#changer.remove(known);
    });
  }

  /** A snapshot has another root now. */
  replace(former: RootId, id: RootId): void {
    if (this.#atHand() === undefined) return;
    this.query((catalog) => {
      if (!catalog.knows(former)) return;
      if (catalog.isRenumbered) this.rebuild();
      else this.#changer.replace(former, id);
    });
  }

  /** Makes it again from `content/` alone. */
  rebuild(): Catalog {
    const { state } = this.#context;
    state.reset();
    return state.isWriter ? state.hold("open", this.#maker.rebuildFile()) : this.#maker.inMemory();
  }
}
