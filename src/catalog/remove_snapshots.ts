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
  database.exec(
    "DROP TABLE IF EXISTS temp.touched; CREATE TEMP TABLE touched (id INTEGER PRIMARY KEY, directory, name)",
  );
  database.run(
    `INSERT INTO touched (directory, name) SELECT DISTINCT directory, name FROM version NOT INDEXED
      WHERE chain = ?1 AND (first IN (SELECT value FROM json_each(?2)) OR last IN (SELECT value FROM json_each(?3)))`,
    chain,
    JSON.stringify(all.filter(isRemoved)),
    JSON.stringify(shift.touchedEnds),
  );
  for (let after = 0;; after += PATHS_AT_ONCE) {
    const rows = database.all(TOUCHED_VERSIONS, chain, after, after + PATHS_AT_ONCE);
    if (rows.length === 0) break;
    for (const versions of grouped(rows)) shiftPath(database, versions, shift);
  }
  database.exec("DROP TABLE touched");
}

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
