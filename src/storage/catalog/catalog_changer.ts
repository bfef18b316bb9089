/**
 * Changes the open catalog: small changes in place, in one transaction that readers wait for; large ones in a copy,
 * which then replaces it. Readers therefore see one state or the other, on any file system, and never wait for long
 * work.
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

/**
 * Number of entries to compare up to which a change is made in place: more may change more pages than memory should
 * hold for one commit.
 */
const FEW_ENTRIES = 20_000;
/**
 * Number of entries of removed snapshots up to which a change is made in place. Mostly, few of them belong to one
 * snapshot alone.
 */
const MANY_ENTRIES = 1_500_000;

export class CatalogChanger {
  readonly #context: CatalogContext;
  readonly #maker: CatalogMaker;
  /** Snapshot that is indexed in the prepared, not yet published catalog file. */
  #prepared: RootId | undefined;

  constructor(context: CatalogContext, maker: CatalogMaker) {
    this.#context = context;
    this.#maker = maker;
  }

  /** Indexes the snapshot in a copy, ahead of {@link add}, if that is much work. @throws Fault */
  prepare(source: ManifestSource): void {
    const { state, file } = this.#context;
    this.#prepared = undefined;
    const { previous, isLarge } = this.#comparisonOf(source);
    if (!isLarge || !state.isOnDisk) return;
    file.prepare(this.#startOfCopy(), (catalog) => catalog.apply(source, previous));
    this.#prepared = source.id;
  }

  /** Discards what {@link prepare} has made. @returns false if there is nothing */
  discardPrepared(): boolean {
    if (this.#prepared === undefined) return false;
    this.#prepared = undefined;
    this.#maker.discard();
    return true;
  }

  /** Adds a snapshot that the catalog doesn't know, from the prepared copy if there is one. */
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

  /** The snapshot to compare a new one with, and whether that may change much. */
  #comparisonOf(source: ManifestSource): { previous: ManifestSource | undefined; isLarge: boolean } {
    const { state, origin } = this.#context;
    const known = previousOf(source, state.opened.snapshots());
    const previous = known && withSequence(origin.manifestSource(known.id), known.sequence);
    return { previous, isLarge: entriesToCompare(previous?.root, source.root) > FEW_ENTRIES };
  }

  /** Removes snapshots. @param known ids of snapshots that the catalog has */
  remove(known: readonly RootId[]): void {
    this.#change((catalog) => catalog.remove(known), this.#isMuch(known));
  }

  /** True if removing these snapshots may change many pages. */
  #isMuch(ids: readonly RootId[]): boolean {
    const removed = new Set<string>(ids);
    const entries = this.#context.state.opened.snapshots().filter(({ id }) => removed.has(id))
      .map(({ entries }) => entries);
    return entries.reduce((sum, count) => sum + count, 0) > MANY_ENTRIES;
  }

  /** Records that a snapshot has another root now. */
  replace(former: RootId, id: RootId): void {
    const { manifests } = this.#context.origin;
    this.#change((catalog) => catalog.replaceRoot(former, id, manifests.readRoot(id)), false);
  }

  /** Replaces a catalog that has many empty pages by a copy without them. */
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
   * Changes the catalog, in a copy if much changes or a reader is in the way. If neither works (full disk, damaged
   * hunk), it is rebuilt: `content/` has the change already.
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

  /**
   * Changes the catalog in place if that is possible and the change is not too large, else in a copy. @throws
   * CatalogFault, DiskFault
   */
  changeOnce(action: (catalog: Catalog) => void, isLarge = false): void {
    if (isLarge || !this.#changeInPlace(action)) this.#changeCopy(action);
  }

  /** @returns false if the database can't be changed now; nothing was done then */
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

/** The state that the changed copy of a file is in: that of the file. */
function nameOnDisk({ name }: CatalogContext["state"]): "open" | "behind" {
  return name === "behind" ? "behind" : "open";
}
