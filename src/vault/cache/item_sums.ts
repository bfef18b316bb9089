/** Sums over the table of items, for comparing it with the lines that it was made from without sorting either. */
import type { Database } from "../../catalog/database.ts";

/** Divisors that keep each sum below 2^53, for any possible number of items. */
const LIMB = 0x10000, MIXED = 0x1000;
const QUERY = `SELECT count(*) AS count, total(key % ${LIMB}) AS low, total(key / ${LIMB} % ${LIMB}) AS middle,
  total(key / ${
  LIMB * LIMB
}) AS high, total(line) AS lines, total((key % ${MIXED}) * (line % ${MIXED})) AS mixed FROM item`;

export class ItemSums {
  #last = { key: -1, line: -1 };
  readonly #sums = { count: 0, low: 0, middle: 0, high: 0, lines: 0, mixed: 0 };

  /** Adds an item of a line. A line's keys must come in sequence and in order: the table has duplicates only once. */
  add(key: number, line: number): void {
    if (key === this.#last.key && line === this.#last.line) return;
    this.#last = { key, line };
    const sums = this.#sums;
    sums.count++;
    sums.low += key % LIMB;
    sums.middle += Math.floor(key / LIMB) % LIMB;
    sums.high += Math.floor(key / LIMB / LIMB);
    sums.lines += line;
    sums.mixed += (key % MIXED) * (line % MIXED);
  }

  /** True if the table in the database has these sums. */
  isOf(database: Database): boolean {
    const row = database.get(QUERY);
    return row !== undefined && Object.entries(this.#sums).every(([name, sum]) => row[name] === sum);
  }
}
