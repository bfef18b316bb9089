/** The needs of a vault's reader by frame: in memory, or in a temporary file if there are very many. */
import { OrderedRows } from "../../catalog/ordered_rows.ts";

/** Most needs in memory, which are some twenty MB. */
const MOST_IN_MEMORY = 50_000;
/** Most needs of a frame in one row of the file, and rows that are read at once: a row for each took twice as long. */
const NEEDS_IN_ROW = 64, ROWS_AT_ONCE = 16;
/** More frames than a unit can have. */
const FRAMES = 2 ** 21;

interface Held<T> {
  readonly key: number;
  readonly row: T;
}

/** @template T a need: plain data */
export class Needs<T> implements Disposable {
  readonly #mostInMemory: number;
  /** Units in the order of their first need, which is mostly that of paths. */
  readonly #units = new Map<string, number>();
  readonly #names: string[] = [];
  #held: Held<T>[] = [];
  #isSorted = true;
  #spilled: OrderedRows | undefined;

  constructor(mostInMemory = MOST_IN_MEMORY) {
    this.#mostInMemory = mostInMemory;
  }

  [Symbol.dispose](): void {
    this.#spilled?.[Symbol.dispose]();
    this.#spilled = undefined;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0 && this.#spilled === undefined;
  }

  /** Adds a need. @throws CatalogFault */
  add(unit: string, frame: number, row: T): void {
    let number = this.#units.get(unit);
    if (number === undefined) this.#units.set(unit, number = this.#names.push(unit) - 1);
    this.#held.push({ key: number * FRAMES + frame, row });
    this.#isSorted = false;
    if (this.#held.length >= this.#mostInMemory) this.#spill();
  }

  #spill(): void {
    const rows = this.#spilled ??= new OrderedRows(ROWS_AT_ONCE);
    let together: T[] = [], last = -1;
    const add = () => together.length > 0 && rows.add(last, JSON.stringify(together));
    for (const { key, row } of this.#sorted()) {
      if (key !== last || together.length === NEEDS_IN_ROW) {
        add();
        [together, last] = [[], key];
      }
      together.push(row);
    }
    add();
    this.#held = [];
  }

  /** Units with the frames that are needed. Nothing may be added meanwhile. @throws CatalogFault */
  *units(): Generator<{ readonly unit: string; readonly frames: readonly number[] }> {
    if (this.#spilled !== undefined) this.#spill();
    let unit = -1, frames: number[] = [];
    for (const key of this.#keys()) {
      const number = Math.floor(key / FRAMES);
      if (number !== unit && frames.length > 0) yield { unit: this.#nameOf(unit), frames };
      if (number !== unit) [unit, frames] = [number, []];
      frames.push(key % FRAMES);
    }
    if (frames.length > 0) yield { unit: this.#nameOf(unit), frames };
  }

  #nameOf(number: number): string {
    const name = this.#names[number];
    if (name === undefined) throw new RangeError(`There is no unit ${number}`);
    return name;
  }

  *#keys(): Generator<number> {
    if (this.#spilled !== undefined) return yield* this.#spilled.keys();
    let last = -1;
    for (const { key } of this.#sorted()) if (key !== last) yield last = key;
  }

  /** Needs of one frame, in the order in which they were added. */
  *of(unit: string, frame: number): Generator<T> {
    const number = this.#units.get(unit);
    if (number === undefined) return;
    const key = number * FRAMES + frame;
    if (this.#spilled !== undefined) {
      // What was written here is read here.
      for (const text of this.#spilled.of(key)) yield* JSON.parse(text) as T[];
      return;
    }
    const rows = this.#sorted();
    for (let at = firstOf(rows, key); rows[at]?.key === key; at++) yield rows[at]!.row;
  }

  #sorted(): readonly Held<T>[] {
    if (!this.#isSorted) this.#held.sort((a, b) => a.key - b.key);
    this.#isSorted = true;
    return this.#held;
  }
}

/** Index of the first row of a key. */
function firstOf(rows: readonly { readonly key: number }[], key: number): number {
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
