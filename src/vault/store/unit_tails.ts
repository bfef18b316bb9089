/** The descriptions at the ends of units: they replace `index/` if none of its objects is left. */
import type { Monitor } from "../../core/monitor.ts";
import type { IndexTables, KnownObject } from "../cache/index_tables.ts";
import { packUnit } from "../cache/packed_unit.ts";
import type { SealedObjects } from "./sealed_objects.ts";
import { readTail } from "./stored_units.ts";

/** Number of tails that are fetched at once. */
const TAILS_AT_ONCE = 8;

export class UnitTails {
  readonly #objects: SealedObjects;
  readonly #monitor: Pick<Monitor, "notice">;
  readonly #rows = new Map<string, KnownObject>();
  readonly #unreadable = new Set<string>();

  /** @param monitor receives a notice if units had to be read */
  constructor(objects: SealedObjects, monitor: Pick<Monitor, "notice">) {
    this.#objects = objects;
    this.#monitor = monitor;
  }

  /** Each unit as an object with one line, by the unit's name, which no object of `index/` has. */
  get rows(): ReadonlyMap<string, KnownObject> {
    return this.#rows;
  }

  clear(): void {
    this.#rows.clear();
  }

  /** Lists units, and reads the tails of new ones into the cache. @param isNeeded false: there are none */
  async take(isNeeded: boolean, tables: IndexTables): Promise<void> {
    const units = isNeeded ? await this.#objects.list("data") : new Map<string, number>();
    for (const unit of this.#rows.keys()) if (!units.has(unit)) this.#rows.delete(unit);
    const unread = [...units].filter(([unit]) => !this.#unreadable.has(unit) && !this.#recall(unit, tables));
    if (unread.length === 0) return;
    const next = unread.values();
    const takeNext = async () => {
      for (const [unit, size] of next) await this.#takeOne(unit, size, tables);
    };
    await Promise.all(Array.from({ length: TAILS_AT_ONCE }, takeNext));
    tables.flush();
    for (const [unit] of unread) this.#recall(unit, tables);
    const count = `${this.#rows.size} of its ${units.size} units`;
    this.#monitor.notice(`The vault has no index: what is in ${count} was read from the units themselves`);
  }

  #recall(unit: string, tables: IndexTables): boolean {
    const found = this.#rows.get(unit) ?? tables.find(unit);
    if (found !== undefined) this.#rows.set(unit, found);
    return found !== undefined;
  }

  /** Reads one tail. An unreadable one is skipped: what the unit held is then reported as missing. */
  async #takeOne(unit: string, size: number, tables: IndexTables): Promise<void> {
    const line = await readTail(this.#objects, unit, size), { id: vault } = this.#objects.access.config;
    if (line === undefined) return void this.#unreadable.add(unit);
    const written = new Date(0).toISOString();
    tables.stage(unit, { kind: "units", vault, host: "", written, supersedes: [], units: [packUnit(line)] });
  }
}
