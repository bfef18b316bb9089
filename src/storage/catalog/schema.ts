/** Tables of the catalog. Another version is not converted: the catalog is made again. */
export const SCHEMA_VERSION = 1;

export const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

-- info: JSON, what lists of snapshots show
CREATE TABLE snapshot (sequence INTEGER PRIMARY KEY, id BLOB UNIQUE, info TEXT);

-- The snapshots over which intervals run: all complete ones of a series, or one partial one (its sequence)
CREATE TABLE line (id INTEGER PRIMARY KEY, host TEXT, series TEXT, partial INTEGER, UNIQUE (host, series, partial));

-- Paths are bytes; '' holds the top
CREATE TABLE directory (id INTEGER PRIMARY KEY, path BLOB UNIQUE);

-- first and last are sequences of snapshots; last is NULL while the version is in the newest one
CREATE TABLE version (
  line INTEGER, directory INTEGER, name BLOB, first INTEGER, last INTEGER,
  kind TEXT, size INTEGER, mtime TEXT, content BLOB,
  PRIMARY KEY (directory, name, line, first)
) WITHOUT ROWID;

-- Contents that a root vouches for
CREATE TABLE content (id BLOB PRIMARY KEY, size INTEGER) WITHOUT ROWID;

-- Not derived from manifests: what checks have found
CREATE TABLE verification (content BLOB PRIMARY KEY, verifiedMs INTEGER, state TEXT) WITHOUT ROWID;
`;
