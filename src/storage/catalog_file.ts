/** The file of the catalog: opened where it is, or another one made in `tmp/` and put in its place. */
import { type Raw, rawOf, textOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import { type Catalog, createCatalog, openCatalog } from "./catalog/catalog.ts";
import { CatalogFault, type Mode } from "./catalog/database.ts";
import { removeRecursively } from "./tree.ts";

const DB = rawOf("db"), TMP = rawOf("tmp"), NAME = rawOf("catalog.sqlite");
/** What SQLite may have left beside a database; it would spoil another one. */
const LEFTOVERS = ["-journal", "-wal", "-shm"].map((ending) => (NAME + ending) as Raw);
const COPIED_AT_ONCE = 1024 * 1024;

export class CatalogFile {
  readonly #storage: Dir;
  readonly #id: string;

  /** @param id of the storage */
  constructor(storage: Dir, id: string) {
    this.#storage = storage;
    this.#id = id;
  }

  open(mode: Mode): Catalog | { readonly stale: string } {
    return openCatalog(this.#path(DB), this.#id, { mode });
  }

  /**
   * Makes a new catalog, or a changed copy, and makes it durable; it takes no effect before it is published.
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
    using file = temp.openOrCreate(NAME, 0o600);
    file.sync();
  }

  /** Puts what was prepared in the place of the old one. Nobody may have that open for writing. @throws DiskFault */
  publish(): void {
    using temp = this.#storage.openDir(TMP);
    using db = this.#storage.openDir(DB);
    // A journal left by a crash belongs to the old file: neither may meet the other's.
    if (db.stat(NAME)?.kind === "dir" || LEFTOVERS.some((name) => db.stat(name) !== undefined)) removeDatabase(db);
    temp.rename(NAME, db, NAME);
  }

  /** Removes what was prepared. */
  discard(): void {
    using temp = this.#storage.openDir(TMP);
    removeDatabase(temp);
  }

  /** What is known of verifications outlives the rest. */
  #create(): Catalog {
    const made = createCatalog(this.#path(TMP), this.#id);
    made.takeVerifications(this.#path(DB), this.#id);
    return made;
  }

  #copy(db: Dir, temp: Dir): Catalog {
    copyFile(db, temp, NAME);
    const opened = openCatalog(this.#path(TMP), this.#id, { mode: "rework" });
    if ("stale" in opened) throw new CatalogFault(`its copy ${opened.stale}`);
    return opened;
  }

  #path(directory: Raw): string {
    return `${textOf(this.#storage.path)}/${directory}/${NAME}`;
  }
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
