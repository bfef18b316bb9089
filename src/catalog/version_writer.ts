/** Writes versions into the catalog, many per statement: one statement per row would take three times as long. */
import type { SQLInputValue } from "node:sqlite";
import { type Apath, nameOf, parentOf, TOP } from "../core/apath.ts";
import type { NsText } from "../core/entry.ts";
import { ownText } from "../core/raw.ts";
import type { Database } from "./database.ts";
import type { EntryState } from "./line_state.ts";
import { PATH_INDEX } from "./schema.ts";

/** Rows in one statement: more bring nothing. */
const ROWS_AT_ONCE = 20;
const COLUMNS = "chain, directory, name, first, last, attributes, size, seconds, nanos, content, detail";
const ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, unhex(?), ?)";
/** Numbers of directories remembered: entries come directory by directory, those of several snapshots side by side. */
const DIRECTORIES_KEPT = 1024;
const NANOS_DIGITS = 9;

export class VersionWriter {
  readonly #database: Database;
  readonly #insertMany: string;
  #waiting: SQLInputValue[] = [];
  readonly #directories = new Map<string, number>();
  readonly #attributes = new Map<string, number>();
  #hasPathIndex = false;

  constructor(database: Database) {
    this.#database = database;
    this.#insertMany = `INSERT INTO version (${COLUMNS}) VALUES ${Array(ROWS_AT_ONCE).fill(ROW).join(", ")}`;
    for (const row of database.all("SELECT id, text FROM attributes")) {
      this.#attributes.set(row["text"] as string, row["id"] as number);
    }
  }

  /** Adds a version. @param last sequence of its last snapshot; undefined: it exists in the newest snapshot */
  add(chain: number, state: EntryState, first: number, last: number | undefined): void {
    const { seconds, nanos } = splitTime(state.mtime);
    const directory = this.#directory(state.path), attributes = this.#attributesOf(state.attributes);
    this.#waiting.push(chain, directory, nameOf(state.path), first, last ?? null, attributes, state.size);
    this.#waiting.push(seconds, nanos, state.content ?? null, state.detail ?? null);
    if (this.#waiting.length >= ROWS_AT_ONCE * 11) this.#writeWaiting();
  }

  /** Ends the version of `path` that exists in the newest snapshot of the chain. */
  close(chain: number, path: Apath, last: number): void {
    if (!this.#hasPathIndex) this.#database.index(PATH_INDEX);
    this.#hasPathIndex = true;
    this.flush();
    this.#database.run(
      "UPDATE version SET last = ? WHERE directory = ? AND name = ? AND chain = ? AND last IS NULL",
      last,
      this.#directory(path),
      nameOf(path),
      chain,
    );
  }

  flush(): void {
    const rows = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < rows.length; at += 11) {
      this.#database.run(`INSERT INTO version (${COLUMNS}) VALUES ${ROW}`, ...rows.slice(at, at + 11));
    }
  }

  #writeWaiting(): void {
    this.#database.run(this.#insertMany, ...this.#waiting);
    this.#waiting.length = 0;
  }

  /** Number of the directory that holds `path`. */
  #directory(path: Apath): number {
    const parent = path === TOP ? "" : parentOf(path);
    const known = this.#directories.get(parent);
    if (known !== undefined) return known;
    const id = this.#numberOf("directory", "path", parent);
    if (this.#directories.size >= DIRECTORIES_KEPT) this.#directories.clear();
    this.#directories.set(ownText(parent), id);
    return id;
  }

  #attributesOf(text: string): number {
    let id = this.#attributes.get(text);
    if (id === undefined) this.#attributes.set(ownText(text), id = this.#numberOf("attributes", "text", text));
    return id;
  }

  #numberOf(table: "directory" | "attributes", column: string, text: string): number {
    const found = this.#database.get(`SELECT id FROM ${table} WHERE ${column} = ?`, text);
    if (found !== undefined) return found["id"] as number;
    return this.#database.insert(`INSERT INTO ${table} (${column}) VALUES (?)`, text);
  }
}

/** Seconds and the rest; both have the time's sign, so that they add up. */
function splitTime(mtime: NsText): { seconds: number; nanos: number } {
  const seconds = Number(mtime.slice(0, -NANOS_DIGITS)), nanos = Number(mtime.slice(-NANOS_DIGITS));
  if (!mtime.startsWith("-")) return { seconds, nanos };
  return mtime.length > NANOS_DIGITS + 1 ? { seconds, nanos: -nanos } : { seconds: 0, nanos: Number(mtime) };
}

/** The inverse of {@link splitTime}. */
export function joinTime(seconds: number, nanos: number): NsText {
  const digits = String(Math.abs(nanos)), whole = Math.abs(seconds);
  const text = whole === 0 ? digits : String(whole) + digits.padStart(NANOS_DIGITS, "0");
  return seconds < 0 || nanos < 0 ? `-${text}` : text;
}
