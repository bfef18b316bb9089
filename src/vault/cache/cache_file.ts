/**
 * One database of the cache: the file that is there, if it can be used, else a new one, and where that can't be made, one in
 * memory. What was in it is read anew from the vault; so whatever happens to a file costs time alone.
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
/** Half a second, for an index of fourteen million items. */
const MOST_DIGESTED_BYTES = 1024 * 1024 * 1024;

export interface CacheFileOptions {
  /** Absent: it is in memory. */
  readonly place: CachePlace | undefined;
  readonly name: Raw;
  readonly tables: Tables;
  /**
   * Whether to report a file that was changed by other programs: rows may be missing then, which would go unnoticed.
   */
  readonly isNoted: boolean;
  /** Id of the vault. */
  readonly vault: string;
}

interface Opened {
  readonly database: Database;
  /** Absent: it is in memory. */
  readonly place: CatalogPlace | undefined;
}

export class CacheFile implements Disposable {
  readonly #options: CacheFileOptions;
  readonly #note: FileNote | undefined;
  readonly #isFirst: boolean;
  readonly #opened: Opened;
  #isTrusted = false;

  /** @param kind what is to be opened if it can; for {@link successor} */
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

  /** True if the file is as this program left it, or is new. */
  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  /** Others who open the file while this program goes on needn't look at every row, for it vouches for them. */
  note(): void {
    if (this.#isTrusted && this.isOnDisk) this.#note?.write();
  }

  /** Every row was looked at. */
  trust(): void {
    this.#isTrusted = true;
    this.note();
  }

  get isOnDisk(): boolean {
    return this.#opened.place !== undefined;
  }

  /**
   * An empty one to go on with: in the place of a damaged file if nobody else has that open, else in memory. This one may
   * still be read, but not be written.
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

/** True if this program has. */
function hasChanged(database: Database): boolean {
  return unlessFault(() => database.get("SELECT total_changes() AS n")?.["n"] !== 0, true);
}
