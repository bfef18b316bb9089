/**
 * The catalog: an SQLite database that makes questions about many snapshots fast. It is a cache. Everything in it comes
 * from roots and hunks, but for the memory of when a content was last verified; nothing is ever deleted on its word.
 *
 * Versions of paths are kept as intervals: a row when something appeared or changed, none when nothing did. A complete
 * snapshot continues the intervals of its series; a partial one has intervals of its own.
 */
import { existsSync, statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Apath, childOf, compareApath, nameOf, parentOf, parseApath, TOP } from "../../core/apath.ts";
import type { ContentId, RootId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import { bytesOf, type Raw, rawOfBytes, textOf } from "../../core/raw.ts";
import { linePath, parseLine } from "../line.ts";
import type { Root } from "../root.ts";
import { SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** A snapshot whose manifest can be read. */
export interface ManifestSource {
  readonly id: RootId;
  readonly root: Root;
  lines(hunk: number): readonly string[];
}

/** What lists of snapshots show. */
export interface SnapshotInfo {
  readonly id: RootId;
  readonly sequence: number;
  /** Start and end, ISO 8601 in UTC. */
  readonly time: string;
  readonly end: string;
  /** Path of the tree in the storage. */
  readonly tree: string | null;
  readonly host: string;
  readonly user: string;
  readonly name: string;
  readonly sources: readonly string[];
  readonly tags: readonly string[];
  readonly entries: number;
  readonly files: number;
  readonly bytes: number;
  readonly problems: number;
  readonly complete: boolean;
}

/** One version of a path: what it was from snapshot `first` to `last` (sequences); `last` undefined: it still is. */
export interface PathVersion {
  readonly path: Apath;
  readonly host: string;
  readonly name: string;
  readonly first: number;
  readonly last: number | undefined;
  readonly kind: string;
  readonly size: number;
  readonly mtime: string;
  readonly content: ContentId | undefined;
}

export type VerifiedState = "ok" | "damaged";

/** Databases up to this size are checked whole when they are opened: some milliseconds. */
const QUICK_CHECK_BYTES = 8 * 1024 * 1024;
/** The smallest pages there are: a whole database is a multiple of them. */
const PAGE_BYTES = 512;
const BUSY_TIMEOUT_MS = 10_000;
const CACHE_KIB = 64 * 1024;

/** @returns a catalog, or why there is none that can be used; a reason reads on from "The catalog ..." */
export function openCatalog(
  path: string,
  storageId: string,
  options: { readonly readOnly: boolean },
): Catalog | { readonly stale: string } {
  if (!existsSync(path)) return { stale: "is missing" };
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: options.readOnly });
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    const reason = whyUnusable(database, path, storageId);
    if (reason === undefined) return new Catalog(database);
    database.close();
    return { stale: reason };
  } catch (error) {
    database?.close();
    return { stale: `can't be read (${(error as Error).message})` };
  }
}

/** True if the database is damaged, or its disk is full. Such an error says nothing of the storage. */
export function isCatalogFailure(error: unknown): error is Error {
  return error instanceof Error && (error as { readonly code?: unknown }).code === "ERR_SQLITE_ERROR";
}

/** Makes a new, empty one. The caller makes it durable. */
export function createCatalog(path: string, storageId: string): Catalog {
  return initialised(new DatabaseSync(path), storageId);
}

/** For a storage that can't be written. */
export function memoryCatalog(storageId: string): Catalog {
  return initialised(new DatabaseSync(":memory:"), storageId);
}

function initialised(database: DatabaseSync, storageId: string): Catalog {
  database.exec(SCHEMA);
  const set = database.prepare("INSERT INTO meta (key, value) VALUES (?, ?)");
  set.run("schema", String(SCHEMA_VERSION));
  set.run("storage", storageId);
  return new Catalog(database);
}

function whyUnusable(database: DatabaseSync, path: string, storageId: string): string | undefined {
  const get = database.prepare("SELECT value FROM meta WHERE key = ?");
  const schema = get.get("schema")?.["value"];
  if (schema !== String(SCHEMA_VERSION)) return `was made by another version (${schema})`;
  if (get.get("storage")?.["value"] !== storageId) return "belongs to another storage";
  const { size } = statSync(path);
  if (size % PAGE_BYTES !== 0) return "is cut off";
  if (size > QUICK_CHECK_BYTES) return undefined;
  const check = database.prepare("PRAGMA quick_check(1)").get();
  return Object.values(check ?? {})[0] === "ok" ? undefined : "is damaged";
}

