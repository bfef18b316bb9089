/** Sizes of a storage's contents, according to the manifests. */
import type { Database } from "./database.ts";
import { CatalogFault } from "./faults.ts";
import { BY_CHAIN, BY_PATH, VERSION_COLUMNS, VERSION_TABLES, versionOf } from "./version_row.ts";
import type { LargeContent, SnapshotFigures } from "../snapshot/catalog_queries.ts";

/** Figures of the snapshots that have new contents, oldest first. Each content counts as new exactly once. */
export function snapshotFigures(database: Database): SnapshotFigures[] {
  // Without an index: looking up the rows of a million contents one by one takes longer than sorting them.
  const contents = `SELECT max(v.size) AS size, min(v.first) AS first, max(ifnull(v.last, n.newest)) AS last
    FROM version v NOT INDEXED
      JOIN (SELECT chain, max(sequence) AS newest FROM snapshot GROUP BY chain) n ON n.chain = v.chain
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

/** The largest contents, in descending order of size. */
export function largestContents(database: Database, count: number): LargeContent[] {
  // One content has many versions: more rows are asked for until there are enough different ones.
  for (let limit = count * 4;; limit *= 4) {
    const rows = database.all(
      `SELECT lower(hex(content)) AS content FROM version NOT INDEXED WHERE content IS NOT NULL
        ORDER BY size DESC, version.content LIMIT ?`,
      limit,
    );
    const contents = new Set(rows.map(({ content }) => String(content)));
    if (contents.size < count && rows.length === limit) continue;
    return [...contents].slice(0, count).map((content) => firstVersionOf(database, content));
  }
}

/** The same one however the catalog was made. */
function firstVersionOf(database: Database, content: string): LargeContent {
  const row = database.get(
    `SELECT ${VERSION_COLUMNS} FROM ${VERSION_TABLES} WHERE v.content = unhex(?)
      ORDER BY v.size DESC, v.first, ${BY_PATH}, ${BY_CHAIN} LIMIT 1`,
    content,
  );
  const version = row && versionOf(row);
  if (version?.content === undefined) throw new CatalogFault("a content in it belongs to no version");
  return { content: version.content, size: version.size, path: version.path };
}
