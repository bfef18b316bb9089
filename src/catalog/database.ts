/** SQLite as the catalog uses it: prepared statements are reused, and failures become Faults. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { CatalogFault, type Trouble } from "./faults.ts";

/** The runtime distinguishes kinds of failures only by SQLite's messages. */
const TROUBLES: readonly (readonly [text: RegExp, trouble: Trouble])[] = [
  [/disk is full|out of memory/, "full"],
  [/disk I\/O error|unable to open database|readonly database/, "unreadable"],
  [/is locked/, "busy"],
];

/** Directory for SQLite's own temporary files; undefined: memory. */
export type Temp = string | undefined;

export type Row = Readonly<Record<string, unknown>>;

/**
 * How a database is opened.
 * - read: never changed, whoever else does.
 * - update: changed in place, each transaction whole or not at all; for few changes, so that readers hardly wait.
 * - share: the same by several programs at once, who have time.
 * - build: a file that nobody else sees. It is not safe against crashes before its maker has synced it.
 * - rework: the same for a large file of which much changes. After a failure it is worth nothing.
 */
export type Mode = "read" | "update" | "share" | "build" | "rework";

/** Readers wait that long for a commit to be written, and a writer until nobody reads: there is another way for it. */
const BUSY_TIMEOUT_MS: Readonly<Record<Mode, number>> = {
  read: 10_000,
  update: 1000,
  share: 30_000,
  build: 0,
  rework: 0,
};
/** Two of `share` are open beside everything that a backup needs; with more they were no faster for a million items. */
const CACHE_KIB: Readonly<Record<Mode, number>> = {
  read: 8 * 1024,
  update: 8 * 1024,
  share: 8 * 1024,
  build: 24 * 1024,
  rework: 64 * 1024,
};
/**
 * While an index is made, the cache also bounds how much is sorted at once; what stays in a processor's cache is sorted
 * fastest (measured: 4 MiB 0.7 s, 64 MiB 1.1 s, for a million rows; with threads 0.45 s).
 */
const SORT_KIB = 4 * 1024;
const SORT_THREADS = 3;

/** What is in the file may have been written by anybody. */
const DISTRUST = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON";

const PRAGMAS: Readonly<Record<Mode, string>> = {
  read: "PRAGMA query_only = ON",
  // Without cache_spill readers are locked out only while the commit is written, not while it is prepared.
  update: "PRAGMA journal_mode = DELETE; PRAGMA synchronous = NORMAL; PRAGMA cache_spill = OFF",
  share: "PRAGMA journal_mode = DELETE; PRAGMA synchronous = NORMAL",
  build: "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE",
  rework: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE",
};

export interface DatabaseOptions {
  readonly temp: Temp;
  readonly newPageBytes?: number;
}

export class Database implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #mode: Mode;

  /** Opens a database. @throws CatalogFault */
  constructor(path: string, mode: Mode, { temp, newPageBytes }: DatabaseOptions) {
    this.#mode = mode;
    this.#database = guarded(() => new DatabaseSync(path, { readOnly: mode === "read" }));
    try {
      if (newPageBytes !== undefined) this.exec(`PRAGMA page_size = ${newPageBytes}`);
      this.exec(
        `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS[mode]}; PRAGMA cache_size = -${CACHE_KIB[mode]}; ${
          PRAGMAS[mode]
        }; ${DISTRUST}`,
      );
      if (!this.#takesTemp(temp)) this.exec("PRAGMA temp_store = MEMORY");
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#database.close();
  }

  /** For all databases of this process at once, which is why it is not set anew each time. */
  #takesTemp(temp: Temp): boolean {
    if (temp === undefined) return false;
    const set = () => this.get("PRAGMA temp_store_directory")?.["temp_store_directory"];
    try {
      if (set() !== temp) this.exec(`PRAGMA temp_store_directory = '${temp.replaceAll("'", "''")}'`);
      return set() === temp;
    } catch (error) {
      if (error instanceof CatalogFault) return false; // it is no directory that this user may write to
      throw error;
    }
  }

  exec(sql: string): void {
    guarded(() => this.#database.exec(sql));
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return guarded(() => this.#prepare(sql).get(...values));
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return guarded(() => this.#prepare(sql).all(...values));
  }

  /** Yields the rows one by one; other queries may run meanwhile. */
  *each(sql: string, ...values: SQLInputValue[]): Generator<Row> {
    const statement = guarded(() => this.#prepare(sql));
    // Whoever runs the same meanwhile, which would start this one anew, gets a statement of their own.
    this.#statements.delete(sql);
    const rows = guarded(() => statement.iterate(...values));
    try {
      for (;;) {
        const { done, value } = guarded(() => rows.next());
        if (done) return;
        yield value;
      }
    } finally {
      rows.return?.(); // whoever stops early must not keep the database locked
      this.#statements.set(sql, statement);
    }
  }

  /**
   * A number that is another one as soon as somebody else has changed the database; undefined if this connection may
   * change it itself.
   */
  versionOfOthers(): unknown {
    return this.#mode === "read" ? this.get("PRAGMA data_version")?.["data_version"] : undefined;
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    guarded(() => this.#prepare(sql).run(...values));
  }

  /** @returns the number of the new row */
  insert(sql: string, ...values: SQLInputValue[]): number {
    return guarded(() => Number(this.#prepare(sql).run(...values).lastInsertRowid));
  }

  /** Runs `action` in a transaction: all of its changes or none. */
  transaction(action: () => void): void {
    this.exec("BEGIN IMMEDIATE");
    try {
      action();
      this.exec("COMMIT");
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Runs `action` so that all its queries see the same state, whatever others write meanwhile. */
  asOfOneMoment<T>(action: () => T): T {
    this.exec("BEGIN");
    try {
      return action();
    } finally {
      this.#rollBack();
    }
  }

  /** Some failures have rolled back by themselves. */
  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // The failure at hand says more.
    }
  }

  /** Runs a statement that creates indexes, with settings that make it fast. */
  index(sql: string): void {
    if (this.#mode !== "build" && this.#mode !== "rework") return this.exec(sql);
    this.exec(`PRAGMA cache_size = -${SORT_KIB}; PRAGMA threads = ${SORT_THREADS}`);
    this.exec(sql);
    this.exec(`PRAGMA cache_size = -${CACHE_KIB[this.#mode]}`);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }
}

function guarded<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = error instanceof Error ? (error as { readonly code?: unknown }).code : undefined;
    // A number that is out of range for JavaScript was not written by this tool.
    if (code === "ERR_OUT_OF_RANGE") throw new CatalogFault("it holds a number that is none of its own");
    if (code !== "ERR_SQLITE_ERROR") throw error;
    const { message } = error as Error;
    throw new CatalogFault(message, TROUBLES.find(([text]) => text.test(message))?.[1]);
  }
}
