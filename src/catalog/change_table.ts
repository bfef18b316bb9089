/**
 * Collects changes of paths to find moves: content that disappeared at one path and appeared at another. The changes
 * are kept in an unnamed database, which the system moves to a file if it gets large, because a directory with a
 * million files may have been renamed.
 */
import { Database, type Row, type Temp } from "./database.ts";
import { type Apath, knownApath, nameOf } from "../core/apath.ts";
import type { ContentId } from "../core/content_id.ts";
import type { PathChange, State } from "../snapshot/catalog_queries.ts";

/** A change. If `from` is set, the object was moved from that path, and `before` is its state there. */
export interface GatheredChange extends PathChange {
  readonly from: Apath | undefined;
}

const TABLE = `
CREATE TABLE change (
  id INTEGER PRIMARY KEY, path TEXT, name TEXT, size INTEGER, gone BLOB, come BLOB, before TEXT, now TEXT, partner INTEGER
)`;
const NAMELESS = "", IN_MEMORY = ":memory:";

/** The order of insertion, or depth first: each directory is followed by its contents, by name. */
export type ChangeOrder = "added" | "depth-first";
/** A slash comes before everything that a name may hold. */
const ORDERS: Readonly<Record<ChangeOrder, string>> = {
  "added": "c.id",
  "depth-first": "replace(c.path, '/', char(0))",
};

export class ChangeTable implements Disposable {
  readonly #database: Database;
  #isPaired = false;

  /** @param temp directory for the data that exceeds memory; undefined: everything stays in memory */
  constructor(temp: Temp) {
    this.#database = new Database(temp === undefined ? IN_MEMORY : NAMELESS, "build", { temp });
    this.#database.exec(`${TABLE}; BEGIN`);
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }

  /** Adds a change; changes are added in the order in which they are reported. */
  add({ path, before, now }: PathChange): void {
    this.#database.run(
      "INSERT INTO change (path, name, size, gone, come, before, now) VALUES (?, ?, ?, unhex(?), unhex(?), ?, ?)",
      path,
      nameOf(path),
      (now ?? before)!.size,
      now === undefined ? movable(before) : null,
      before === undefined ? movable(now) : null,
      encode(before),
      encode(now),
    );
  }

  /** Yields added files of the same size as a removed one; {@link setContent} may set their content. */
  *unknownContents(): Generator<{ readonly id: number; readonly path: Apath }> {
    const rows = this.#database.all(
      `SELECT id, path FROM change WHERE before IS NULL AND come IS NULL AND size > 0
        AND now GLOB '*"kind":"file"*' AND size IN (SELECT size FROM change WHERE gone IS NOT NULL)`,
    );
    for (const { id, path } of rows) yield { id: Number(id), path: knownApath(String(path)) };
  }

  setContent(id: number, content: ContentId): void {
    this.#database.run(
      "UPDATE change SET come = unhex(?1), now = json_set(now, '$.content', ?1) WHERE id = ?2",
      content,
      id,
    );
  }

  /** Yields all changes. A removed and an added path with the same content become one change, at the added path. */
  *changes(order: ChangeOrder): Generator<GatheredChange> {
    this.#pair();
    const rows = this.#database.each(
      `SELECT c.path, c.before, c.now, p.path AS from_path, p.before AS from_before
        FROM change c LEFT JOIN change p ON p.id = c.partner
        WHERE NOT (c.now IS NULL AND c.partner IS NOT NULL) ORDER BY ${ORDERS[order]}`,
    );
    for (const row of rows) yield changeOf(row);
  }

  /** First those whose name is the same, then the others; each in order. */
  #pair(): void {
    if (this.#isPaired) return;
    this.#isPaired = true;
    for (const key of ["content, name", "content"]) {
      const numbered = (column: string) =>
        `SELECT id, ${column} AS content, name, row_number() OVER (PARTITION BY ${
          key.replace("content", column)
        } ORDER BY id) AS n FROM change WHERE ${column} IS NOT NULL AND partner IS NULL`;
      this.#database.exec(`CREATE TABLE pair AS SELECT g.id AS gone, c.id AS come
        FROM (${numbered("gone")}) g JOIN (${numbered("come")}) c USING (${key}, n)`);
      this.#database.exec(`CREATE INDEX pair_come ON pair (come);
        UPDATE change SET partner = (SELECT gone FROM pair WHERE come = change.id) WHERE id IN (SELECT come FROM pair);
        UPDATE change SET partner = id WHERE id IN (SELECT gone FROM pair);
        DROP TABLE pair`);
    }
  }
}

/** Content of a file that could be recognised elsewhere; empty ones are all alike. */
function movable(state: State | undefined): string | null {
  return state !== undefined && state.size > 0 ? state.content ?? null : null;
}

function encode(state: State | undefined): string | null {
  if (state === undefined) return null;
  const { kind, size, mtime, content, mode, uid, gid, user, group, device, target, xattrs, problems } = state;
  return JSON.stringify({ kind, size, mtime, content, mode, uid, gid, user, group, device, target, xattrs, problems });
}

function decode(text: unknown): State | undefined {
  return text === null ? undefined : JSON.parse(text as string) as State;
}

function changeOf(row: Row): GatheredChange {
  const from = row["from_path"];
  return {
    path: knownApath(String(row["path"])),
    from: from === null ? undefined : knownApath(String(from)),
    before: decode(from === null ? row["before"] : row["from_before"]),
    now: decode(row["now"]),
  };
}
