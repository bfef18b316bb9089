/** Rows in the order of a number: more than should be in memory. In a file without a name, which goes when it is closed. */
import { Database } from "./database.ts";

export class OrderedRows implements Disposable {
  readonly #database: Database;
  #added = 0;

  /** @throws CatalogFault */
  constructor() {
    this.#database = new Database("", "rework", { temp: undefined });
    this.#database.exec(
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

  /** Each key once, rising. @throws CatalogFault */
  *keys(): Generator<number> {
    for (const row of this.#database.each("SELECT DISTINCT key FROM row ORDER BY key")) yield Number(row["key"]);
  }

  /** In the order of adding. To be gone through to the end before it is asked for again. @throws CatalogFault */
  *of(key: number): Generator<string> {
    for (const row of this.#database.each("SELECT text FROM row WHERE key = ? ORDER BY n", key)) {
      yield String(row["text"]);
    }
  }
}
