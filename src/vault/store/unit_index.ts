/** Finds the units that hold an item: `index/` in the cache, kept in step with the place. */
import { MissingObject } from "../../backend/faults.ts";
import { CatalogFault, type Trouble } from "../../catalog/faults.ts";
import type { Fault } from "../../core/fault.ts";
import { releaseMemory } from "../../core/garbage.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { IndexCache } from "../cache/index_cache.ts";
import type { KnownObject } from "../cache/index_tables.ts";
import type { PackedItems } from "../cache/packed_items.ts";
import { type PackedIndex, packIndex } from "../cache/packed_unit.ts";
import { isOfObject } from "../format/faults.ts";
import { type IndexHeader, type IndexObject, type LedgerLine, readIndex } from "../index/index_object.ts";
import { isReliable, type UnitFacts } from "../index/join.ts";
import type { UnitClass, UnitItem } from "../pack/items.ts";
import type { SealedObjects } from "./sealed_objects.ts";
import { type Home, UnitLookup } from "./unit_lookup.ts";
import { UnitTails } from "./unit_tails.ts";

/** Facts about an object of `index/`, without its lines. */
export interface IndexObjectFacts extends Pick<IndexHeader, "supersedes" | "written"> {
  readonly name: string;
  readonly kind: IndexObject["kind"];
}

/** Number of objects that are fetched at once. */
const OBJECTS_AT_ONCE = 2;

export class UnitIndex {
  readonly #objects: SealedObjects;
  readonly #cache: IndexCache;
  readonly #monitor: Pick<Monitor, "problem" | "notice">;
  /** Listed and readable objects. */
  readonly #known = new Map<string, KnownObject>();
  /** Unusable objects, with their faults; each is reported once. */
  readonly #unusable = new Map<string, Fault>();
  readonly #tails: UnitTails;
  #usesTails = true;
  #lookup: UnitLookup;
  /** True once the cache was checked for objects that are no longer listed. */
  #isTidy = false;
  /** True while the only listing is that of the opening. */
  #isJustOpened = false;

  /** @param monitor receives faults of unusable objects */
  constructor(objects: SealedObjects, cache: IndexCache, monitor: Pick<Monitor, "problem" | "notice">) {
    this.#objects = objects;
    this.#cache = cache;
    this.#monitor = monitor;
    this.#tails = new UnitTails(objects, monitor);
    this.#lookup = new UnitLookup(cache.tables);
  }

  /** Names of readable units in order: all that a line describes, and that aren't gone. */
  unitNames(): Iterable<string> {
    return this.#lookup.unitNames();
  }

  /** A unit; undefined if it isn't among {@link unitNames}. */
  unit(name: string): UnitFacts | undefined {
    return this.#lookup.unit(name);
  }

  /** Items of a unit in their order there; none if the unit is unknown. */
  itemsOf(unit: string): readonly UnitItem[] {
    return this.#lookup.itemsOf(unit);
  }

  /** Items of a unit, packed: of each line about it. */
  linesOf(unit: string): readonly PackedItems[] {
    return this.#lookup.linesOf(unit);
  }

  /** Number of items in a unit. */
  countOf(unit: string): number {
    return this.#lookup.countOf(unit);
  }

  /**
   * Calls `action` with the first 64 bits of the digest of each item of a unit, as two words; an item may come more than
   * once.
   */
  eachWords(unit: string, action: (first: number, second: number) => void): void {
    this.#lookup.eachWords(unit, action);
  }

