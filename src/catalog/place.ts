/**
 * Where SQLite finds a catalog, and where it keeps its own temporary files. SQLite takes paths as text, follows what it
 * finds by them, and waits at a pipe; so what is there is looked at first, and its path is made here alone.
 */
import { openDirIfThere } from "../platform/open_optional.ts";
import { Fault, unlessFault } from "../core/fault.ts";
import { type Branded, type Raw, raw, rawOf, rawOfBytes } from "../core/raw.ts";
import type { Dir } from "../platform/disk.ts";
import type { Temp } from "./database.ts";
import { PAGE_BYTES } from "./schema.ts";

/** A path as SQLite takes it; good while its {@link CatalogPlace} is open. */
export type CatalogPath = Branded<string, "CatalogPath">;

export const CATALOG_NAME = rawOf("catalog.sqlite");
/** What SQLite may have left beside a catalog; it would spoil another one. */
export const LEFTOVERS: readonly Raw[] = leftoversOf(CATALOG_NAME);
const DB = rawOf("db"), TMP = rawOf("tmp"), SELF = rawOf(".");

const MAGIC = "SQLite format 3\0", HEADER_BYTES = 100;
/** File format versions of a database that keeps a rollback journal, as those that this tool makes do. */
const ROLLBACK = 1;
/** Ends a journal that names another file, which SQLite would read and may remove; this tool's name none. */
const SUPER_JOURNAL = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";

/** What SQLite may have left beside a database, its journal first. */
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

  /** Undefined if the storage has no such directory. @throws DiskFault */
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

  /** @returns why SQLite must not open what is there, which reads on from "The catalog"; or its size in bytes */
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

/** The directory of a storage for SQLite's temporary files; where there is none for this user, they stay in memory. */
export class TempPlace implements Disposable {
  readonly #directory: Dir | undefined;
  #isGivenUp = false;

  constructor(storage: Dir) {
    this.#directory = unlessFault(() => openDirIfThere(storage, TMP), undefined);
  }

  [Symbol.dispose](): void {
    this.#directory?.[Symbol.dispose]();
  }

  /** Good while this is open. */
  get path(): Temp {
    return this.#isGivenUp ? undefined : this.#directory?.textPath(SELF);
  }

  /** Has them stay in memory. @returns false if that was so already */
  giveUp(): boolean {
    if (this.path === undefined) return false;
    this.#isGivenUp = true;
    return true;
  }
}
