/** Detects backups that are overdue. */
import { hashBytes } from "../core/digest.ts";
import { BadJson, fieldsOf, parseJson } from "../core/json.ts";
import { bytesOf, rawOf, rawOfBytes, textOf } from "../core/raw.ts";
import { durationText } from "../core/time_text.ts";
import type { Dir } from "../platform/disk.ts";
import type { Notice } from "./notice.ts";

/** Maps a series, "NAME" or "HOST:NAME", to the maximum age of its newest snapshot, in milliseconds. */
export type Expectations = Readonly<Record<string, number>>;

export interface Late {
  /** Name of the series or job. */
  readonly subject: string;
  /** One sentence. */
  readonly reason: string;
}

interface Made {
  readonly host: string;
  readonly name: string;
  /** Start of the backup: ISO 8601, UTC. */
  readonly time: string;
  readonly complete: boolean;
}

/** Lists series whose newest complete snapshot is too old, or that have none. */
export function lateSeries(expected: Expectations, snapshots: readonly Made[], nowMs: number): Late[] {
  return Object.entries(expected).flatMap(([series, mostMs]) => {
    const times = snapshots.filter((one) => one.complete && isOf(series, one)).map(({ time }) => Date.parse(time));
    if (times.length === 0) return [{ subject: series, reason: `There is no snapshot of ${series}` }];
    const lastMs = times.reduce((a, b) => Math.max(a, b)), ageMs = nowMs - lastMs;
    if (ageMs <= mostMs) return [];
    const last = new Date(lastMs).toISOString().slice(0, 16).replace("T", " ");
    const reason = `The newest snapshot of ${series} is from ${last} UTC, ${durationText(ageMs)} ago; ` +
      `expected one every ${durationText(mostMs)}`;
    return [{ subject: series, reason }];
  });
}

function isOf(series: string, { host, name }: Made): boolean {
  return series === name || series === `${host}:${name}`;
}

export function lateNotice({ subject, reason }: Late, host: string, nowMs: number): Notice {
  const at = new Date(nowMs).toISOString();
  const id = hashBytes("sha256", bytesOf(rawOf(`late\0${subject}\0${at}`))).slice(0, 32);
  return { id, event: "late", at, host, subject, kind: null, counts: {}, problemCount: 0, problems: [], reason };
}

/** How long until an overdue backup is reported again. */
const AGAIN_MS = 86_400_000;
const NOTES = rawOf("late.json"), TEMPORARY = rawOf("late.json.new");
const PRIVATE_FILE = 0o600, MOST_BYTES = 1024 * 1024;

/** Remembers which overdue backups were reported, so that they aren't reported at each check. */
export class LateNotes {
  readonly #dir: Dir;

  /** @param dir not closed here */
  constructor(dir: Dir) {
    this.#dir = dir;
  }

  /**
   * Selects what has to be reported of everything that is overdue now, and records it as reported. Forgets what is no
   * longer overdue.
   * @throws DiskFault
   */
  toTell(late: readonly Late[], nowMs: number): Late[] {
    const before = this.#read();
    const due = late.filter(({ subject }) => Math.abs(nowMs - (before.get(subject) ?? -Infinity)) >= AGAIN_MS);
    const after = new Map(late.map(({ subject }) => [subject, before.get(subject) ?? nowMs]));
    for (const { subject } of due) after.set(subject, nowMs);
    if (due.length > 0 || after.size !== before.size) this.#write(after);
    return due;
  }

  #read(): Map<string, number> {
    using file = this.#dir.open(NOTES);
    if (file === undefined) return new Map();
    const bytes = new Uint8Array(Math.min(file.stat().size, MOST_BYTES));
    let done = 0;
    for (let got = 1; got > 0 && done < bytes.length; done += got) got = file.read(bytes.subarray(done), done);
    try {
      const told = Object.entries(fieldsOf(parseJson(textOf(rawOfBytes(bytes.subarray(0, done))))));
      return new Map(told.flatMap(([key, value]) => typeof value === "number" ? [[key, value]] : []));
    } catch (error) {
      if (!(error instanceof BadJson)) throw error;
      return new Map(); // it is reported once more
    }
  }

  #write(told: ReadonlyMap<string, number>): void {
    replace(this.#dir, `${JSON.stringify(Object.fromEntries(told))}\n`);
  }
}

function replace(dir: Dir, text: string): void {
  dir.unlink(TEMPORARY);
  {
    using file = dir.create(TEMPORARY, PRIVATE_FILE);
    file?.write(bytesOf(rawOf(text)), 0);
    file?.sync();
  }
  dir.rename(TEMPORARY, dir, NOTES);
  dir.sync();
}
