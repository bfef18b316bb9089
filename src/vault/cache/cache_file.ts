/**
 * One database of the cache: the existing file if it is usable, else a new one or, where none can be made, one in
 * memory. Lost rows are read from the vault again, so a lost file only costs time.
 */
import { Database } from "../../catalog/database.ts";
import { CatalogFault, type Trouble } from "../../catalog/faults.ts";
import { CatalogPlace, leftoversOf } from "../../catalog/place.ts";
import { PAGE_BYTES } from "../../catalog/schema.ts";
import { Fault, unlessFault } from "../../core/fault.ts";
import type { Raw } from "../../core/raw.ts";
import { removeRecursively } from "../../platform/remove_recursively.ts";
import type { CachePlace } from "./cache_place.ts";
import { FileNote } from "./file_note.ts";
import { hasTables, makeTables, type Tables } from "./schema.ts";

const PRIVATE_FILE = 0o600;
/** Size in bytes up to which a file gets a digest: half a second of work, for an index of fourteen million items. */
const MOST_DIGESTED_BYTES = 1024 * 1024 * 1024;

export interface CacheFileOptions {
  /** Absent: the database is in memory. */
  readonly place: CachePlace | undefined;
  readonly name: Raw;
  readonly tables: Tables;
  /** True to detect changes by other programs: rows may then be missing, which would go unnoticed otherwise. */
  readonly isNoted: boolean;
  /** Id of the vault. */
  readonly vault: string;
}

interface Opened {
  readonly database: Database;
  /** Absent: the database is in memory. */
  readonly place: CatalogPlace | undefined;
}

export class CacheFile implements Disposable {
  readonly #options: CacheFileOptions;
  readonly #note: FileNote | undefined;
  readonly #isFirst: boolean;
  readonly #opened: Opened;
  #isTrusted = false;

  /** @param kind what to open if possible; for {@link successor} */
  constructor(options: CacheFileOptions, kind: "file" | "new file" | "memory" = "file") {
    this.#options = options;
    this.#isFirst = kind === "file";
    this.#note = options.place && options.isNoted
      ? new FileNote(options.place, options.name, MOST_DIGESTED_BYTES)
      : undefined;
    this.#opened = (kind === "file" ? this.#open() : undefined) ?? this.#make(kind !== "memory");
  }

  [Symbol.dispose](): void {
    const { database, place } = this.#opened, isChanged = !this.#isTrusted || hasChanged(database);
    database[Symbol.dispose]();
    if (place !== undefined && isChanged) this.#note?.write();
    place?.[Symbol.dispose]();
  }

  get database(): Database {
    return this.#opened.database;
  }

  /** True if the file is new, or is as this program left it. */
  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  /** Records the file's present state, so that others who open it meanwhile needn't verify every row. */
  note(): void {
    if (this.#isTrusted && this.isOnDisk) this.#note?.write();
  }

  /** Notes that every row was verified. */
  trust(): void {
    this.#isTrusted = true;
    this.note();
  }

  get isOnDisk(): boolean {
    return this.#opened.place !== undefined;
  }

  /**
   * An empty database to go on with: it replaces a damaged file if no other program has it open, else it is in memory.
   * This one may still be read, but not written.
   */
  successor(trouble: Trouble): CacheFile {
    if (trouble !== "damaged") return new CacheFile(this.#options, "memory");
    this.#note?.remove();
    return new CacheFile(this.#options, this.#isFirst ? "new file" : "memory");
  }

  #open(): Opened | undefined {
    const { tables, vault } = this.#options;
    using held = new DisposableStack();
    try {
      const place = held.adopt(this.#place(), (place) => place?.[Symbol.dispose]()), looked = place?.look();
      if (place === undefined || looked === undefined || "stale" in looked) return undefined;
      const database = held.use(new Database(place.path, "share", { temp: undefined }));
      if (!hasTables(database, tables, vault)) return undefined;
      this.#isTrusted = this.#note?.agrees() === true;
      held.move();
      return { database, place };
    } catch (error) {
      if (error instanceof Fault) return undefined;
      throw error;
    }
  }

  #place(): CatalogPlace | undefined {
    const { place, name } = this.#options;
    return place && new CatalogPlace(place.openDb(), name);
  }

  #make(mayBeFile: boolean): Opened {
    const { place, tables, vault } = this.#options;
    this.#isTrusted = true;
    let made: Opened | undefined;
    try {
      if (mayBeFile) place?.ifAlone(() => made = this.#makeFile());
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
    if (made !== undefined) return made;
    const database = new Database(":memory:", "build", { temp: undefined, newPageBytes: PAGE_BYTES });
    makeTables(database, tables, vault);
    return { database, place: undefined };
  }

  #makeFile(): Opened {
    const { place, name, tables, vault } = this.#options;
    using held = new DisposableStack();
    using directory = place?.openDb();
    if (directory === undefined) throw new CatalogFault("it has no place");
    for (const each of [name, ...leftoversOf(name)]) removeRecursively(directory, each);
    directory.openOrCreate(name, PRIVATE_FILE)[Symbol.dispose](); // SQLite would let others read it
    const at = held.adopt(this.#place(), (place) => place?.[Symbol.dispose]());
    if (at === undefined) throw new CatalogFault("it has no place");
    const database = held.use(new Database(at.path, "share", { temp: undefined, newPageBytes: PAGE_BYTES }));
    makeTables(database, tables, vault);
    held.move();
    return { database, place: at };
  }
}

/** True if this connection has changed the database, or if that is unknown. */
function hasChanged(database: Database): boolean {
  return unlessFault(() => database.get("SELECT total_changes() AS n")?.["n"] !== 0, true);
}
