/**
 * Where SQLite finds a catalog, and where it keeps its temporary files. SQLite takes paths as text, follows symlinks,
 * and blocks on a pipe; so the file is examined first, and only this module makes its path.
 */
import { openDirIfThere } from "../platform/open_optional.ts";
import { Fault, unlessFault } from "../core/fault.ts";
import { type Branded, type Raw, raw, rawOf, rawOfBytes } from "../core/raw.ts";
import type { Dir } from "../platform/disk.ts";
import type { Temp } from "./database.ts";
import { PAGE_BYTES } from "./schema.ts";

/** A path in the form that SQLite takes; valid while its {@link CatalogPlace} is open. */
export type CatalogPath = Branded<string, "CatalogPath">;

export const CATALOG_NAME = rawOf("catalog.sqlite");
/** Files that SQLite may have left beside a catalog, and that would spoil another one. */
export const LEFTOVERS: readonly Raw[] = leftoversOf(CATALOG_NAME);
const DB = rawOf("db"), TMP = rawOf("tmp"), SELF = rawOf(".");

const MAGIC = "SQLite format 3\0", HEADER_BYTES = 100;
/** File format versions of a database that keeps a rollback journal, as those that this tool makes do. */
const ROLLBACK = 1;
/** Ends a journal that names another file, which SQLite would read and may remove; this tool's name none. */
const SUPER_JOURNAL = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";

/** Files that SQLite may have left beside a database, the journal first. */
export function leftoversOf(name: Raw): readonly Raw[] {
  return ["journal", "wal", "shm"].map((ending) => raw`${name}-${rawOf(ending)}`);
}

export class CatalogPlace implements Disposable {
  readonly #directory: Dir;
  readonly #name: Raw;
  readonly #leftovers: readonly Raw[];

  /** @param directory closed with the place */
  constructor(directory: Dir, name: Raw) {
    this.#directory = directory;
    this.#name = name;
    this.#leftovers = leftoversOf(name);
  }

  /** Opens the place; undefined if the storage has no such directory. @throws DiskFault */
  static in(storage: Dir, where: "db" | "tmp"): CatalogPlace | undefined {
    const directory = openDirIfThere(storage, where === "db" ? DB : TMP);
    return directory && new CatalogPlace(directory, CATALOG_NAME);
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }

  get path(): CatalogPath {
    return this.#directory.textPath(this.#name) as CatalogPath;
  }

  /**
   * Examines the file.
   * @returns why SQLite must not open it, in words that continue "The catalog"; or its size in bytes
   */
  look(): { readonly stale: string } | { readonly size: number } {
    try {
      return this.#look();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { stale: `can't be read (${error.message})` };
    }
  }

  #look(): { readonly stale: string } | { readonly size: number } {
    const stat = this.#directory.stat(this.#name);
    if (stat === undefined) return { stale: "is missing" };
    if (stat.kind !== "file") return { stale: `is no file, but a ${stat.kind}` };
    for (const name of this.#leftovers) {
      const kind = this.#directory.stat(name)?.kind ?? "file";
      if (kind !== "file") return { stale: `has a ${kind} beside it` };
    }
    const stale = this.#whyForeign() ?? this.#whyUnsafe();
    if (stale !== undefined) return { stale };
    return stat.size % PAGE_BYTES === 0 ? { size: stat.size } : { stale: "is truncated" };
  }

  #whyForeign(): string | undefined {
    using file = this.#directory.open(this.#name);
    const header = new Uint8Array(HEADER_BYTES);
    if (file === undefined || file.read(header, 0) < HEADER_BYTES) return "is truncated";
    if (!rawOfBytes(header).startsWith(MAGIC)) return "is damaged";
    return header[18] === ROLLBACK && header[19] === ROLLBACK ? undefined : "was made by another program";
  }

  #whyUnsafe(): string | undefined {
    const [journal] = this.#leftovers;
    using file = journal && this.#directory.open(journal);
    const size = file?.stat().size ?? 0;
    if (file === undefined || size < SUPER_JOURNAL.length) return undefined;
    const end = new Uint8Array(SUPER_JOURNAL.length);
    file.read(end, size - end.length);
    return rawOfBytes(end) === SUPER_JOURNAL ? "has a journal of another program" : undefined;
  }
}

/** The storage's directory for SQLite's temporary files; if this user has none, the files stay in memory. */
export class TempPlace implements Disposable {
  readonly #directory: Dir | undefined;
  #isGivenUp = false;

  constructor(storage: Dir) {
    this.#directory = unlessFault(() => openDirIfThere(storage, TMP), undefined);
  }

  [Symbol.dispose](): void {
    this.#directory?.[Symbol.dispose]();
  }

  /** Valid while this is open. */
  get path(): Temp {
    return this.#isGivenUp ? undefined : this.#directory?.textPath(SELF);
  }

  /** Keeps the files in memory from now on. @returns false if they were there already */
  giveUp(): boolean {
    if (this.path === undefined) return false;
    this.#isGivenUp = true;
    return true;
  }
}