  /** All listed and readable objects of `index/`, including superseded ones. */
  *objects(): Generator<IndexObjectFacts> {
    for (const { name, kind, supersedes, written } of this.#known.values()) yield { name, kind, supersedes, written };
  }

  /** Names of the units that an object describes; none for a ledger or an unknown object. */
  unitsIn(object: string): readonly string[] {
    const found = this.#known.get(object);
    return found === undefined ? [] : this.#cache.tables.unitsIn(found.row);
  }

  /** Listed but unusable objects, with their faults. With one of a newer version, nothing may be deleted. */
  get unusable(): ReadonlyMap<string, Fault> {
    return this.#unusable;
  }

  /** Marks of the ledgers in force, one line a unit, also for units that are gone or that no line describes. */
  marks(): Iterable<LedgerLine> {
    return this.#lookup.marks;
  }

  /** Homes of an item, reliable ones first. */
  homesOf(id: string, unitClass: UnitClass): readonly Home[] {
    return this.#lookup.homesOf(id, unitClass);
  }

  /** A home that a new snapshot may rely on; undefined if there is none. */
  reliableHome(id: string, unitClass: UnitClass): Home | undefined {
    return this.homesOf(id, unitClass).find(({ unit }) => isReliable(unit.state));
  }

  /** True if a new snapshot may rely on the unit's contents, as of the last {@link refresh}. */
  isReliable(unit: string): boolean {
    const found = this.unit(unit);
    return found !== undefined && isReliable(found.state);
  }

  /** Lists `index/`, drops what is gone, and reads what is new. */
  async refresh(): Promise<void> {
    this.#isJustOpened = !this.#isTidy;
    // A row that was met damaged may not be the only one.
    if (this.#cache.tables.isSuspect && !this.#isCacheSound()) this.#renew("damaged");
    for (;;) {
      try {
        return await this.#refresh();
      } catch (error) {
        if (!(error instanceof CatalogFault) || !this.#cache.isOnDisk) throw error;
        this.#renew(error.trouble);
      }
    }
  }

  /**
   * True once, if `index/` was read only when the vault was opened. A writer that begins then need not read it again:
   * what has changed since is found at the end of each snapshot, as all that changes later.
   */
  takeOpening(): boolean {
    const isJustOpened = this.#isJustOpened && this.#tails.rows.size === 0;
    this.#isJustOpened = false;
    return isJustOpened;
  }

  /** Verifies every row of the cache, and reads everything again if one is damaged. The vault itself is trusted. */
  async recheck(): Promise<void> {
    if (!this.#isCacheSound()) this.#renew("damaged");
    await this.refresh();
  }

  #isCacheSound(): boolean {
    try {
      return this.#cache.tables.isSound();
    } catch (error) {
      if (error instanceof CatalogFault) return false;
      throw error;
    }
  }

  /** From the next {@link refresh} on, only `index/` counts: writers and removals must rely on nothing else. */
  doWithoutTails(): void {
    this.#usesTails = false;
  }

  #renew(trouble: Trouble): void {
    this.#cache.renew(trouble);
    this.#tails.clear();
    this.#lookup = new UnitLookup(this.#cache.tables);
    this.#known.clear();
  }

  async #refresh(): Promise<void> {
    const before = new Set(this.#rows().keys()), missed = new Set<string>();
    while (!await this.#takeListed(missed));
    const isLost = this.#known.size + this.#unusable.size === 0;
    await this.#tails.take(this.#usesTails && isLost, this.#cache.tables);
    const now = this.#rows(), isSame = before.size === now.size && now.keys().every((name) => before.has(name));
    if (!isSame) this.#takeView();
    if (!this.#isTidy || before.keys().some((name) => !now.has(name))) this.#tidy();
  }

  /** All objects that count, by name. */
  #rows(): ReadonlyMap<string, KnownObject> {
    return this.#tails.rows.size === 0 ? this.#known : new Map([...this.#known, ...this.#tails.rows]);
  }

  /**
   * Takes over the present listing.
   * @param missed objects that were listed but don't exist; may grow
   * @returns false if it has grown: what replaced a superseded object may be newer than the listing
   */
  async #takeListed(missed: Set<string>): Promise<boolean> {
    // What is added while the place lists may not be in its answer.
    const before = [...this.#known.keys(), ...this.#unusable.keys()], listed = await this.#objects.list("index");
    const vanished = before.filter((name) => !listed.has(name));
    for (const known of [this.#known, this.#unusable]) vanished.forEach((name) => known.delete(name));
    const unread = [...listed].filter(([name]) => !missed.has(name) && !this.#recall(name)), gone = new Set<string>();
    const next = unread.values();
    const takeNext = async () => {
      for (const [name, size] of next) {
        if (gone.size > 0) return;
        if (!await this.#take(name, size)) gone.add(name);
      }
    };
    await Promise.all(Array.from({ length: OBJECTS_AT_ONCE }, takeNext));
    this.#cache.flush();
    for (const [name] of unread) this.#recall(name);
    for (const name of gone) missed.add(name);
    return gone.size === 0;
  }

  /** Takes an object from the cache. @returns false if it isn't there */
  #recall(name: string): boolean {
    if (this.#known.has(name)) return true;
    const found = this.#cache.tables.find(name);
    if (found !== undefined) this.#known.set(name, found);
    return found !== undefined;
  }

  /** Adds an object that was just stored. */
  add(name: string, object: IndexObject): void {
    this.addPacked(name, packIndex(object));
  }

  /** As {@link add}, with packed lines about units. */
  addPacked(name: string, object: PackedIndex): void {
    try {
      this.#cache.tables.stage(name, object);
      this.#cache.flush();
      this.#recall(name);
      this.#takeView();
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error; // the next refresh reads it, or does without a file
    }
  }

  /** Fetches an object. @returns false if it no longer exists */
  async #take(name: string, size: number): Promise<boolean> {
    const what = `index/${name}`, { access: { config }, auth } = this.#objects;
    try {
      const bytes = await this.#objects.get("index", name, size);
      this.#cache.tables.stage(name, packIndex(readIndex(bytes, what, { vault: config.id, auth })));
      releaseMemory(bytes);
      this.#unusable.delete(name);
    } catch (error) {
      if (error instanceof MissingObject) return false;
      if (!isOfObject(error) || error instanceof CatalogFault) throw error;
      if (!this.#unusable.has(name)) this.#monitor.problem(error);
      this.#unusable.set(name, error);
    }
    return true;
  }

  /**
   * Determines the objects in force. Names that superseded objects list count too: what was superseded once must not
   * come back.
   */
  #takeView(): void {
    const rows = [...this.#rows().values()], superseded = new Set(rows.flatMap(({ supersedes }) => supersedes));
    const inForce = rows.filter(({ name }) => !superseded.has(name));
    const ledgers = inForce.filter(({ kind }) => kind === "ledger").map(({ name }) => {
      const marks = this.#cache.tables.marksOf(name);
      // Without them a unit would seem to be reliable that isn't.
      if (marks === undefined) throw new CatalogFault(`its row of index/${name} is damaged`);
      return marks;
    });
    this.#lookup.takeView(new Map(inForce.map((object) => [object.row, object])), ledgers);
  }

  #tidy(): void {
    this.#isTidy = true;
    const rows = this.#rows();
    if (this.#cache.dropBut((name) => rows.has(name))) this.#lookup.forgetRows();
  }
}

export type { Home };
