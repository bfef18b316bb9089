/** Which unit holds which item: `index/` in memory, kept in step with the place. */
import { MissingObject } from "../../backend/faults.ts";
import type { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { isOfObject } from "../format/faults.ts";
import { type IndexHeader, type IndexObject, type LedgerLine, parseIndex } from "../index/index_object.ts";
import { isReliable, type JoinedUnit, joinIndex, type UnitFacts } from "../index/join.ts";
import type { UnitClass, UnitItem } from "../pack/items.ts";
import type { SealedObjects } from "./sealed_objects.ts";

/** One of the places where an item lies. */
export interface Home {
  readonly unit: UnitFacts;
  readonly item: UnitItem;
}

/** An object of `index/`, without what it says of units. */
export interface IndexObjectFacts extends Pick<IndexHeader, "supersedes" | "written"> {
  readonly name: string;
  readonly kind: IndexObject["kind"];
}

export class UnitIndex {
  readonly #objects: SealedObjects;
  readonly #monitor: Pick<Monitor, "problem">;
  readonly #read = new Map<string, IndexObject>();
  /** Objects that can't be used, and why: each is reported once. */
  readonly #unusable = new Map<string, Fault>();
  #units: Map<string, JoinedUnit> = new Map();
  #homes: Map<string, Home[]> = new Map();
  #marks: ReadonlyMap<string, LedgerLine> = new Map();

  /** @param monitor is told of objects that can't be used */
  constructor(objects: SealedObjects, monitor: Pick<Monitor, "problem">) {
    this.#objects = objects;
    this.#monitor = monitor;
  }

  /** Of units that may be read: all that a line describes, and that aren't gone. */
  unitNames(): Iterable<string> {
    return this.#units.keys();
  }

  /** Undefined if it isn't among {@link unitNames}. */
  unit(name: string): UnitFacts | undefined {
    return this.#units.get(name);
  }

  /** In the order in which they lie there; nothing of a unit that isn't known. */
  itemsOf(unit: string): readonly UnitItem[] {
    return this.#units.get(unit)?.items ?? [];
  }

  /** All objects of `index/` that are listed and could be read, superseded ones among them. */
  *objects(): Generator<IndexObjectFacts> {
    for (const [name, { kind, supersedes, written }] of this.#read) yield { name, kind, supersedes, written };
  }

  /** Names of the units that an object has lines of: none if it is a ledger, or isn't among {@link objects}. */
  unitsIn(object: string): readonly string[] {
    const found = this.#read.get(object);
    return found?.kind === "units" ? found.units.map(({ unit }) => unit) : [];
  }

  /** Objects that are listed and can't be used, and why. Whoever meets one of a newer version must delete nothing. */
  get unusable(): ReadonlyMap<string, Fault> {
    return this.#unusable;
  }

  /** What the ledgers in force say, one line a unit: also of units that are gone, and of those that no line describes. */
  marks(): Iterable<LedgerLine> {
    return this.#marks.values();
  }

  /** Ids of all items, each once. */
  ids(): Iterable<string> {
    return this.#homes.keys();
  }

  /** Where an item lies, places that may be relied on first. */
  homesOf(id: string, unitClass: UnitClass): readonly Home[] {
    return this.#homes.get(id)?.filter(({ unit }) => unit.unitClass === unitClass) ?? [];
  }

  /** A place that a new snapshot may rely on. */
  reliableHome(id: string, unitClass: UnitClass): Home | undefined {
    return this.homesOf(id, unitClass).find(({ unit }) => isReliable(unit.state));
  }

  /** True if a new snapshot may rely on what lies in the unit, as of the last {@link refresh}. */
  isReliable(unit: string): boolean {
    const found = this.#units.get(unit);
    return found !== undefined && isReliable(found.state);
  }

  /** Lists `index/`, forgets what is gone, and reads what is new. */
  async refresh(): Promise<void> {
    const before = new Set(this.#read.keys()), missed = new Set<string>();
    while (!await this.#takeListed(missed));
    if (before.size !== this.#read.size || !this.#read.keys().every((name) => before.has(name))) this.#join();
  }

  /**
   * @param missed objects that were listed but not there; grows
   * @returns false if it has grown: what took the place of a superseded object may be younger than the list
   */
  async #takeListed(missed: Set<string>): Promise<boolean> {
    const listed = await this.#objects.list("index");
    for (const known of [this.#read, this.#unusable]) {
      for (const name of known.keys()) if (!listed.has(name)) known.delete(name);
    }
    for (const [name, size] of listed) {
      if (this.#read.has(name) || missed.has(name) || await this.#take(name, size)) continue;
      missed.add(name);
      return false;
    }
    return true;
  }

  /** Takes up an object that was just stored. */
  add(name: string, object: IndexObject): void {
    this.#read.set(name, object);
    if (object.kind !== "units") return this.#join();
    for (const line of object.units) this.#addUnit({ ...line, state: "live", since: undefined });
  }

  /** @returns false if it is not there any more */
  async #take(name: string, size: number): Promise<boolean> {
    const what = `index/${name}`, { access: { config }, auth } = this.#objects;
    try {
      this.#read.set(name, parseIndex(await this.#objects.get("index", name, size), what, { vault: config.id, auth }));
    } catch (error) {
      if (error instanceof MissingObject) return false;
      if (!isOfObject(error)) throw error;
      if (!this.#unusable.has(name)) this.#monitor.problem(error);
      this.#unusable.set(name, error);
    }
    return true;
  }

  #join(): void {
    const { units, marks } = joinIndex(Array.from(this.#read, ([name, object]) => ({ name, object })));
    this.#marks = marks;
    this.#units = new Map();
    this.#homes = new Map();
    for (const unit of units.values()) this.#addUnit(unit);
  }

  #addUnit(unit: JoinedUnit): void {
    this.#units.set(unit.unit, unit);
    for (const item of unit.items) {
      const homes = this.#homes.get(item.id), home = { unit, item };
      if (homes === undefined) this.#homes.set(item.id, [home]);
      else if (isReliable(unit.state)) homes.unshift(home);
      else homes.push(home);
    }
  }
}
