/**
 * Looks up units and items in the cache, as the objects of `index/` in force describe them, without holding them in
 * memory.
 */
import { Buffer } from "node:buffer";
import { ItemFilter } from "../cache/item_filter.ts";
import type { IndexTables, KnownObject, StoredLine } from "../cache/index_tables.ts";
import { unpackFacts } from "../cache/packed_facts.ts";
import { keyOf, type PackedItems } from "../cache/packed_items.ts";
import { Marks } from "../cache/packed_marks.ts";
import { WeightedCache } from "../cache/weighted_cache.ts";
import { isBefore, isReliable, joinItems, type UnitFacts } from "../index/join.ts";
import type { UnitClass, UnitItem } from "../pack/items.ts";

/** A home of an item: a unit that holds it, and the item's place there. */
export interface Home {
  readonly unit: UnitFacts;
  readonly item: UnitItem;
}

interface KnownUnit {
  readonly facts: UnitFacts;
  readonly lines: readonly StoredLine[];
}

/** Most bytes, approximately, of lines and units that were used last. */
const MOST_HELD_BYTES = 8 * 1024 * 1024;
const UNIT_BYTES = 300, FRAME_BYTES = 100;
/** Number of failed look-ups, and share of the items, from which a filter pays. */
const MANY_MISSES = 500, MISSES_PER_ITEM = 0.02;

export class UnitLookup {
  readonly #tables: IndexTables;
  #inForce: ReadonlyMap<number, KnownObject> = new Map();
  #marks = new Marks([]);
  readonly #units = new WeightedCache<string, KnownUnit>(MOST_HELD_BYTES);
  readonly #lines = new WeightedCache<number, StoredLine & { readonly items: PackedItems }>(MOST_HELD_BYTES);
  #filter: ItemFilter | undefined;
  #misses = 0;
  #items = 0;

  constructor(tables: IndexTables) {
    this.#tables = tables;
  }

  /**
   * Changes to other objects. @param inForce objects that count, by row @param ledgers the ledgers among them, packed
   */
  takeView(inForce: ReadonlyMap<number, KnownObject>, ledgers: readonly Uint8Array<ArrayBuffer>[]): void {
    const fresh = [...inForce.values()].filter(({ row }) => !this.#inForce.has(row));
    this.#inForce = inForce;
    this.#items = inForce.values().reduce((sum, { items }) => sum + items, 0);
    this.#marks = new Marks(ledgers);
    this.#units.clear();
    if (this.#filter !== undefined) this.#addToFilter(this.#filter, fresh);
  }

  /** Drops cached rows: they may have got other meanings. */
  forgetRows(): void {
    this.#lines.clear();
    this.#units.clear();
  }

  get marks(): Marks {
    return this.#marks;
  }

  /** Names of units in order, except those that are gone or have contradictory lines. */
  *unitNames(): Generator<string> {
    for (let names = this.#tables.unitsAfter(""); names.length > 0; names = this.#tables.unitsAfter(names.at(-1)!)) {
      for (const name of names) if (this.unit(name) !== undefined) yield name;
    }
  }

  unit(name: string): UnitFacts | undefined {
    return this.#unit(name)?.facts;
  }

  #unit(name: string): KnownUnit | undefined {
    const held = this.#units.get(name);
    if (held !== undefined) return held;
    const unit = this.#join(name);
    if (unit !== undefined) this.#units.set(name, unit, UNIT_BYTES + unit.facts.frames.length * FRAME_BYTES);
    return unit;
  }

  #join(name: string): KnownUnit | undefined {
    const mark = this.#marks.find(name);
    if (mark?.mark === "gone") return undefined;
    const lines = this.#tables.linesOf(name, this.#nameOf), [first, ...others] = lines;
    if (first === undefined || !others.every(({ facts }) => Buffer.compare(facts, first.facts) === 0)) return undefined;
    const facts = { unit: name, ...unpackFacts(first.facts), state: mark?.mark ?? "live", since: mark?.since } as const;
    return { facts, lines: lines.map(({ row, object, unit }) => ({ row, object, unit })) };
  }

