/** Tables of the catalog. A catalog of another version is not converted but rebuilt. */
export const SCHEMA_VERSION = 4;

/** Larger than the default, so that a scan reads fewer pages. */
export const PAGE_BYTES = 8192;

/** Byte strings (core/raw.ts) are stored as text with one character per byte, so that they sort as bytes. */
export const SCHEMA = `
-- ratios: JSON, what was learnt of how well files compress (compression_ratios.ts); the others say what this catalog is
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

-- The snapshots over which intervals run: all complete ones of a series, or one partial one (its sequence)
CREATE TABLE chain (id INTEGER PRIMARY KEY, host TEXT, series TEXT, partial INTEGER, UNIQUE (host, series, partial));

-- own: the sequence in the root, if that was taken; info: JSON, what lists of snapshots show
CREATE TABLE snapshot (sequence INTEGER PRIMARY KEY, id BLOB UNIQUE, chain INTEGER, own INTEGER, info TEXT);

-- '' holds the top
CREATE TABLE directory (id INTEGER PRIMARY KEY, path TEXT UNIQUE);

-- Kind, mode, owners and device, as JSON: there are few different ones
CREATE TABLE attributes (id INTEGER PRIMARY KEY, text TEXT UNIQUE);

-- first and last are sequences of snapshots; last is NULL while the version is in the newest one.
-- seconds and nanos: mtime; both have its sign. detail: JSON of what few entries have: target, xattrs, problems
CREATE TABLE version (
  id INTEGER PRIMARY KEY, chain INTEGER, directory INTEGER, name TEXT, first INTEGER, last INTEGER,
  attributes INTEGER, size INTEGER, seconds INTEGER, nanos INTEGER, content BLOB, detail TEXT
);

-- Not derived from manifests: what checks have found
CREATE TABLE verification (content BLOB PRIMARY KEY, verifiedMs INTEGER, state TEXT) WITHOUT ROWID;
`;

/** Finds the versions of a path. Created after a bulk load, which is several times faster than maintaining it. */
export const PATH_INDEX = "CREATE INDEX IF NOT EXISTS version_path ON version (directory, name)";
/** Finds the versions that refer to a content. */
export const CONTENT_INDEX =
  "CREATE INDEX IF NOT EXISTS version_content ON version (content) WHERE content IS NOT NULL";

/** What SQLite notes of them. */
const NOTED: ReadonlySet<string> = new Set(
  [...`${SCHEMA}`.matchAll(/^CREATE TABLE[^;]*/gm)].map(([text]) => text)
    .concat([PATH_INDEX, CONTENT_INDEX].map((text) => text.replace(" IF NOT EXISTS", ""))),
);
const TABLES = 7;

/**
 * True if a database has exactly these tables, with or without the indexes.
 * @param rows of sqlite_schema, with their `sql`
 */
export function isOwnSchema(rows: readonly Readonly<Record<string, unknown>>[]): boolean {
  const texts = rows.map(({ sql }) => sql).filter((sql) => sql !== null);
  const own = texts.filter((sql) => typeof sql === "string" && NOTED.has(sql));
  return own.length === texts.length && own.filter((sql) => String(sql).startsWith("CREATE TABLE")).length === TABLES;
}

/** Tables that every version had so, and that are not derived from manifests. */
const NOTES: readonly string[] = [...NOTED].filter((text) => /^CREATE TABLE (?:meta|verification) /.test(text));

/**
 * True if a database has verifications recorded by this or an earlier version.
 * @param rows of sqlite_schema, with their `type` and `sql`
 */
export function holdsNotes(rows: readonly Readonly<Record<string, unknown>>[]): boolean {
  const isPlain = rows.every(({ type }) => type === "table" || type === "index");
  return isPlain && NOTES.every((text) => rows.some(({ sql }) => sql === text));
}
