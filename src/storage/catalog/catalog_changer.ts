/**
 * Changing the catalog that is open: in place if little changes, in one transaction that readers wait for; else a copy,
 * which then takes its place. So readers see one state or another, on any file system, and wait for nobody.
 */
import type { Catalog } from "../../catalog/catalog.ts";
import { CatalogFault } from "../../catalog/faults.ts";
import { entriesToCompare } from "../../catalog/index_snapshots.ts";
import { previousOf, withSequence } from "../../catalog/snapshot_order.ts";
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { DiskFault } from "../../platform/disk.ts";
import type { ManifestSource } from "../../snapshot/manifest.ts";
import { type CatalogContext, isDamage } from "./catalog_context.ts";
import type { CatalogMaker } from "./catalog_maker.ts";

/** Comparing more entries than that may change more pages than should be kept in memory for one commit. */
const FEW_ENTRIES = 20_000;
/** The same of taking out snapshots with that many entries: mostly, few of them are their own. */
const MANY_ENTRIES = 1_500_000;

export class CatalogChanger {
  readonly #context: CatalogContext;
  readonly #maker: CatalogMaker;
  /** Snapshot already indexed in the prepared, not yet published, catalog file. */
  #prepared: RootId | undefined;

  constructor(context: CatalogContext, maker: CatalogMaker) {
    this.#context = context;
    this.#maker = maker;
  }

  /** Does aside what {@link add} will have to do for this snapshot, if that is much. @throws Fault */
  prepare(source: ManifestSource): void {
    const { state, file } = this.#context;
    this.#prepared = undefined;
    const { previous, isLarge } = this.#comparisonOf(source);
    if (!isLarge || !state.isOnDisk) return;
    file.prepare(this.#startOfCopy(), (catalog) => catalog.apply(source, previous));
    this.#prepared = source.id;
  }

  /** Gives back the space of what {@link prepare} has made. @returns false if there is nothing */
  discardPrepared(): boolean {
    if (this.#prepared === undefined) return false;
    this.#prepared = undefined;
    this.#maker.discard();
    return true;
  }

  /** Takes up a snapshot that it doesn't know, by what was prepared for it if there is that. */
  add(id: RootId): void {
    if (this.#prepared === id) this.#orRenew(() => this.#publishPrepared());
    else this.apply(this.#context.origin.manifestSource(id));
  }

  #publishPrepared(): void {
    const { state } = this.#context;
    this.#prepared = undefined;
    state.close();
    state.hold("behind", this.#maker.publish());
  }

  apply(source: ManifestSource): void {
    const { previous, isLarge } = this.#comparisonOf(source);
    this.#change((catalog) => catalog.apply(source, previous), isLarge);
  }

  /** What a snapshot is compared with to take it up, and whether that may change much. */
  #comparisonOf(source: ManifestSource): { previous: ManifestSource | undefined; isLarge: boolean } {
    const { state, origin } = this.#context;
    const known = previousOf(source, state.opened.snapshots());
    const previous = known && withSequence(origin.manifestSource(known.id), known.sequence);
    return { previous, isLarge: entriesToCompare(previous?.root, source.root) > FEW_ENTRIES };
  }

  /** @param known ids of snapshots that it knows */
  remove(known: readonly RootId[]): void {
    this.#change((catalog) => catalog.remove(known), this.#isMuch(known));
  }

  /** Whether taking out these snapshots may change many pages. */
  #isMuch(ids: readonly RootId[]): boolean {
    const removed = new Set<string>(ids);
    const entries = this.#context.state.opened.snapshots().filter(({ id }) => removed.has(id))
      .map(({ entries }) => entries);
    return entries.reduce((sum, count) => sum + count, 0) > MANY_ENTRIES;
  }

  /** A snapshot has another root now. */
  replace(former: RootId, id: RootId): void {
    const { manifests } = this.#context.origin;
    this.#change((catalog) => catalog.replaceRoot(former, id, manifests.readRoot(id)), false);
  }

  /** Puts a copy without empty pages in the place of a catalog that has many. */
  compact(): void {
    const { state, file } = this.#context;
    if (!state.isOnDisk) return;
    const { opened } = state, name = nameOnDisk(state);
    try {
      if (!opened.isMostlyEmpty) return;
      file.prepareCompact(opened);
      state.close();
      state.hold(name, this.#maker.publish());
    } catch (error) {
      if (!(error instanceof CatalogFault || error instanceof DiskFault)) throw error;
      this.#maker.discard(); // it is as good as it was
    }
  }

  /**
   * Changes the catalog: in place, or by way of a copy if much changes or a reader is in the way. Should neither work
   * (a full disk, a damaged hunk), it is rebuilt: `content/` holds the change already.
   */
  #change(action: (catalog: Catalog) => void, isLarge: boolean): void {
    this.#orRenew(() => this.changeOnce(action, isLarge));
  }

  #orRenew(change: () => void): void {
    const { state } = this.#context;
    try {
      change();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      state.close();
      const why = `can't be brought up to date (${error.message})`;
      state.holdFile(isDamage(error) ? this.#maker.renew(why) : this.#maker.doWithout(why));
    }
  }

  /** In place if that is possible and not too large, else by way of a copy. @throws CatalogFault, DiskFault */
  changeOnce(action: (catalog: Catalog) => void, isLarge = false): void {
    if (isLarge || !this.#changeInPlace(action)) this.#changeCopy(action);
  }

  /** False if the database can't be changed now; nothing was done then. */
  #changeInPlace(action: (catalog: Catalog) => void): boolean {
    const { state } = this.#context;
    try {
      action(state.opened);
      return true;
    } catch (error) {
      if (error instanceof CatalogFault && error.trouble !== "full" && state.isOnDisk) return false;
      throw error;
    }
  }

  #changeCopy(action: (catalog: Catalog) => void): void {
    const { state } = this.#context;
    if (!state.isOnDisk) return action(state.opened);
    const start = this.#startOfCopy(), name = nameOnDisk(state);
    state.close();
    state.hold(name, this.#maker.replaceFile(start, action));
  }

  #startOfCopy(): "new" | "copy" {
    return this.#context.state.opened.generation().length === 0 ? "new" : "copy";
  }
}

/** Whether a file is behind is the same of its changed copy. */
function nameOnDisk({ name }: CatalogContext["state"]): "open" | "behind" {
  return name === "behind" ? "behind" : "open";
}