  readonly #nameOf = (object: number): string | undefined => this.#inForce.get(object)?.name;

  itemsOf(unit: string): readonly UnitItem[] {
    const lines = this.#unit(unit)?.lines ?? [], items = [...this.#itemsOf(lines)];
    // Those of a line come by their ids.
    const areDifferent = lines.length === 1 && items.every(({ id }, i) => i === 0 || id !== items[i - 1]?.id);
    return areDifferent ? items.sort((a, b) => isBefore(a, b) ? -1 : 1) : joinItems(items);
  }

  /** As {@link UnitIndex.linesOf}. */
  linesOf(unit: string): readonly PackedItems[] {
    return (this.#unit(unit)?.lines ?? []).flatMap(({ row }) => this.#line(row)?.items ?? []);
  }

  /** Number of items in a unit. */
  countOf(unit: string): number {
    const [line, ...others] = this.#unit(unit)?.lines ?? [];
    if (others.length > 0) return this.itemsOf(unit).length;
    return line === undefined ? 0 : this.#line(line.row)?.items.count ?? 0;
  }

  /**
   * Calls `action` with the first 64 bits of each item's digest, as two words; an item may come more than once.
   */
  eachWords(unit: string, action: (first: number, second: number) => void): void {
    for (const { row } of this.#unit(unit)?.lines ?? []) this.#line(row)?.items.eachWords(action);
  }

  *#itemsOf(lines: readonly StoredLine[]): Generator<UnitItem> {
    for (const { row } of lines) yield* this.#line(row)?.items.items() ?? [];
  }

  #line(row: number): StoredLine & { readonly items: PackedItems } | undefined {
    const held = this.#lines.get(row);
    if (held !== undefined) return this.#inForce.has(held.object) ? held : undefined;
    const line = this.#tables.lineAt(row, this.#nameOf);
    if (line !== undefined) this.#lines.set(row, line, line.items.weight);
    return line;
  }

  /** Homes of an item: reliable ones first, then by the units' names. */
  homesOf(id: string, unitClass: UnitClass): readonly Home[] {
    if (this.#filter?.lacks(...wordsOf(id)) === true) return [];
    const found = new Map<string, UnitItem[]>();
    for (const row of this.#tables.rowsWith(keyOf(id))) {
      const line = this.#line(row), items = line?.items.find(id) ?? [];
      if (line !== undefined && items.length > 0) found.set(line.unit, [...found.get(line.unit) ?? [], ...items]);
    }
    if (found.size === 0) this.#noteMiss();
    const homes = [...found].flatMap(([name, items]) => {
      const unit = this.unit(name);
      return unit?.unitClass === unitClass ? joinItems(items).map((item) => ({ unit, item })) : [];
    });
    return homes.length < 2 ? homes : homes.sort((a, b) => rankOf(a) < rankOf(b) ? -1 : 1);
  }

  #noteMiss(): void {
    if (this.#filter !== undefined || ++this.#misses < MANY_MISSES + this.#items * MISSES_PER_ITEM) return;
    this.#filter = new ItemFilter(this.#items);
    this.#addToFilter(this.#filter, [...this.#inForce.values()]);
  }

  #addToFilter(filter: ItemFilter, objects: readonly KnownObject[]): void {
    const add = (first: number, second: number) => filter.add(first, second);
    for (const object of objects) {
      for (const row of this.#tables.rowsOf(object.row)) this.#tables.lineAt(row, this.#nameOf)?.items.eachWords(add);
    }
    if (filter.isFull) [this.#filter, this.#misses] = [undefined, 0];
  }
}

function wordsOf(id: string): [number, number] {
  return [parseInt(id.slice(0, 8), 16), parseInt(id.slice(8, 16), 16)];
}

function rankOf({ unit, item }: Home): string {
  return `${isReliable(unit.state) ? 0 : 1} ${unit.unit} ${item.frame} ${item.at}`;
}
