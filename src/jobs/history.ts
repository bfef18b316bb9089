/** What became of jobs: JSON Lines in db/history/, a file a month, appended to and deleted whole. */
import type { RootId } from "../core/content_id.ts";
import { Fault } from "../core/fault.ts";
import { bytesOf, type Raw, rawOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import type { Told } from "../storage/faults.ts";
import type { Root } from "../storage/root.ts";
import type { Storage } from "../storage/storage.ts";
import { readTextIn } from "./text_file.ts";

const DB = rawOf("db"), HISTORY = rawOf("history");
const PRIVATE = 0o700, PRIVATE_FILE = 0o600;
const MONTH_FILE = /^(\d{4})-(\d\d)\.jsonl$/;
const DAY_MS = 86_400_000;

export type Outcome = "done" | "problems" | "failed" | "rejected";

export interface HistoryEntry {
  readonly run: string;
  /** Of the job file, as text. */
  readonly name: string;
  readonly kind: string | null;
  readonly outcome: Outcome;
  /** ISO 8601, UTC. */
  readonly start: string;
  readonly end: string;
  /** Of the job file; null if only a root remembers the job. */
  readonly text: string | null;
  readonly counts: Readonly<Record<string, number>>;
  /** The first of them. */
  readonly problems: readonly Told[];
  readonly problemCount: number;
  readonly snapshot?: string;
  readonly error?: Told;
  /** Made again from a root. */
  readonly recovered?: true;
}

/** Adds an entry, durably. @param mayBeThere a run before this one may have added it: then it is not added twice */
export function appendHistory(storage: Dir, entry: HistoryEntry, mayBeThere: boolean): void {
  using directory = openHistory(storage, true)!;
  const name = rawOf(`${entry.end.slice(0, 7)}.jsonl`);
  if (mayBeThere && [...linesOf(directory, name)].some(({ run }) => run === entry.run)) return;
  const isNew = directory.stat(name) === undefined;
  using file = directory.openOrCreate(name, PRIVATE_FILE);
  const { size } = file.stat();
  const last = new Uint8Array(1);
  // A line that a crash cut off is left where it is, and ended.
  const isTorn = size > 0 && file.read(last, size - 1) === 1 && last[0] !== 0x0a;
  file.write(bytesOf(rawOf(`${isTorn ? "\n" : ""}${JSON.stringify(entry)}\n`)), size);
  file.sync();
  if (isNew) directory.sync();
}

/** All that is known, oldest end first. If there is no history, what the roots in content/ tell. */
export function* readHistory(storage: Storage): Generator<HistoryEntry> {
  using directory = openHistory(storage.dir, false);
  if (directory === undefined) yield* historyOfRoots(storage);
  else for (const name of monthFiles(directory)) yield* linesOf(directory, name);
}

/** Makes db/history/ from the roots, if it is missing. @returns how many entries, if it was */
export function recoverHistory(storage: Storage): number | undefined {
  {
    using there = openHistory(storage.dir, false);
    if (there !== undefined) return undefined;
  }
  const entries = historyOfRoots(storage);
  using _ = openHistory(storage.dir, true);
  for (const entry of entries) appendHistory(storage.dir, entry, false);
  return entries.length;
}

/** Deletes the files of months that ended longer ago. */
export function trimHistory(storage: Dir, days: number, nowMs: number): void {
  using directory = openHistory(storage, false);
  if (directory === undefined) return;
  for (const name of monthFiles(directory)) {
    const [, year, month] = MONTH_FILE.exec(name)!;
    if (Date.UTC(Number(year), Number(month)) < nowMs - days * DAY_MS) directory.unlink(name);
  }
}

function openHistory(storage: Dir, create: boolean): Dir | undefined {
  try {
    if (create) storage.mkdir(DB, PRIVATE);
    using db = storage.openDir(DB);
    if (create) db.mkdir(HISTORY, PRIVATE);
    return db.openDir(HISTORY);
  } catch (error) {
    if (!create && error instanceof DiskFault && error.errno === "ENOENT") return undefined;
    throw error;
  }
}

function monthFiles(directory: Dir): Raw[] {
  return directory.list().names.filter((name) => MONTH_FILE.test(name)).sort();
}

function* linesOf(directory: Dir, name: Raw): Generator<HistoryEntry> {
  for (const line of (readTextIn(directory, name) ?? "").split("\n")) {
    const entry = parseLine(line);
    if (entry !== undefined) yield entry;
  }
}

function parseLine(line: string): HistoryEntry | undefined {
  try {
    const value = JSON.parse(line);
    return typeof value?.run === "string" && typeof value.end === "string" ? value : undefined;
  } catch {
    return undefined; // cut off by a crash, or empty
  }
}

function historyOfRoots(storage: Storage): HistoryEntry[] {
  return storage.snapshots().flatMap(({ id }) => {
    const root = rootOf(storage, id);
    if (root?.job === undefined || !root.complete) return [];
    const { problems: problemCount, files, bytes } = root.totals;
    return [{
      ...root.job,
      outcome: problemCount > 0 ? "problems" as const : "done" as const,
      start: root.start,
      end: root.end,
      text: null,
      counts: { files, bytes },
      problems: [],
      problemCount,
      snapshot: id,
      recovered: true as const,
    }];
  });
}

/** Undefined if it is damaged: a check tells that. */
export function rootOf(storage: Storage, id: RootId): Root | undefined {
  try {
    return storage.manifest(id).root;
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}
