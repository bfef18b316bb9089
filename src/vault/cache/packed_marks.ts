/**
 * Lines of ledgers as the cache and the memory hold them: tombstones are never dropped, so there may be many.
 *
 * count (4 bytes), count times { unit (32), mark (1), index of its time (4) } sorted by unit, each unit once, followed
 * by the times as a JSON list.
 */
import { Buffer } from "node:buffer";
import { type LedgerLine, MARKS } from "../index/index_object.ts";
import { isGraver } from "../index/join.ts";

const COUNT_BYTES = 4, NAME_BYTES = 32, RECORD_BYTES = 37, MARK_AT = 32, TIME_AT = 33;

export function packMarks(lines: readonly LedgerLine[]): Uint8Array<ArrayBuffer> {
  const gravest = new Map<string, LedgerLine>();
  for (const line of lines) {
    const known = gravest.get(line.unit);
    if (known === undefined || isGraver(line, known)) gravest.set(line.unit, line);
  }
  const sorted = [...gravest.values()].sort((a, b) => a.unit < b.unit ? -1 : 1);
  const times = new Map<string, number>();
  for (const { since } of sorted) if (!times.has(since)) times.set(since, times.size);
  const records = Buffer.alloc(COUNT_BYTES + sorted.length * RECORD_BYTES);
  records.writeUInt32BE(sorted.length);
  sorted.forEach(({ unit, mark, since }, i) => {
    const at = COUNT_BYTES + i * RECORD_BYTES;
    records.write(unit, at, "hex");
    records.writeUInt8(MARKS.indexOf(mark), at + MARK_AT);
    records.writeUInt32BE(times.get(since) ?? 0, at + TIME_AT);
  });
  return new Uint8Array(Buffer.concat([records, Buffer.from(JSON.stringify([...times.keys()]))]));
}

/** Decodes the result of {@link packMarks}. Not for bytes of any other origin. */
class PackedMarks {
  readonly #bytes: Buffer;
  readonly #times: readonly string[];
  readonly count: number;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.count = this.#bytes.readUInt32BE();
    this.#times = JSON.parse(this.#bytes.toString("utf8", COUNT_BYTES + this.count * RECORD_BYTES));
  }

  find(unit: string): LedgerLine | undefined {
    const name = Buffer.from(unit, "hex");
    let from = 0, to = this.count;
    while (from < to) {
      const middle = (from + to) >>> 1, at = COUNT_BYTES + middle * RECORD_BYTES;
      const order = this.#bytes.compare(name, 0, NAME_BYTES, at, at + NAME_BYTES);
      if (order === 0) return this.at(middle);
      if (order < 0) from = middle + 1;
      else to = middle;
    }
    return undefined;
  }

  at(i: number): LedgerLine | undefined {
    if (i >= this.count) return undefined;
    const at = COUNT_BYTES + i * RECORD_BYTES;
    return {
      unit: this.#bytes.toString("hex", at, at + NAME_BYTES),
      mark: MARKS[this.#bytes.readUInt8(at + MARK_AT)] ?? "gone",
      since: this.#times[this.#bytes.readUInt32BE(at + TIME_AT)] ?? "",
    };
  }
}

/** The combined marks of all ledgers in force: for each unit the gravest, and of several the earliest. */
export class Marks {
  readonly #ledgers: readonly PackedMarks[];

  /** @param ledgers packed; duplicates are dropped, because a prune writes each twice */
  constructor(ledgers: readonly Uint8Array<ArrayBuffer>[]) {
    const different = ledgers.filter((one, i) => ledgers.findIndex((other) => Buffer.compare(one, other) === 0) === i);
    this.#ledgers = different.map((bytes) => new PackedMarks(bytes));
  }

  find(unit: string): LedgerLine | undefined {
    return gravestOf(this.#ledgers.map((ledger) => ledger.find(unit)));
  }

  /** All marks, sorted by unit. */
  *[Symbol.iterator](): Generator<LedgerLine> {
    const cursors = this.#ledgers.map((ledger) => ({ ledger, at: 0 }));
    for (;;) {
      const next = cursors.map(({ ledger, at }) => ledger.at(at));
      const unit = next.reduce<string | undefined>((least, line) => lesser(least, line?.unit), undefined);
      if (unit === undefined) return;
      const line = gravestOf(next.filter((line) => line?.unit === unit));
      cursors.forEach((cursor, i) => next[i]?.unit === unit && cursor.at++);
      if (line !== undefined) yield line;
    }
  }
}

function lesser(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}

function gravestOf(lines: readonly (LedgerLine | undefined)[]): LedgerLine | undefined {
  return lines.reduce(
    (worst, line) => worst === undefined || (line && isGraver(line, worst)) ? line : worst,
    undefined,
  );
}
