/**
 * The catalog: an SQLite database that makes queries over many snapshots fast. It is a cache: everything in it comes
 * from roots and hunks, except for when a content was last verified, which verification_record.ts keeps as well.
 * Nothing is ever deleted on its word. Versions of paths are stored as intervals: one row when something appeared or
 * changed, none when nothing did. A complete snapshot continues the intervals of its series; a partial one has its own.
 */
import { encodeRatios, parseRatios } from "./compression_ratios.ts";
import { Database, type Mode, type Temp } from "./database.ts";
import { CatalogFault, type Trouble } from "./faults.ts";
import { findVersions } from "./find_versions.ts";
import { indexSnapshots, MOST_AT_ONCE } from "./index_snapshots.ts";
import { changesInChain } from "./path_changes.ts";
import type { CatalogPlace } from "./place.ts";
import { removeFromChain } from "./remove_snapshots.ts";
import { CONTENT_INDEX, holdsNotes, isOwnSchema, PAGE_BYTES, PATH_INDEX, SCHEMA, SCHEMA_VERSION } from "./schema.ts";
import { snapshotInfoOf } from "./snapshot_row.ts";
import { largestContents, snapshotFigures } from "./statistics.ts";
import type { VerificationRecord } from "./verification_record.ts";
import { Verifications } from "./verifications.ts";
import { portionsOf, type VerifiedPortion, type VerifiedState } from "./verified_portions.ts";
import { BY_CHAIN, directoryText, VERSION_COLUMNS, VERSION_TABLES, versionOf } from "./version_row.ts";
import { VersionWriter } from "./version_writer.ts";
import { type Apath, nameOf } from "../core/apath.ts";
import { type ContentId, knownRootId, type RootId } from "../core/content_id.ts";
import { textOf } from "../core/raw.ts";
import type {
  CatalogQueries,
  Interval,
  LargeContent,
  PathChange,
  PathVersion,
  Ratios,
  SnapshotFigures,
  VersionQuery,
} from "../snapshot/catalog_queries.ts";
import { isContentId } from "../snapshot/entry_line.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";
import type { Root } from "../snapshot/root.ts";
import { infoOf, type SnapshotInfo } from "../snapshot/snapshot_info.ts";

/** Bounds the memory for one commit. */
const STATEMENTS_IN_COMMIT = 10;
/** Databases up to this size are checked whole when they are opened: some milliseconds. */
const QUICK_CHECK_BYTES = 8 * 1024 * 1024;

/** Why a catalog can't be used: `stale` completes the sentence "The catalog ...". Only a damaged one is rebuilt. */
export interface Unusable {
  readonly stale: string;
  readonly trouble: Trouble;
}

export interface CatalogOptions {
  /** Id of the storage. */
  readonly id: string;
  readonly temp: Temp;
}

/** Opens a catalog. @param isProven true if its structure needn't be examined @returns why it can't be used, if so */
export function openCatalog(
  place: CatalogPlace,
  mode: Mode,
  { id, temp, isProven = false }: CatalogOptions & { readonly isProven?: boolean },
): Catalog | Unusable {
  const looked = place.look();
  if ("stale" in looked) return { ...looked, trouble: "damaged" };
  let database: Database | undefined;
  try {
    database = new Database(place.path, mode, { temp });
    const stale = whyUnusable(database, id) ?? (isProven ? undefined : whyDamaged(database, looked.size));
    if (stale === undefined) return new Catalog(database);
    database[Symbol.dispose]();
    return { stale, trouble: "damaged" };
  } catch (error) {
    database?.[Symbol.dispose]();
    if (!(error instanceof CatalogFault)) throw error;
    return { stale: `can't be read (${error.message})`, trouble: error.trouble };
  }
}

/** Creates an empty catalog in a new file that nobody else knows yet. The caller makes it durable. */
export function createCatalog(place: CatalogPlace, { id, temp }: CatalogOptions): Catalog {
  return initialised(new Database(place.path, "build", { temp, newPageBytes: PAGE_BYTES }), id);
}

/** Makes an empty catalog in memory, for a read-only storage. */
export function memoryCatalog({ id, temp }: CatalogOptions): Catalog {
  return initialised(new Database(":memory:", "build", { temp, newPageBytes: PAGE_BYTES }), id);
}

function initialised(database: Database, storageId: string): Catalog {
  database.exec(SCHEMA);
  const set = "INSERT INTO meta (key, value) VALUES (?, ?)";
  database.run(set, "schema", String(SCHEMA_VERSION));
  database.run(set, "storage", storageId);
  return new Catalog(database);
}

