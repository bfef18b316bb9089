/**
 * The objects of `index/` as tables. The rows of one object are written together and never change, because objects
 * don't either. Which objects count is not stored: it follows from the current listing. Several programs may therefore
 * share one cache, and add what they have read.
 */
import { Buffer } from "node:buffer";
import type { Database } from "../../catalog/database.ts";
import type { IndexHeader, IndexObject } from "../index/index_object.ts";
import { ItemSums } from "./item_sums.ts";
import { PackedItems } from "./packed_items.ts";
import { packMarks } from "./packed_marks.ts";
import type { PackedIndex, PackedUnit } from "./packed_unit.ts";
import type { RowSeal } from "./row_seal.ts";

/** Approximate number of items written at once: many, because they are sorted by key then. */
const MOST_STAGED = 100_000;
const NAMES_AT_ONCE = 500;
const ROWS_AT_ONCE = 64;

/** An object that is in the cache. */
export interface KnownObject extends Pick<IndexHeader, "supersedes" | "written"> {
  readonly name: string;
  readonly row: number;
  readonly kind: IndexObject["kind"];
  /** Number of units that it describes, and of their items. */
  readonly lines: number;
  readonly items: number;
}

/** An object's line about one unit. */
export interface StoredLine {
  readonly row: number;
  /** Row of the object. */
  readonly object: number;
  readonly unit: string;
}

/** Name of the object in a row; undefined if it doesn't count. */
export type NameOf = (object: number) => string | undefined;

interface StagedLine {
  readonly unit: string;
  readonly facts: Uint8Array<ArrayBuffer>;
  readonly items: Uint8Array<ArrayBuffer>;
  readonly keys: Float64Array<ArrayBuffer>;
}

interface StagedObject {
  readonly name: string;
  readonly facts: Uint8Array<ArrayBuffer>;
  readonly marks: Uint8Array<ArrayBuffer> | null;
  readonly lines: readonly StagedLine[];
}

export class IndexTables {
  readonly #database: Database;
  readonly #seal: RowSeal;
  #staged: StagedObject[] = [];
  #stagedItems = 0;
  #isSuspect = false;

  constructor(database: Database, seal: RowSeal) {
    this.#database = database;
    this.#seal = seal;
  }

  /** True once a row was found that is not as it was written. */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** An object by name; undefined if it is missing or damaged. */
  find(name: string): KnownObject | undefined {
    const row = this.#database.get("SELECT id, facts FROM object WHERE name = ?", bytesOf(name));
    const facts = row && this.#open(`object ${name}`, row["facts"]);
    return facts && { name, row: Number(row["id"]), ...JSON.parse(new TextDecoder().decode(facts)) };
  }

  /** Packed ledger lines of an object; undefined if they are damaged. */
  marksOf(name: string): Uint8Array<ArrayBuffer> | undefined {
    const row = this.#database.get("SELECT marks FROM object WHERE name = ?", bytesOf(name));
    return row && this.#open(`marks ${name}`, row["marks"]);
  }

