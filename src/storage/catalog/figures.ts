/** What the contents of a storage come to, as far as manifests tell. */
import type { Apath } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { Database } from "./database.ts";
import { VERSION_COLUMNS, VERSION_TABLES, versionOf } from "./version_row.ts";

/** Of one snapshot. Bytes are sizes of contents, each counted once. */
export interface SnapshotFigures {
  readonly sequence: number;
  /** Contents that no snapshot before it has. */
  readonly newContents: number;
  readonly newBytes: number;
  /** Contents that no other snapshot has: what forgetting this one alone would free. */
  readonly uniqueContents: number;
  readonly uniqueBytes: number;
}

export interface LargeContent {
  readonly content: ContentId;
  readonly size: number;
  /** One of its paths. */
  readonly path: Apath;
}

/** Of the snapshots that have new contents, oldest first. Counts every content exactly once as new. */
export function snapshotFigures(database: Database): SnapshotFigures[] {
  // Without an index: looking up the rows of a million contents one by one takes longer than sorting them.
  const contents = `SELECT max(v.size) AS size, min(v.first) AS first, max(ifnull(v.last, n.newest)) AS last
    FROM version v NOT INDEXED
      JOIN (SELECT line, max(sequence) AS newest FROM snapshot GROUP BY line) n ON n.line = v.line
    WHERE v.content IS NOT NULL GROUP BY v.content`;
  const rows = database.all(
    `SELECT first, count(*) AS new, sum(size) AS newBytes, sum(first = last) AS uniques,
      sum(iif(first = last, size, 0)) AS uniqueBytes FROM (${contents}) GROUP BY first ORDER BY first`,
  );
  return rows.map((row) => ({
    sequence: row["first"] as number,
    newContents: row["new"] as number,
    newBytes: row["newBytes"] as number,
    uniqueContents: row["uniques"] as number,
    uniqueBytes: row["uniqueBytes"] as number,
  }));
}

/** The largest first. */
export function largestContents(database: Database, count: number): LargeContent[] {
  const found = new Map<ContentId, LargeContent>();
  // One content has many versions: more rows are asked for until there are enough different ones.
  for (let limit = count * 4, got = limit; found.size < count && got === limit; limit *= 4) {
    const rows = database.all(
      `SELECT ${VERSION_COLUMNS} FROM (
          SELECT * FROM version NOT INDEXED WHERE content IS NOT NULL ORDER BY size DESC, content, id LIMIT ${limit}
        ) v ${VERSION_TABLES.slice("version v".length)} ORDER BY v.size DESC, v.content, v.id`,
    );
    got = rows.length;
    for (const { content, size, path } of rows.map(versionOf)) {
      if (content !== undefined && !found.has(content)) found.set(content, { content, size, path });
    }
  }
  return [...found.values()].slice(0, count);
}