export class Catalog implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA foreign_keys = OFF`);
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#database.close();
  }

  /** Takes up one snapshot. @param previous the complete snapshot of the same series right before it */
  apply(source: ManifestSource, previous: ManifestSource | undefined): void {
    this.#transaction(() => {
      const { root } = source;
      const line = this.#lineOf(root);
      this.#insertSnapshot(source);
      const basis = root.complete ? previous : undefined;
      for (const change of changes(basis, source)) {
        if (change.before !== undefined) this.#close(line, change.before, basis!.root.sequence);
        if (change.now !== undefined) this.#insertVersion(line, change.now, root);
      }
      this.#prepare(`INSERT OR IGNORE INTO content (id, size)
        SELECT content, size FROM version WHERE line = ? AND first = ? AND content IS NOT NULL ORDER BY content`)
        .run(line, root.sequence);
    });
  }

  /** Oldest first. */
  snapshots(): SnapshotInfo[] {
    return this.#prepare("SELECT info FROM snapshot ORDER BY sequence").all()
      .map((row) => JSON.parse(row["info"] as string) as SnapshotInfo);
  }

  /** Ids of the snapshots it knows. */
  generation(): RootId[] {
    return this.snapshots().map(({ id }) => id);
  }

  /** True if a root vouches for the item. */
  isTrusted(id: ContentId): boolean {
    return this.#prepare("SELECT 1 FROM content WHERE id = ?").get(blob(id)) !== undefined;
  }

  contentCount(): number {
    return this.#prepare("SELECT count(*) AS n FROM content").get()!["n"] as number;
  }

  /** Contents that a check found damaged or missing, and no later one found whole. */
  damaged(): ContentId[] {
    return this.#prepare("SELECT content FROM verification WHERE state = 'damaged'").all()
      .map((row) => hex(row["content"] as Uint8Array) as ContentId);
  }

  recordVerified(items: Iterable<{ readonly id: string; readonly state: VerifiedState }>, atMs: number): void {
    const insert = this.#prepare("INSERT OR REPLACE INTO verification (content, verifiedMs, state) VALUES (?, ?, ?)");
    this.#transaction(() => {
      for (const { id, state } of items) insert.run(blob(id), atMs, state);
    });
  }

  /** All versions of a path, oldest first. */
  history(path: Apath): PathVersion[] {
    const rows = this.#prepare(`SELECT v.*, d.path AS dir, l.host AS host, l.series AS series
      FROM version v JOIN directory d ON d.id = v.directory JOIN line l ON l.id = v.line
      WHERE d.path = ? AND v.name = ? ORDER BY v.first, v.line`)
      .all(bytesOf(path === TOP ? "" as Raw : parentOf(path)), bytesOf(nameOf(path)));
    return rows.map(versionOf);
  }

  /** Text that the storage notes to see whether `content/` has changed since. */
  fingerprint(): string | undefined {
    return this.#prepare("SELECT value FROM meta WHERE key = 'fingerprint'").get()?.["value"] as string | undefined;
  }

  setFingerprint(text: string): void {
    this.#prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('fingerprint', ?)").run(text);
  }

  /** Everything that derives from manifests, as text that doesn't depend on the order of its making. */
  *dump(): Generator<string> {
    for (const row of this.#prepare("SELECT sequence, info FROM snapshot ORDER BY sequence").iterate()) {
      yield `snapshot ${row["sequence"]} ${row["info"]}`;
    }
    for (const row of this.#prepare("SELECT id, size FROM content ORDER BY id").iterate()) {
      yield `content ${hex(row["id"] as Uint8Array)} ${row["size"]}`;
    }
    const versions = this.#prepare(`SELECT v.*, d.path AS dir, l.host AS host, l.series AS series, l.partial AS partial
      FROM version v JOIN directory d ON d.id = v.directory JOIN line l ON l.id = v.line
      ORDER BY l.host, l.series, l.partial, d.path, v.name, v.first`);
    for (const row of versions.iterate()) {
      yield `version ${row["partial"] ?? ""} ${
        JSON.stringify({ ...versionOf(row), path: textOf(versionOf(row).path) })
      }`;
    }
  }

  #lineOf(root: Root): number {
    const partial = root.complete ? 0 : root.sequence;
    this.#prepare("INSERT OR IGNORE INTO line (host, series, partial) VALUES (?, ?, ?)").run(
      root.host,
      root.name,
      partial,
    );
    return this.#prepare("SELECT id FROM line WHERE host = ? AND series = ? AND partial = ?")
      .get(root.host, root.name, partial)!["id"] as number;
  }

  #insertSnapshot({ id, root }: ManifestSource): void {
    const { entries, files, bytes, problems } = root.totals;
    const info: SnapshotInfo = {
      id,
      sequence: root.sequence,
      time: root.start,
      end: root.end,
      tree: root.tree,
      host: root.host,
      user: root.user,
      name: root.name,
      sources: root.sources.map(({ path }) => path),
      tags: root.tags,
      entries,
      files,
      bytes,
      problems,
      complete: root.complete,
    };
    this.#prepare("INSERT INTO snapshot (sequence, id, info) VALUES (?, ?, ?)")
      .run(root.sequence, blob(id), JSON.stringify(info));
  }

  #insertVersion(line: number, text: string, root: Root): void {
    const entry = parseLine(text);
    this.#prepare(`INSERT INTO version (line, directory, name, first, last, kind, size, mtime, content)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`).run(
      line,
      this.#directory(entry),
      bytesOf(nameOf(entry.path)),
      root.sequence,
      root.complete ? null : root.sequence,
      entry.kind,
      entry.size,
      entry.mtime,
      entry.content === undefined ? null : blob(entry.content),
    );
  }

  /** Ends the version that is there now. */
  #close(line: number, path: Apath, last: number): void {
    this.#prepare("UPDATE version SET last = ? WHERE line = ? AND directory = ? AND name = ? AND last IS NULL")
      .run(last, line, this.#directory({ path }), bytesOf(nameOf(path)));
  }

  #lastDirectory: { path: string; id: number } | undefined;

  /** Number of the directory that holds the entry; entries come directory by directory. */
  #directory({ path }: Pick<Entry, "path">): number {
    const parent = path === TOP ? "" : parentOf(path);
    if (this.#lastDirectory?.path === parent) return this.#lastDirectory.id;
    const bytes = bytesOf(parent as Raw);
    this.#prepare("INSERT OR IGNORE INTO directory (path) VALUES (?)").run(bytes);
    const id = this.#prepare("SELECT id FROM directory WHERE path = ?").get(bytes)!["id"] as number;
    this.#lastDirectory = { path: parent, id };
    return id;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }

  #transaction(action: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      action();
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      this.#lastDirectory = undefined;
      throw error;
    }
  }
}

/** A path that is not what it was: `before` if it was there, `now` (its line) if it is. */
interface Change {
  readonly before?: Apath;
  readonly now?: string;
}

/** Lines that differ between two manifests. Hunks that both have are not read. */
function* changes(before: ManifestSource | undefined, now: ManifestSource): Generator<Change> {
  const shared = new Set(before?.root.hunks.map(({ id }) => id));
  const own = new Set(now.root.hunks.map(({ id }) => id));
  const old = before === undefined ? [].values() : linesOutside(before, own);
  const fresh = linesOutside(now, shared);
  let a = old.next(), b = fresh.next();
  while (!a.done || !b.done) {
    const order = a.done ? 1 : b.done ? -1 : compareApath(a.value.path, b.value.path);
    if (order < 0) yield { before: a.value!.path };
    else if (order > 0) yield { now: b.value!.line };
    else if (a.value!.line !== b.value!.line) yield { before: a.value!.path, now: b.value!.line };
    if (order <= 0) a = old.next();
    if (order >= 0) b = fresh.next();
  }
}

interface Line {
  readonly path: Apath;
  readonly line: string;
}

function* linesOutside(source: ManifestSource, skipped: ReadonlySet<string>): Generator<Line, undefined> {
  for (const [index, { id }] of source.root.hunks.entries()) {
    if (skipped.has(id)) continue;
    for (const line of source.lines(index)) yield { path: parseApath(JSON.parse(linePath(line))), line };
  }
  return undefined;
}

function versionOf(row: Record<string, unknown>): PathVersion {
  const directory = rawOfBytes(row["dir"] as Uint8Array), name = rawOfBytes(row["name"] as Uint8Array);
  return {
    path: directory === "" ? TOP : childOf(directory as unknown as Apath, name),
    host: row["host"] as string,
    name: row["series"] as string,
    first: row["first"] as number,
    last: row["last"] === null ? undefined : row["last"] as number,
    kind: row["kind"] as string,
    size: row["size"] as number,
    mtime: row["mtime"] as string,
    content: row["content"] === null ? undefined : hex(row["content"] as Uint8Array) as ContentId,
  };
}

function blob(id: string): Uint8Array {
  const bytes = new Uint8Array(id.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(id.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
