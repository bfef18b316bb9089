/** Sorts more rows by a number than should be in memory, using an unnamed file that disappears when it is closed. */
import { Database, type Row } from "./database.ts";

const PAGE_ROWS = 500;
const CACHE_KIB = 8 * 1024;

export class OrderedRows implements Disposable {
  readonly #database: Database;
  readonly #pageRows: number;
  #added = 0;

  /** @param pageRows number of rows read at once @throws CatalogFault */
  constructor(pageRows = PAGE_ROWS) {
    this.#pageRows = pageRows;
    this.#database = new Database("", "rework", { temp: undefined });
    this.#database.exec(
      `PRAGMA cache_size = -${CACHE_KIB}; ` +
        "CREATE TABLE row (key INTEGER, n INTEGER, text TEXT, PRIMARY KEY (key, n)) WITHOUT ROWID; BEGIN",
    );
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }

  /** @throws CatalogFault */
  add(key: number, text: string): void {
    this.#database.run("INSERT INTO row VALUES (?, ?, ?)", key, this.#added++, text);
  }

  /** Yields each key once, in ascending order. @throws CatalogFault */
  *keys(): Generator<number> {
    for (const row of this.#database.each("SELECT DISTINCT key FROM row ORDER BY key")) yield Number(row["key"]);
  }

  /** Yields the rows of a key in the order of insertion. Other queries may run meanwhile. @throws CatalogFault */
  *of(key: number): Generator<string> {
    for (let after = -1, rows = this.#page(key, after); rows.length > 0; rows = this.#page(key, after)) {
      for (const row of rows) yield String(row["text"]);
      after = Number(rows.at(-1)?.["n"]);
    }
  }

  #page(key: number, after: number): Row[] {
    return this.#database.all(
      `SELECT n, text FROM row WHERE key = ? AND n > ? ORDER BY n LIMIT ${this.#pageRows}`,
      key,
      after,
    );
  }
}