function whyUnusable(database: Database, storageId: string): string | undefined {
  if (!isOwnSchema(database.all("SELECT sql FROM sqlite_schema"))) return whyForeign(database);
  const get = (key: string) => database.get("SELECT value FROM meta WHERE key = ?", key)?.["value"];
  const schema = get("schema");
  if (schema !== String(SCHEMA_VERSION)) return `was made by another version (${schema})`;
  return get("storage") === storageId ? undefined : "belongs to another storage";
}

function whyDamaged(database: Database, size: number): string | undefined {
  if (size > QUICK_CHECK_BYTES) return undefined;
  const check = database.get("PRAGMA quick_check(1)");
  return Object.values(check ?? {})[0] === "ok" ? undefined : "is damaged";
}

/** Tables that are not its own are not asked: views and triggers in a file by somebody else may do anything. */
function whyForeign(database: Database): string {
  const isOlder = database.all("SELECT name, type FROM sqlite_schema").every(({ type }) =>
    type === "table" || type === "index"
  );
  return isOlder ? "was made by another version" : "was made by another program";
}

export class Catalog implements CatalogQueries, Disposable {
  readonly #database: Database;
  readonly verifications: Verifications;
  /** What was read last, and of which version: whoever gives out files asks for each of them. */
  #snapshots: { readonly of: unknown; readonly all: readonly SnapshotInfo[] } | undefined;

  constructor(database: Database) {
    this.#database = database;
    this.verifications = new Verifications(database);
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }

