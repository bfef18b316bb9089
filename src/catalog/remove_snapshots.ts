/**
 * Removes snapshots from the versions of the catalog. Intervals then begin and end at the remaining snapshots, and what
 * was the same before and after the removed ones becomes one interval. The result equals that of a rebuild without
 * them.
 */
import type { Database, Row } from "./database.ts";

/** Paths dealt with at once: bounds memory. */
const PATHS_AT_ONCE = 2000;

/** @param all sequences of the chain's snapshots in order, including those to be removed */
export function removeFromChain(
  database: Database,
  chain: number,
  all: readonly number[],
  isRemoved: (sequence: number) => boolean,
): void {
  const kept = all.filter((sequence) => !isRemoved(sequence));
  if (kept.length === 0) {
    database.run("DELETE FROM version WHERE chain = ?", chain);
    database.run("DELETE FROM chain WHERE id = ?", chain);
    return;
  }
  const shift = new Shift(all, isRemoved);
  const removed = JSON.stringify(all.filter(isRemoved)), ends = JSON.stringify(shift.touchedEnds);
  shiftChanged(database, [chain, removed, ends], shift);
  shiftOthers(database, [chain, removed, ends], shift);
}

/** The chain, the removed sequences, and those at which intervals end that may change; both as JSON. */
type Touched = readonly [chain: number, removed: string, ends: string];

const IS_TOUCHED = `chain = ?1 AND
  (first IN (SELECT value FROM json_each(?2)) OR last IN (SELECT value FROM json_each(?3)))`;

/** Paths of several versions: what was removed between two may make them one. */
function shiftChanged(database: Database, touched: Touched, shift: Shift): void {
  const [chain] = touched;
  database.exec(
    "DROP TABLE IF EXISTS temp.touched; CREATE TEMP TABLE touched (id INTEGER PRIMARY KEY, directory, name)",
  );
  database.run(
    `INSERT INTO touched (directory, name) SELECT DISTINCT directory, name FROM version v NOT INDEXED
      WHERE ${IS_TOUCHED} AND EXISTS (SELECT 1 FROM version o INDEXED BY version_path
        WHERE o.directory = v.directory AND o.name = v.name AND o.id <> v.id)`,
    ...touched,
  );
  for (let after = 0;; after += PATHS_AT_ONCE) {
    const rows = database.all(TOUCHED_VERSIONS, chain, after, after + PATHS_AT_ONCE);
    if (rows.length === 0) break;
    for (const versions of grouped(rows)) shiftPath(database, versions, shift);
  }
  database.exec("DROP TABLE touched");
}

/**
 * All other paths, most of which never changed: they have few different intervals. Those that were shifted before have
 * intervals that stay as they are.
 */
function shiftOthers(database: Database, touched: Touched, shift: Shift): void {
  const [chain] = touched;
  database.exec(
    `DROP TABLE IF EXISTS temp.shifted;
      CREATE TEMP TABLE shifted (first, last, newFirst, newLast, PRIMARY KEY (first, last)) WITHOUT ROWID`,
  );
  for (
    const row of database.all(`SELECT DISTINCT first, last FROM version NOT INDEXED WHERE ${IS_TOUCHED}`, ...touched)
  ) {
    const first = row["first"] as number, last = row["last"] as number | null, interval = shift.map(first, last);
    const shifted = interval.from >= interval.to ? { first: null, last: null } : shift.sequences(interval);
    if (shifted.first === first && shifted.last === last) continue;
    database.run("INSERT INTO shifted VALUES (?, ?, ?, ?)", first, last ?? OPEN, shifted.first, shifted.last);
  }
  database.run(`DELETE FROM version WHERE chain = ? AND ${isShifted("newFirst IS NULL")}`, chain);
  database.run(
    `UPDATE version SET (first, last) = (SELECT newFirst, newLast FROM shifted WHERE ${IS_INTERVAL})
      WHERE chain = ? AND ${isShifted("newFirst NOT NULL")}`,
    chain,
  );
  database.exec("DROP TABLE shifted");
}

/** Stands for the end of an interval that has none: part of a key can't be NULL. */
const OPEN = -1;
const IS_INTERVAL = `shifted.first = version.first AND shifted.last = ifnull(version.last, ${OPEN})`;
const isShifted = (how: string) => `EXISTS (SELECT 1 FROM shifted WHERE ${IS_INTERVAL} AND ${how})`;

const TOUCHED_VERSIONS = `SELECT t.id AS path, v.id, v.first, v.last, v.attributes, v.size, v.seconds, v.nanos,
    hex(v.content) AS content, v.detail
  FROM touched t JOIN version v INDEXED BY version_path ON v.directory = t.directory AND v.name = t.name
  WHERE v.chain = ? AND t.id > ? AND t.id <= ? ORDER BY t.id, v.first`;

/** Where intervals begin and end when some snapshots are gone. */
class Shift {
  /** Last sequences of versions that may change: those whose snapshot, or the one after it, is removed. */
  readonly touchedEnds: readonly number[];
  readonly #kept: readonly number[];
  /** Index in `#kept` of the first sequence at or after a given one. */
  readonly #firstKept = new Map<number, number>();

  constructor(all: readonly number[], isRemoved: (sequence: number) => boolean) {
    this.#kept = all.filter((sequence) => !isRemoved(sequence));
    this.touchedEnds = all.filter((sequence, i) =>
      isRemoved(sequence) || (i + 1 < all.length && isRemoved(all[i + 1]!))
    );
    let position = 0;
    for (const sequence of all) {
      this.#firstKept.set(sequence, position);
      if (!isRemoved(sequence)) position++;
    }
  }

  /**
   * Maps an interval to indexes of the kept snapshots: the first, and the one after the last; equal if none is left.
   */
  map(first: number, last: number | null): { from: number; to: number } {
    const from = this.#firstKept.get(first)!;
    if (last === null) return { from, to: this.#kept.length };
    const at = this.#firstKept.get(last)!;
    return { from, to: this.#kept[at] === last ? at + 1 : at };
  }

  sequences({ from, to }: { from: number; to: number }): { first: number; last: number | null } {
    return { first: this.#kept[from]!, last: to === this.#kept.length ? null : this.#kept[to - 1]! };
  }
}

function* grouped(rows: readonly Row[]): Generator<Row[]> {
  let group: Row[] = [];
  for (const row of rows) {
    if (group.length > 0 && group[0]!["path"] !== row["path"]) {
      yield group;
      group = [];
    }
    group.push(row);
  }
  yield group;
}

/** @param versions of one path, oldest first */
function shiftPath(database: Database, versions: readonly Row[], shift: Shift): void {
  const held: { row: Row; from: number; to: number }[] = [];
  for (const row of versions) {
    const { from, to } = shift.map(row["first"] as number, row["last"] as number | null);
    const before = held.at(-1);
    const vanishes = from >= to;
    const continues = before !== undefined && before.to === from && isSameState(before.row, row);
    if (vanishes || continues) database.run("DELETE FROM version WHERE id = ?", row["id"] as number);
    if (!vanishes && continues) before.to = to;
    else if (!vanishes) held.push({ row, from, to });
  }
  for (const { row, ...interval } of held) {
    const { first, last } = shift.sequences(interval);
    if (first === row["first"] && last === row["last"]) continue;
    database.run("UPDATE version SET first = ?, last = ? WHERE id = ?", first, last, row["id"] as number);
  }
}

const STATE = ["attributes", "size", "seconds", "nanos", "content", "detail"] as const;

function isSameState(a: Row, b: Row): boolean {
  return STATE.every((column) => a[column] === b[column]);
}
