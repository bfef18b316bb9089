/** Finds versions of paths by their properties. */
import type { SQLInputValue } from "node:sqlite";
import type { Database } from "./database.ts";
import { CatalogFault } from "./faults.ts";
import { BY_CHAIN, BY_PATH, directoryText, VERSION_COLUMNS, VERSION_TABLES, versionOf } from "./version_row.ts";
import { type Apath, nameOf } from "../core/apath.ts";
import type { PageStart, PathVersion, VersionQuery } from "../snapshot/catalog_queries.ts";

/** Yields matching versions, ordered by path, then by series, then by time. */
export function* findVersions(database: Database, query: VersionQuery): Generator<PathVersion> {
  const found = conditions(query), { pageAfter } = query;
  if (pageAfter !== undefined) return yield* inDirectories(database, found, pageAfter);
  const { terms, values } = found;
  const where = terms.length === 0 ? "" : `WHERE ${terms.join(" AND ")}`;
  const sql = `SELECT ${VERSION_COLUMNS} FROM ${VERSION_TABLES} ${where} ORDER BY ${BY_PATH}, ${BY_CHAIN}, v.first`;
  for (const row of database.each(sql, ...values)) yield versionOf(row);
}

interface Conditions {
  readonly terms: readonly string[];
  readonly values: readonly SQLInputValue[];
}

/**
 * Goes through the directories that hold matching versions, and through the versions of each, in the order of indexes:
 * nothing is sorted but the versions of one path.
 */
function* inDirectories(database: Database, { terms, values }: Conditions, after: PageStart): Generator<PathVersion> {
  const isStart = after === "start", from = isStart ? "" : directoryText(after);
  const where = ["v.directory = d.id", ...terms].join(" AND ");
  const directories = `SELECT d.id, d.path FROM directory d WHERE d.path >= ?
    AND EXISTS (SELECT 1 FROM version v CROSS JOIN chain c ON c.id = v.chain WHERE ${where})
    ORDER BY d.path`;
  for (const { id, path } of database.each(directories, from, ...values)) {
    if (typeof id !== "number") throw new CatalogFault("a directory in it has no number");
    yield* versionsIn(database, { terms, values }, id, !isStart && path === from ? nameOf(after) : undefined);
  }
}

/** @param after name after which to begin */
function* versionsIn(
  database: Database,
  { terms, values }: Conditions,
  directory: number,
  after: string | undefined,
): Generator<PathVersion> {
  const where = ["v.directory = ?", ...(after === undefined ? [] : ["v.name > ?"]), ...terms].join(" AND ");
  const sql = `SELECT ${VERSION_COLUMNS} FROM ${VERSION_TABLES} WHERE ${where} ORDER BY v.name, ${BY_CHAIN}, v.first`;
  const place = after === undefined ? [directory] : [directory, after];
  for (const row of database.each(sql, ...place, ...values)) yield versionOf(row);
}

/** The cheapest ones first. */
function conditions(query: VersionQuery): Conditions {
  const terms: string[] = [], values: SQLInputValue[] = [];
  const add = (term: string, ...given: SQLInputValue[]) => {
    terms.push(term);
    values.push(...given);
  };
  const { names, below, smallest, largest, since, before, content, kinds, snapshots } = query;
  if (smallest !== undefined) add("v.size >= ?", smallest);
  if (largest !== undefined) add("v.size <= ?", largest);
  if (since !== undefined) add("v.seconds >= ?", since);
  if (before !== undefined) add("v.seconds < ?", before);
  if (content !== undefined) addContent(content, add);
  if (kinds !== undefined) add(`v.attributes IN (SELECT id FROM attributes WHERE ${anyOf(kinds, "text GLOB ?")})`);
  for (const kind of kinds ?? []) values.push(`"kind":"${kind}"*`);
  if (names !== undefined) {
    add(anyOf(names, query.ignoreCase ? "lower(v.name) GLOB ?" : "v.name GLOB ?"), ...names);
  }
  if (below !== undefined) addBelow(below, add);
  if (snapshots !== undefined) {
    add(
      `EXISTS (SELECT 1 FROM json_each(?) JOIN snapshot s ON s.sequence = value WHERE s.chain = v.chain
        AND s.sequence >= v.first AND (v.last IS NULL OR s.sequence <= v.last))`,
      JSON.stringify(snapshots),
    );
  }
  if (query.gone) add(`c.partial = 0 AND NOT ${IS_THERE}`);
  return { terms, values };
}

const IS_THERE = `EXISTS (SELECT 1 FROM version w WHERE w.directory = v.directory AND w.name = v.name
  AND w.chain = v.chain AND w.last IS NULL)`;

type Add = (term: string, ...values: SQLInputValue[]) => void;

function anyOf(values: readonly unknown[], term: string): string {
  return `(${values.length === 0 ? "0" : values.map(() => term).join(" OR ")})`;
}

function addBelow(directories: readonly Apath[], add: Add): void {
  if (directories.some((path) => path === "/")) return;
  const globs = directories.flatMap((path) => [path, `${path.replace(/[*?[]/g, "[$&]")}/*`]);
  add(
    `v.directory IN (SELECT id FROM directory WHERE ${anyOf(directories, "path = ? OR path GLOB ?")})`,
    ...globs,
  );
}

/** @param prefix hexadecimal digits; of an odd number the last one counts for half a byte */
function addContent(prefix: string, add: Add): void {
  const whole = prefix.length % 2 === 0;
  add("v.content >= unhex(?)", whole ? prefix : `${prefix}0`);
  add("v.content <= unhex(?)", `${prefix}${whole ? "" : "f"}${"ff".repeat(40)}`);
}