  #open(about: string, sealed: unknown): Uint8Array<ArrayBuffer> | undefined {
    const bytes = this.#seal.open(about, sealed);
    this.#isSuspect ||= bytes === undefined;
    return bytes;
  }

  /**
   * Stages an object; it need not be in the tables before {@link flush}.
   * @throws CatalogFault, and what taking a line of the object throws: nothing of it is staged then
   */
  stage(name: string, object: PackedIndex): void {
    const { kind, supersedes, written } = object, lines: StagedLine[] = [];
    if (object.kind === "units") { for (const line of object.units) lines.push(this.#stagedLine(name, line)); }
    const items = lines.reduce((sum, { keys }) => sum + keys.length, 0);
    const facts = new TextEncoder().encode(JSON.stringify({ kind, supersedes, written, lines: lines.length, items }));
    const marks = object.kind === "ledger" ? this.#seal.seal(`marks ${name}`, packMarks(object.marks)) : null;
    this.#staged.push({ name, facts: this.#seal.seal(`object ${name}`, facts), marks, lines });
    this.#stagedItems += items;
    if (this.#stagedItems >= MOST_STAGED) this.flush();
  }

  #stagedLine(object: string, { unit, facts, items }: PackedUnit): StagedLine {
    const about = `${object} ${unit}`;
    return {
      unit,
      facts: this.#seal.seal(`facts ${about}`, facts),
      items: this.#seal.seal(`items ${about}`, items),
      keys: Float64Array.from(new PackedItems(items).keys()),
    };
  }

  /**
   * Writes staged objects. @returns whether there were any @throws CatalogFault; the staged objects are dropped then
   */
  flush(): boolean {
    const staged = this.#staged;
    this.#staged = [];
    this.#stagedItems = 0;
    if (staged.length > 0) this.#database.transaction(() => this.#put(staged));
    return staged.length > 0;
  }

  #put(staged: readonly StagedObject[]): void {
    const keys: number[] = [], lines: number[] = [];
    for (const object of staged) {
      // Somebody else may have been first. What is damaged is made good.
      if (this.find(object.name) !== undefined) continue;
      this.#drop(object.name);
      this.#putObject(object, (ofLine, line) => {
        for (const key of ofLine) {
          keys.push(key);
          lines.push(line);
        }
      });
    }
    const order = Uint32Array.from(keys.keys()).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
    this.#putItems(order.length, (at) => [keys[order[at] ?? 0] ?? 0, lines[order[at] ?? 0] ?? 0]);
  }

  /** Many by one statement: each costs more than the rows. @param rowAt the key, and the row of its line */
  #putItems(rows: number, rowAt: (at: number) => [key: number, line: number]): void {
    for (let at = 0; at < rows;) {
      const count = rows - at < ROWS_AT_ONCE ? 1 : ROWS_AT_ONCE, places = Array(count).fill("(?, ?)").join(", ");
      const values = Array.from({ length: count }, (_, i) => rowAt(at + i)).flat();
      this.#database.run(`INSERT OR IGNORE INTO item VALUES ${places}`, ...values);
      at += count;
    }
  }

  #putObject({ name, facts, marks, lines }: StagedObject, take: (keys: Float64Array, line: number) => void): void {
    const insertObject = "INSERT INTO object (name, facts, marks) VALUES (?, ?, ?)";
    const insertLine = "INSERT INTO line (object, unit, facts, items) VALUES (?, ?, ?, ?)";
    const object = this.#database.insert(insertObject, bytesOf(name), facts, marks);
    for (const { unit, facts, items, keys } of lines) {
      const line = this.#database.insert(insertLine, object, bytesOf(unit), facts, items);
      take(keys, line);
    }
  }

  /** Removes all other objects with all of their rows. */
  dropBut(isListed: (name: string) => boolean): void {
    const unlisted = this.names().filter((name) => !isListed(name));
    if (unlisted.length === 0) return;
    this.#database.transaction(() => {
      for (const name of unlisted) this.#drop(name);
    });
  }

  #drop(name: string): void {
    const row = this.#database.get("SELECT id FROM object WHERE name = ?", bytesOf(name));
    if (row === undefined) return;
    const object = Number(row["id"]);
    for (const line of this.rowsOf(object)) {
      // Keys that stay behind point at nothing, or at what isn't sought: both is seen.
      const keys = this.lineAt(line, (row) => row === object ? name : undefined)?.items.keys() ?? [];
      for (const key of keys) this.#database.run("DELETE FROM item WHERE key = ? AND line = ?", key, line);
    }
    this.#database.run("DELETE FROM line WHERE object = ?", object);
    this.#database.run("DELETE FROM object WHERE id = ?", object);
  }

  /** Names of all objects in the tables, damaged or not. */
  names(): string[] {
    return this.#database.all("SELECT name FROM object").map(({ name }) => hexOf(name));
  }

  /** Rows of the lines of an object. */
  rowsOf(object: number): number[] {
    return this.#database.all("SELECT id FROM line WHERE object = ? ORDER BY id", object).map(({ id }) => Number(id));
  }

  /** Names of the units that an object describes. */
  unitsIn(object: number): string[] {
    return this.#database.all("SELECT unit FROM line WHERE object = ? ORDER BY id", object).map(({ unit }) =>
      hexOf(unit)
    );
  }

  /** The next names of units after `name`, in order. */
  unitsAfter(name: string): string[] {
    const sql = "SELECT DISTINCT unit FROM line WHERE unit > ? ORDER BY unit LIMIT ?";
    return this.#database.all(sql, bytesOf(name), NAMES_AT_ONCE).map(({ unit }) => hexOf(unit));
  }

  /** Packed facts about a unit, from the lines of objects that count. */
  linesOf(unit: string, nameOf: NameOf): (StoredLine & { readonly facts: Uint8Array<ArrayBuffer> })[] {
    const rows = this.#database.all("SELECT id, object, facts FROM line WHERE unit = ?", bytesOf(unit));
    return rows.flatMap((row) => {
      const object = Number(row["object"]), name = nameOf(object);
      const facts = name === undefined ? undefined : this.#open(`facts ${name} ${unit}`, row["facts"]);
      return facts === undefined ? [] : [{ row: Number(row["id"]), object, unit, facts }];
    });
  }

  /** A line with its items; undefined if its object doesn't count or the line is damaged. */
  lineAt(row: number, nameOf: NameOf): StoredLine & { readonly items: PackedItems } | undefined {
    const found = this.#database.get("SELECT object, unit, items FROM line WHERE id = ?", row);
    if (found === undefined) return undefined;
    const object = Number(found["object"]), name = nameOf(object), unit = hexOf(found["unit"]);
    const bytes = name === undefined ? undefined : this.#open(`items ${name} ${unit}`, found["items"]);
    return bytes && { row, object, unit, items: new PackedItems(bytes) };
  }

  /** Rows of lines that have an item whose id begins with this key. */
  rowsWith(key: number): number[] {
    return this.#database.all("SELECT line FROM item WHERE key = ?", key).map(({ line }) => Number(line));
  }

  /** Verifies every row: true if all are as they were written. */
  isSound(): boolean {
    const check = this.#database.get("PRAGMA quick_check(1)"), sums = new ItemSums();
    const isSound = Object.values(check ?? {})[0] === "ok" &&
      this.#database.asOfOneMoment(() =>
        this.names().every((name) => this.#isWhole(name, sums)) && sums.isOf(this.#database)
      );
    this.#isSuspect = !isSound;
    return isSound;
  }

  #isWhole(name: string, sums: ItemSums): boolean {
    const object = this.find(name);
    if (object === undefined || (object.kind === "ledger" && this.marksOf(name) === undefined)) return false;
    const nameOf = (row: number) => row === object.row ? name : undefined, rows = this.rowsOf(object.row);
    let items = 0;
    for (const row of rows) {
      const line = this.lineAt(row, nameOf);
      if (line === undefined || !this.linesOf(line.unit, nameOf).some((other) => other.row === row)) return false;
      for (const key of line.items.keys()) sums.add(key, row);
      items += line.items.count;
    }
    return rows.length === object.lines && items === object.items;
  }
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function hexOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex") : "";
}
