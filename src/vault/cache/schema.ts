/** Tables of the cache. Other versions are not converted; the cache is rebuilt instead. README.md describes them. */
import type { Database } from "../../catalog/database.ts";

const SCHEMA_VERSION = "1";

/** Statements that create the tables of one file. */
export type Tables = readonly string[];

const META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID";

/** Tables for the contents of `index/`. */
export const INDEX_TABLES: Tables = [
  META,
  "CREATE TABLE object (id INTEGER PRIMARY KEY, name BLOB UNIQUE, facts BLOB, marks BLOB)",
  "CREATE TABLE line (id INTEGER PRIMARY KEY, object INTEGER, unit BLOB, facts BLOB, items BLOB)",
  "CREATE INDEX line_object ON line (object)",
  "CREATE INDEX line_unit ON line (unit)",
  "CREATE TABLE item (key INTEGER, line INTEGER, PRIMARY KEY (key, line)) WITHOUT ROWID",
];

/** Tables for the contents of `snapshots/`, and the hunks of the snapshots. */
export const SNAPSHOT_TABLES: Tables = [
  META,
  "CREATE TABLE root (name BLOB PRIMARY KEY, head BLOB, bytes BLOB) WITHOUT ROWID",
  "CREATE TABLE hunk (id BLOB PRIMARY KEY, bytes BLOB) WITHOUT ROWID",
];

/** Creates the tables. @param vault id of the vault */
export function makeTables(database: Database, tables: Tables, vault: string): void {
  database.transaction(() => {
    for (const statement of tables) database.exec(statement);
    database.run("INSERT INTO meta (key, value) VALUES ('schema', ?), ('vault', ?)", SCHEMA_VERSION, vault);
  });
}

/** True if a database has exactly these tables and belongs to that vault. Nothing else in it is read. */
export function hasTables(database: Database, tables: Tables, vault: string): boolean {
  const texts = database.all("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").map(({ sql }) => sql);
  if (texts.length !== tables.length || !tables.every((text) => texts.includes(text))) return false;
  const value = (key: string) => database.get("SELECT value FROM meta WHERE key = ?", key)?.["value"];
  return value("schema") === SCHEMA_VERSION && value("vault") === vault;
}
