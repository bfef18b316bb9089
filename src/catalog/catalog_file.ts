/** The file of the catalog: opened in place, or prepared anew in `tmp/` and then published. */
import { unlessFault } from "../core/fault.ts";
import { type Raw, rawOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import { type Catalog, createCatalog, memoryCatalog, openCatalog, type Unusable } from "./catalog.ts";
import type { Mode, Temp } from "./database.ts";
import { CatalogFault } from "./faults.ts";
import { CATALOG_NAME, CatalogPlace, LEFTOVERS, TempPlace } from "./place.ts";
import { newHasher } from "../core/digest.ts";
import { removeRecursively } from "../platform/remove_recursively.ts";
import { VerificationRecord } from "./verification_record.ts";

const DB = rawOf("db"), TMP = rawOf("tmp"), NAME = CATALOG_NAME;
const COPIED_AT_ONCE = 1024 * 1024, DIGESTED_AT_ONCE = 256 * 1024;
/** Of catalogs from there on, what is sorted may take more than some 50 MB. */
const MUCH = 256 * 1024 * 1024;
/** Some milliseconds. */
const MOST_DIGESTED = 8 * 1024 * 1024;

export interface WhichFile {
  /** Differs from that of every file that exists. */
  readonly identity: string;
  readonly mtime: string;
}

export class CatalogFile implements Disposable {
  readonly #storage: Dir;
  readonly #id: string;
  readonly #notice: (text: string) => void;
  #temp: TempPlace | undefined;
  /** The record of when contents were verified, which survives the loss of the catalog. */
  readonly record: VerificationRecord;

  /** @param id of the storage @param notice called with a message for each record that can't be read */
  constructor(storage: Dir, id: string, notice: (text: string) => void = () => {}) {
    this.#storage = storage;
    this.#id = id;
    this.#notice = notice;
    this.record = new VerificationRecord(storage);
  }

  [Symbol.dispose](): void {
    this.#temp?.[Symbol.dispose]();
  }

  /**
   * Directory for SQLite's temporary files, valid until disposed. Readers keep the files in memory, unless there is too
   * much data.
   * @param bytes amount of data
   */
  tempFor(bytes: number): Temp {
    return bytes < MUCH ? undefined : this.#tempOfWriter;
  }

  get #tempOfWriter(): Temp {
    return (this.#temp ??= new TempPlace(this.#storage)).path;
  }

  /** Keeps temporary files in memory from now on. @returns false if they were there already */
  keepTempInMemory(): boolean {
    return this.#temp?.giveUp() ?? false;
  }

  /** Looks for the directory of temporary files again, after a writer has created it. */
  renewTemp(): void {
    this.#temp?.[Symbol.dispose]();
    this.#temp = undefined;
  }

  #options(mode: Mode): { readonly id: string; readonly temp: Temp } {
    return { id: this.#id, temp: mode === "read" ? this.tempFor(this.#size()) : this.#tempOfWriter };
  }

  #size(): number {
    return unlessFault(() => {
      using db = this.#storage.openDir(DB);
      return db.stat(NAME)?.size ?? 0;
    }, 0);
  }

  /** An empty catalog in memory, with the recorded verifications. */
  inMemory(): Catalog {
    using held = new DisposableStack();
    const made = held.use(memoryCatalog({ id: this.#id, temp: undefined }));
    this.#takeRecord(made);
    held.move();
    return made;
  }

  /**
   * Opens the catalog, or returns why it can't be used.
   * @param isProven true if a digest shows that it is what this tool wrote: its structure isn't examined then
   * @throws DiskFault for failures outside of the file
   */
  open(mode: Mode, isProven = false): Catalog | Unusable {
    using place = CatalogPlace.in(this.#storage, "db");
    return place === undefined
      ? { stale: "is missing", trouble: "damaged" }
      : openCatalog(place, mode, { ...this.#options(mode), isProven });
  }

  /** Which file is there, and when it was last written; undefined if there is none, or nobody can tell. */
  whichFile(): WhichFile | undefined {
    return unlessFault(() => {
      using db = this.#storage.openDir(DB);
      const stat = db.stat(NAME);
      return stat && { identity: `${stat.device} ${stat.inode}`, mtime: stat.mtime };
    }, undefined);
  }

  /** SHA-256 of the file in hex; undefined if it can't be read, or is too large to be read at each opening. */
  digest(): string | undefined {
    return unlessFault(() => this.#digest(), undefined);
  }

  /** The same; undefined also if SQLite would take in something else when it opens the file. */
  digestIfAlone(): string | undefined {
    return unlessFault(() => {
      using db = this.#storage.openDir(DB);
      return LEFTOVERS.some((name) => db.stat(name) !== undefined) ? undefined : this.#digest();
    }, undefined);
  }

  #digest(): string | undefined {
    using db = this.#storage.openDir(DB);
    using file = db.open(NAME);
    const size = file?.stat().size ?? Infinity;
    if (file === undefined || size > MOST_DIGESTED) return undefined;
    const digest = newHasher("sha256"), buffer = new Uint8Array(DIGESTED_AT_ONCE);
    for (let at = 0, got = 0; (got = file.read(buffer, at)) > 0; at += got) digest.update(buffer.subarray(0, got));
    return digest.hex();
  }

  /**
   * Makes a new catalog, or a changed copy, and makes it durable; it takes effect when it is published.
   * @throws CatalogFault, DiskFault
   */
  prepare(start: "new" | "copy", make: (catalog: Catalog) => void): void {
    using temp = this.#storage.openDir(TMP);
    using db = this.#storage.openDir(DB);
    removeDatabase(temp);
    {
      using made = start === "new" ? this.#create() : this.#copy(db, temp);
      make(made);
    }
    sync(temp);
  }

  /** Prepares a copy without empty pages. @throws CatalogFault, DiskFault */
  prepareCompact(catalog: Catalog): void {
    using temp = this.#storage.openDir(TMP);
    removeDatabase(temp);
    using place = this.#placeIn("tmp");
    catalog.copyInto(place);
    sync(temp);
  }

  /** Replaces the catalog by the prepared one. Nobody may have the old one open for writing. @throws DiskFault */
  publish(): void {
    using temp = this.#storage.openDir(TMP);
    using db = this.#storage.openDir(DB);
    // A journal left by a crash belongs to the old file: neither may meet the other's.
    if (![undefined, "file"].includes(db.stat(NAME)?.kind) || LEFTOVERS.some((name) => db.stat(name) !== undefined)) {
      removeDatabase(db);
    }
    temp.rename(NAME, db, NAME);
  }

  /** Removes the prepared file. */
  discard(): void {
    using temp = this.#storage.openDir(TMP);
    removeDatabase(temp);
  }

  /** What is known of verifications outlives the rest. */
  #create(): Catalog {
    using held = new DisposableStack();
    using place = this.#placeIn("tmp");
    const made = held.use(createCatalog(place, this.#options("build")));
    using former = this.#placeIn("db");
    made.takeVerifications(former, this.#id);
    this.#takeRecord(made);
    held.move();
    return made;
  }

  /** Without it, nothing is known of checks, and all else is as it should be. */
  #takeRecord(catalog: Catalog): void {
    const lost = (why: string) => this.#notice(`Some dates of verification are lost: ${why}`);
    try {
      catalog.takeRecord(this.record, lost);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      lost(error.message);
    }
  }

  #copy(db: Dir, temp: Dir): Catalog {
    copyFile(db, temp, NAME);
    using place = this.#placeIn("tmp");
    const opened = openCatalog(place, "rework", this.#options("rework"));
    if ("stale" in opened) throw new CatalogFault(`its copy ${opened.stale}`, opened.trouble);
    return opened;
  }

  #placeIn(where: "db" | "tmp"): CatalogPlace {
    const place = CatalogPlace.in(this.#storage, where);
    if (place === undefined) throw new DiskFault("ENOENT", "open", where === "db" ? DB : TMP);
    return place;
  }
}

function sync(temp: Dir): void {
  using file = temp.openOrCreate(NAME, 0o600);
  file.sync();
}

/** The database first: without it, what is left beside it means nothing. */
function removeDatabase(directory: Dir): void {
  for (const name of [NAME, ...LEFTOVERS]) removeRecursively(directory, name);
}

function copyFile(from: Dir, to: Dir, name: Raw): void {
  using source = from.open(name);
  using target = to.create(name, 0o600);
  if (source === undefined || target === undefined) throw new DiskFault("ENOENT", "copy", name);
  if (target.cloneFrom(source)) return;
  const buffer = new Uint8Array(COPIED_AT_ONCE);
  for (let at = 0, got = 0; (got = source.read(buffer, at)) > 0; at += got) target.write(buffer.subarray(0, got), at);
}
