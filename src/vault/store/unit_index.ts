/** Which unit holds which item: `index/` in memory, kept in step with the place. */
import { MissingObject } from "../../backend/faults.ts";
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type IndexObject, parseIndex } from "../index/index_object.ts";
import { isReliable, type JoinedUnit, joinIndex } from "../index/join.ts";
import type { UnitClass, UnitItem } from "../pack/items.ts";
import type { SealedObjects } from "./sealed_objects.ts";

/** One of the places where an item lies. */
export interface Home {
  readonly unit: JoinedUnit;
  readonly item: UnitItem;
}

export class UnitIndex {
  readonly #objects: SealedObjects;
  readonly #monitor: Pick<Monitor, "problem">;
  readonly #read = new Map<string, IndexObject>();
  /** Objects that can't be used: each is reported once. */
  readonly #unusable = new Set<string>();
  #units: Map<string, JoinedUnit> = new Map();
  #homes: Map<string, Home[]> = new Map();

  /** @param monitor is told of objects that can't be used */
  constructor(objects: SealedObjects, monitor: Pick<Monitor, "problem">) {
    this.#objects = objects;
    this.#monitor = monitor;
  }

  /** Units that may be read, by name. */
  get units(): ReadonlyMap<string, JoinedUnit> {
    return this.#units;
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
    const listed = await this.#objects.list("index");
    const gone = [...this.#read.keys()].filter((name) => !listed.has(name));
    for (const name of gone) this.#read.delete(name);
    const before = this.#read.size;
    for (const [name, size] of listed) if (!this.#read.has(name)) await this.#take(name, size);
    if (gone.length > 0 || this.#read.size > before) this.#join();
  }

  /** Takes up an object that was just stored. */
  add(name: string, object: IndexObject): void {
    this.#read.set(name, object);
    if (object.kind !== "units") return this.#join();
    for (const line of object.units) this.#addUnit({ ...line, state: "live", since: undefined });
  }

  async #take(name: string, size: number): Promise<void> {
    const what = `index/${name}`, { access: { config }, auth } = this.#objects;
    try {
      this.#read.set(name, parseIndex(await this.#objects.get("index", name, size), what, { vault: config.id, auth }));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (error instanceof MissingObject) return; // superseded and removed since it was listed
      if (!this.#unusable.has(name)) this.#monitor.problem(error);
      this.#unusable.add(name);
    }
  }

  #join(): void {
    const { units } = joinIndex(Array.from(this.#read, ([name, object]) => ({ name, object })));
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