  /** Adds a snapshot. @param previous the complete snapshot of the same series immediately before it */
  apply(source: ManifestSource, previous: ManifestSource | undefined): void {
    this.#database.transaction(() => {
      const writer = new VersionWriter(this.#database);
      this.#takeUp(writer, [source], source.root.complete ? previous : undefined);
      this.#makeIndexes();
    });
  }

  /**
   * Fills an empty catalog.
   * @param chains ids of the snapshots by chain (all complete ones of a series, or a single partial one), each oldest
   * first
   * @param load called once for each, in that order
   */
  fill(chains: readonly (readonly RootId[])[], load: (id: RootId) => ManifestSource): void {
    this.#database.transaction(() => {
      const writer = new VersionWriter(this.#database);
      for (const ids of chains) {
        let previous: ManifestSource | undefined;
        for (let at = 0; at < ids.length; at += MOST_AT_ONCE) {
          const sources = ids.slice(at, at + MOST_AT_ONCE).map(load);
          this.#takeUp(writer, sources, previous);
          previous = sources.at(-1);
        }
      }
      this.#makeIndexes();
    });
  }

  #takeUp(writer: VersionWriter, snapshots: readonly ManifestSource[], previous: ManifestSource | undefined): void {
    const { root } = snapshots[0]!;
    const chain = this.#chainOf(root);
    for (const source of snapshots) this.#insertSnapshot(source, chain);
    indexSnapshots(writer, { chain, previous, snapshots, isOpen: root.complete });
  }

  #makeIndexes(): void {
    this.#database.index(PATH_INDEX);
    this.#database.index(CONTENT_INDEX);
  }

  /** Removes snapshots; unknown ones are ignored. */
  remove(ids: readonly RootId[]): void {
    this.#database.transaction(() => {
      const removed = new Set<number>();
      const chains = new Set<number>();
      for (const id of ids) {
        const row = this.#database.get("SELECT sequence, chain FROM snapshot WHERE id = unhex(?)", id);
        if (row === undefined) continue;
        removed.add(row["sequence"] as number);
        chains.add(row["chain"] as number);
      }
      for (const chain of chains) {
        const rows = this.#database.all("SELECT sequence FROM snapshot WHERE chain = ? ORDER BY sequence", chain);
        const all = rows.map((row) => row["sequence"] as number);
        removeFromChain(this.#database, chain, all, (sequence) => removed.has(sequence));
      }
      for (const sequence of removed) this.#database.run("DELETE FROM snapshot WHERE sequence = ?", sequence);
    });
  }

  /**
   * True if the sequences of some snapshots differ from those in their roots: after a removal, only a rebuild can
   * determine them.
   */
  get isRenumbered(): boolean {
    return this.#database.get("SELECT 1 FROM snapshot WHERE own <> sequence") !== undefined;
  }

  /** All snapshots, oldest first. */
  snapshots(): SnapshotInfo[] {
    const of = this.#database.versionOfOthers(), known = this.#snapshots;
    if (of !== undefined && known?.of === of) return [...known.all];
    const all = this.#database.all("SELECT sequence, lower(hex(id)) AS id, info FROM snapshot ORDER BY sequence")
      .map(snapshotInfoOf);
    this.#snapshots = of === undefined ? undefined : { of, all };
    return [...all];
  }

  /** Ids of all snapshots in the catalog, oldest first. */
  generation(): RootId[] {
    return this.#database.all("SELECT lower(hex(id)) AS id FROM snapshot ORDER BY sequence")
      .map((row) => knownRootId(String(row["id"])));
  }

  knows(id: RootId): boolean {
    return this.#database.get("SELECT 1 FROM snapshot WHERE id = unhex(?)", id) !== undefined;
  }

  /** True if a root vouches for the item. */
  isTrusted(id: ContentId): boolean {
    return this.#database.get("SELECT 1 FROM version WHERE content = unhex(?) LIMIT 1", id) !== undefined;
  }

  contentCount(): number {
    return this.#database.get(
      "SELECT count(DISTINCT content) AS n FROM version WHERE content IS NOT NULL",
    )!["n"] as number;
  }

  /** Distinct sizes of contents larger than `bytes`, ascending. */
  sizesAbove(bytes: number): Float64Array {
    const sql = "SELECT DISTINCT size FROM version WHERE content IS NOT NULL AND size > ? ORDER BY size";
    return Float64Array.from(this.#database.all(sql, bytes), (row) => row["size"] as number);
  }

  /** Contents that a check found damaged or missing, and no later check found intact. */
  damaged(): ContentId[] {
    return this.#database.all("SELECT lower(hex(content)) AS id FROM verification WHERE state = 'damaged'")
      .map((row) => String(row["id"])).filter(isContentId);
  }

  /** Records results of a check, in several transactions: those committed stay if a later one fails. */
  recordVerified(items: Iterable<{ readonly id: string; readonly state: VerifiedState }>, atMs: number): void {
    const portions = portionsOf(items);
    for (let next = portions.next(); !next.done;) {
      this.#database.transaction(() => {
        for (let n = 0; n < STATEMENTS_IN_COMMIT && !next.done; n++, next = portions.next()) {
          this.#noteVerified(next.value, atMs);
        }
      });
    }
  }

  /** Removes verifications of contents that no snapshot refers to. @returns true if there were any */
  forgetVerifications(): boolean {
    this.#database.run(
      "DELETE FROM verification WHERE NOT EXISTS (SELECT 1 FROM version WHERE version.content = verification.content)",
    );
    return this.#database.get("SELECT changes() AS n")?.["n"] !== 0;
  }

  /**
   * Imports recorded verifications of contents for which the catalog has none.
   * @param unreadable called with the reason for each record that can't be read
   * @throws DiskFault
   */
  takeRecord(record: VerificationRecord, unreadable: (why: string) => void): void {
    for (const { ids, state, atMs } of record.newestFirst(unreadable)) {
      this.#database.run(
        "INSERT INTO verification SELECT unhex(value), ?, ? FROM json_each(?) WHERE true ON CONFLICT DO NOTHING",
        atMs,
        state,
        JSON.stringify(ids),
      );
    }
  }

  /**
   * Imports what another catalog of the storage, maybe of an earlier version, knows of verifications and compression.
   * One that can't be read is ignored.
   */
  takeVerifications(place: CatalogPlace, storageId: string): void {
    if ("stale" in place.look()) return;
    try {
      this.#database.run("ATTACH ? AS other", place.path);
    } catch (error) {
      if (error instanceof CatalogFault) return;
      throw error;
    }
    try {
      if (!holdsNotes(this.#database.all("SELECT type, sql FROM other.sqlite_schema"))) {
        throw new CatalogFault("it is foreign");
      }
      this.#database.run(
        `INSERT OR REPLACE INTO verification SELECT content, verifiedMs, state FROM other.verification
          WHERE ? = (SELECT value FROM other.meta WHERE key = 'storage') AND ${IS_VERIFICATION} ORDER BY content`,
        storageId,
      );
      this.#database.run("INSERT OR REPLACE INTO meta SELECT key, value FROM other.meta WHERE key = 'ratios'");
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error;
    }
    this.#detach();
  }

  #detach(): void {
    try {
      this.#database.exec("DETACH other");
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error; // of a damaged file; it goes with the connection
    }
  }

  /** In the order of the table, which is several times faster than any other. */
  #noteVerified({ ids, state }: VerifiedPortion, atMs: number): void {
    this.#database.run(
      `INSERT INTO verification SELECT unhex(value), ?, ? FROM json_each(?) WHERE true
        ON CONFLICT DO UPDATE SET verifiedMs = excluded.verifiedMs, state = excluded.state`,
      atMs,
      state,
      JSON.stringify(ids),
    );
  }

  /** Compression ratios by file type. */
  ratios(): Ratios {
    return parseRatios(
      textOrNone(this.#database.get("SELECT value FROM meta WHERE key = 'ratios'")?.["value"]),
    );
  }

  setRatios(ratios: Ratios): void {
    this.#database.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('ratios', ?)", encodeRatios(ratios));
  }

  /** Runs `action` so that all its queries see the same state, whatever a writer does meanwhile. */
  asOfOneMoment<T>(action: () => T): T {
    return this.#database.asOfOneMoment(action);
  }

  /** All versions of a path, oldest first. */
  history(path: Apath): PathVersion[] {
    return this.#database.all(
      `SELECT ${VERSION_COLUMNS} FROM ${VERSION_TABLES}
        WHERE v.directory = (SELECT id FROM directory WHERE path = ?) AND v.name = ? ORDER BY v.first, ${BY_CHAIN}`,
      directoryText(path),
      nameOf(path),
    ).map(versionOf);
  }

  /** Versions that match a query, ordered by path, then by series, then by time; only a few are in memory at once. */
  find(query: VersionQuery): Generator<PathVersion> {
    return findVersions(this.#database, query);
  }

  /**
   * Differences between two complete snapshots of a series, ordered by path.
   * @param below restricts them to this path and what is in it
   */
  changes(interval: Interval, below: Apath): Generator<PathChange> {
    return changesInChain(this.#database, interval, below);
  }

  /** True if most pages of the file are empty. */
  get isMostlyEmpty(): boolean {
    const count = (name: string) => Number(Object.values(this.#database.get(`PRAGMA ${name}`) ?? {})[0]);
    return count("freelist_count") * 2 > count("page_count");
  }

  /** Writes a copy without empty pages. @throws CatalogFault */
  copyInto(place: CatalogPlace): void {
    this.#database.run("VACUUM INTO ?", place.path);
  }

  /** Figures of the snapshots that have new contents, oldest first. */
  figures(): SnapshotFigures[] {
    return snapshotFigures(this.#database);
  }

  /** The largest contents, in descending order of size. */
  largest(count: number): LargeContent[] {
    return largestContents(this.#database, count);
  }

  /**
   * Everything that is derived from manifests, as text that is independent of the order in which the catalog was built.
   */
  *dump(): Generator<string> {
    for (const row of this.#database.all("SELECT sequence, info FROM snapshot ORDER BY sequence")) {
      yield `snapshot ${row["sequence"]} ${row["info"]}`;
    }
    const contents = this.#database.all(
      "SELECT lower(hex(content)) AS id, max(size) AS size FROM version WHERE content NOT NULL GROUP BY content ORDER BY 1",
    );
    for (const { id, size } of contents) yield `content ${id} ${size}`;
    const rows = this.#database.all(
      `SELECT ${VERSION_COLUMNS} FROM ${VERSION_TABLES} ORDER BY ${BY_CHAIN}, d.path, v.name, v.first`,
    );
    for (const row of rows) {
      const version = versionOf(row);
      yield `version ${row["partial"] || ""} ${JSON.stringify({ ...version, path: textOf(version.path) })} ${
        row["detail"]
      }`;
    }
  }

  #chainOf(root: Root): number {
    const partial = root.complete ? 0 : root.sequence;
    const values = [root.host, root.name, partial];
    this.#database.run("INSERT OR IGNORE INTO chain (host, series, partial) VALUES (?, ?, ?)", ...values);
    const found = this.#database.get("SELECT id FROM chain WHERE host = ? AND series = ? AND partial = ?", ...values);
    return found!["id"] as number;
  }

  /** Replaces the root of a snapshot by one that differs in nothing that versions depend on. */
  replaceRoot(former: RootId, id: RootId, root: Root): void {
    this.#database.run(
      "UPDATE snapshot SET id = unhex(?), info = ? WHERE id = unhex(?)",
      id,
      JSON.stringify(infoOf(id, root)),
      former,
    );
  }

  #insertSnapshot(source: ManifestSource, chain: number): void {
    const { id, root } = source;
    this.#database.run(
      "INSERT INTO snapshot (sequence, id, chain, own, info) VALUES (?, unhex(?), ?, ?, ?)",
      root.sequence,
      id,
      chain,
      source.ownSequence ?? root.sequence,
      JSON.stringify(infoOf(id, root)),
    );
  }
}

/** What a check can have noted. */
const IS_VERIFICATION = `typeof(content) = 'blob' AND typeof(verifiedMs) = 'integer' AND state IN ('ok', 'damaged')
  AND verifiedMs BETWEEN 0 AND 8640000000000000`;

function textOrNone(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
