/** Differences between two snapshots, by path. */
import type { Database } from "./database.ts";
import { differences } from "./hunk_diff.ts";
import { Cursor, ranges, Texts } from "./parallel_ranges.ts";
import { BY_PATH, directoryText, stateOf, VERSION_COLUMNS, VERSION_TABLES, versionOf } from "./version_row.ts";
import { type Apath, isWithin, nameOf, TOP } from "../core/apath.ts";
import type { Interval, PathChange, PathVersion } from "../snapshot/catalog_queries.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";

/**
 * Yields differences from the catalog alone, without reading manifests, ordered by path.
 * @param below restricts them to this path and what is in it
 */
export function* changesInChain(database: Database, interval: Interval, below: Apath): Generator<PathChange> {
  const { host, name, before, now } = interval;
  const isBelow = below === TOP ? "" : `AND (d.path = ?5 OR d.path GLOB ?6 OR (d.path = ?7 AND v.name = ?8))`;
  const sql = `SELECT ${VERSION_COLUMNS} FROM ${VERSION_TABLES}
    WHERE ((v.last BETWEEN ?3 AND ?4 - 1 AND v.first <= ?3)
        OR (v.first BETWEEN ?3 + 1 AND ?4 AND (v.last IS NULL OR v.last >= ?4)))
      AND v.chain = (SELECT id FROM chain WHERE host = ?1 AND series = ?2 AND partial = 0) ${isBelow}
    ORDER BY ${BY_PATH}, v.first`;
  const places = [
    below,
    `${below.replace(/[*?[]/g, "[$&]")}/*`,
    directoryText(below),
    nameOf(below),
  ];
  let waiting: PathVersion | undefined;
  for (const row of database.each(sql, host, name, before, now, ...(below === TOP ? [] : places))) {
    const version = versionOf(row);
    if (waiting !== undefined && waiting.path !== version.path) {
      yield { path: waiting.path, before: waiting, now: undefined };
    }
    if (version.first > before) {
      yield { path: version.path, before: waiting?.path === version.path ? waiting : undefined, now: version };
      waiting = undefined;
    } else waiting = version;
  }
  if (waiting !== undefined) yield { path: waiting.path, before: waiting, now: undefined };
}

/**
 * Yields differences between any two snapshots from their manifests; shared hunks are not read.
 * @throws DamagedManifest, DamagedContent
 */
export function* changesBetween(
  before: Pick<ManifestSource, "root" | "text">,
  now: Pick<ManifestSource, "root" | "text">,
  below: Apath,
): Generator<PathChange> {
  const cursors = [new Cursor(before), new Cursor(now)] as const;
  const [old, fresh] = cursors, texts = new Texts();
  for (const range of ranges(cursors)) {
    if (old.hunk === fresh.hunk) continue;
    texts.forgetBut(cursors);
    for (const change of differences(old.piece(range, texts), fresh.piece(range, texts))) {
      const { path } = (change.now ?? change.before)!;
      if (!isWithin(path, below)) continue;
      yield { path, before: change.before && stateOf(change.before), now: change.now && stateOf(change.now) };
    }
  }
}
