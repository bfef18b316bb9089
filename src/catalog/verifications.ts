/** When each content that a snapshot refers to was last verified. */
import type { Database, Row } from "./database.ts";
import { CatalogFault } from "./faults.ts";
import type { ContentId } from "../core/content_id.ts";
import type { Amount, VerificationStatus } from "../snapshot/catalog_queries.ts";
import { isContentId } from "../snapshot/entry_line.ts";
import { type DatedPortion, VERIFICATIONS_AT_ONCE } from "./verified_portions.ts";

/** Without an index: looking up the rows of a million contents one by one takes longer than sorting them. */
const CONTENTS = `(SELECT content, max(size) AS size, min(first) AS first FROM version NOT INDEXED
  WHERE content NOT NULL GROUP BY content)`;

/** So many rows are sorted in a few hundredths of a second. */
const FEW_ROWS = 30_000;
/** Contents of that many bytes are few, and each of them counts. */
const LARGE_BYTES = 1024 * 1024;
/** Digests are spread evenly: so many times as many begin with any first digit. */
const SAMPLED = `(SELECT max(size) AS size, iif(max(size) >= ${LARGE_BYTES}, 1, 16) AS weight FROM version NOT INDEXED
  WHERE content < x'10' OR (content NOT NULL AND size >= ${LARGE_BYTES}) GROUP BY content)`;

/** The latest time that JavaScript knows. */
const LATEST_MS = 8.64e15;

export class Verifications {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  total(): Amount {
    return amountOf(this.#database.get(`SELECT count(*) AS contents, sum(size) AS bytes FROM ${CONTENTS}`));
  }

  /** As {@link total}, but where contents are many, of the small ones only a part is counted, and taken for the rest. */
  estimate(): Amount {
    const rows = Number(this.#database.get("SELECT max(id) AS n FROM version")?.["n"] ?? 0);
    if (rows <= FEW_ROWS) return this.total();
    return amountOf(
      this.#database.get(`SELECT sum(weight) AS contents, sum(weight * size) AS bytes FROM ${SAMPLED}`),
    );
  }

  /**
   * Yields all contents: damaged ones, then those never verified, then those verified longest ago. To be consumed
   * quickly, because others can't write meanwhile.
   */
  *longestAgo(): Generator<{ readonly id: ContentId; readonly size: number; readonly isDamaged: boolean }> {
    const rows = this.#database.each(
      `SELECT lower(hex(c.content)) AS id, c.size, v.state IS 'damaged' AS isDamaged
        FROM ${CONTENTS} c LEFT JOIN verification v ON v.content = c.content
        ORDER BY isDamaged DESC, v.verifiedMs NULLS FIRST, c.content`,
    );
    for (const { id, size, isDamaged } of rows) {
      if (typeof id !== "string" || !isContentId(id) || typeof size !== "number") {
        throw new CatalogFault("it holds a content of no size or id");
      }
      yield { id, size, isDamaged: isDamaged === 1 };
    }
  }

  /** @param sinceMs times in ms since 1970; for each, contents found intact since then are counted */
  status(sinceMs: readonly number[]): VerificationStatus {
    const row = this.#database.get(
      `SELECT ${sums("all", "1")}, ${sums("never", "v.content IS NULL")}, ${sums("damaged", "v.state = 'damaged'")},
        min(v.verifiedMs) AS oldestMs${sinceMs.map((_, i) => `, ${sums(`since${i}`, WHOLE_SINCE)}`).join("")}
        FROM ${CONTENTS} c LEFT JOIN verification v ON v.content = c.content`,
      ...sinceMs.flatMap((ms) => [ms, ms]),
    );
    const oldestMs = row?.["oldestMs"];
    return {
      all: amountOf(row, "all"),
      never: amountOf(row, "never"),
      damaged: amountOf(row, "damaged"),
      since: sinceMs.map((_, i) => amountOf(row, `since${i}`)),
      oldestMs: typeof oldestMs === "number" && Math.abs(oldestMs) <= LATEST_MS ? oldestMs : undefined,
    };
  }

  /** Number of contents with a recorded verification, whether snapshots refer to them or not. */
  notedCount(): number {
    return Number(this.#database.get("SELECT count(*) AS n FROM verification")?.["n"] ?? 0);
  }

  /** True if a snapshot refers to a content that has no recorded verification. */
  isAnyUnnoted(): boolean {
    return this.#database.get(
      `SELECT 1 FROM version WHERE content NOT NULL
        AND NOT EXISTS (SELECT 1 FROM verification WHERE verification.content = version.content) LIMIT 1`,
    ) !== undefined;
  }

  /** True if everything recorded was found intact at this time (ms since 1970) or later, and nothing is unrecorded. */
  isAllSoundSince(ms: number): boolean {
    const other = "SELECT 1 FROM verification WHERE state IS NOT 'ok' OR verifiedMs IS NULL OR verifiedMs < ? LIMIT 1";
    return this.#database.get(other, ms) === undefined && !this.isAnyUnnoted();
  }

  /** Yields all recorded verifications, oldest first. */
  *noted(): Generator<DatedPortion> {
    const rows = this.#database.each(
      `SELECT lower(hex(content)) AS id, state, verifiedMs FROM verification
        WHERE state IN ('ok', 'damaged') AND verifiedMs BETWEEN 0 AND ${LATEST_MS}
        ORDER BY verifiedMs, state, content`,
    );
    let portion: DatedPortion & { readonly ids: string[] } = { ids: [], state: "ok", atMs: 0 };
    for (const { id, state, verifiedMs } of rows) {
      if (typeof id !== "string" || !isContentId(id) || typeof verifiedMs !== "number") continue;
      const isSame = state === portion.state && verifiedMs === portion.atMs;
      if (!isSame || portion.ids.length === VERIFICATIONS_AT_ONCE) {
        if (portion.ids.length > 0) yield portion;
        portion = { ids: [], state: state === "ok" ? "ok" : "damaged", atMs: verifiedMs };
      }
      portion.ids.push(id);
    }
    if (portion.ids.length > 0) yield portion;
  }

  /** Selects those of `ids` that a snapshot refers to, and that have no recorded verification. */
  unnoted(ids: readonly string[]): string[] {
    return this.#database.all(
      `SELECT value AS id FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM verification WHERE content = unhex(value))
        AND EXISTS (SELECT 1 FROM version WHERE content = unhex(value))`,
      JSON.stringify(ids),
    ).map(({ id }) => String(id));
  }
}

const WHOLE_SINCE = "v.state = 'ok' AND v.verifiedMs >= ?";

function sums(name: string, condition: string): string {
  return `count(*) FILTER (WHERE ${condition}) AS ${name}Contents, sum(c.size) FILTER (WHERE ${condition}) AS ${name}Bytes`;
}

function amountOf(row: Row | undefined, name?: string): Amount {
  const column = (what: string) => name === undefined ? what.toLowerCase() : name + what;
  return {
    contents: (row?.[column("Contents")] ?? 0) as number,
    bytes: (row?.[column("Bytes")] ?? 0) as number,
  };
}
