/** The history of jobs: JSON Lines in db/history/, one file a month, only appended to or deleted whole. */
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { bytesOf, type Raw, rawOf, rawOfBytes, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault, type OpenFile } from "../../platform/disk.ts";
import type { Root } from "../../snapshot/root.ts";
import type { Storage } from "../../storage/storage.ts";
import { type HistoryEntry, readEntry } from "./stored_state.ts";
import { moveAside, openOwnDirectory, openUnlessMissing } from "./text_file.ts";

const DB = rawOf("db"), HISTORY = rawOf("history");
const PRIVATE = 0o700, PRIVATE_FILE = 0o600;
const MONTH_FILE = /^(\d{4})-(\d\d)\.jsonl$/;
const DAY_MS = 86_400_000;
const READ_BYTES = 64 * 1024;
/** No entry is longer, whatever its job file holds: a longer line is none of ours. */
const LONGEST_LINE = 64 * 1024 * 1024;

export type Outcome = HistoryEntry["outcome"];

/** Durably appends an entry. @param mayBeThere true if an earlier run may have appended it: then it is not repeated */
export function appendHistory(storage: Dir, entry: HistoryEntry, mayBeThere: boolean): void {
  using directory = makeHistory(storage);
  const name = rawOf(`${entry.end.slice(0, 7)}.jsonl`);
  if (mayBeThere && [...linesOf(directory, name)].some(({ run }) => run === entry.run)) return;
  const there = directory.stat(name)?.kind;
  if (there !== undefined && there !== "file") moveAside(directory, name);
  const isNew = there !== "file";
  using file = directory.openOrCreate(name, PRIVATE_FILE);
  const { size } = file.stat();
  const last = new Uint8Array(1);
  // A line that a crash has truncated stays, and is ended by a newline.
  const isTorn = size > 0 && file.read(last, size - 1) === 1 && last[0] !== 0x0a;
  file.write(bytesOf(rawOf(`${isTorn ? "\n" : ""}${JSON.stringify(entry)}\n`)), size);
  file.sync();
  if (isNew) directory.sync();
}

/**
 * Yields all entries, oldest end first. Without a history, they are recovered from the roots in content/.
 * @param problem called for each month that can't be read, and is skipped
 */
export function* readHistory(
  storage: Storage,
  problem: (fault: DiskFault) => void = () => {},
): Generator<HistoryEntry> {
  using directory = openHistory(storage.dir);
  if (directory === undefined) return yield* historyOfRoots(storage);
  for (const name of monthFiles(directory)) {
    try {
      yield* linesOf(directory, name);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      problem(error);
    }
  }
}

/**
 * Recreates db/history/ from the roots if it is missing.
 * @returns number of entries; undefined if it was not missing
 */
export function recoverHistory(storage: Storage): number | undefined {
  {
    using there = openHistory(storage.dir);
    if (there !== undefined) return undefined;
  }
  const entries = historyOfRoots(storage);
  using _ = makeHistory(storage.dir);
  for (const entry of entries) appendHistory(storage.dir, entry, false);
  return entries.length;
}

/**
 * Deletes the files of months that ended more than `days` days ago. If the month before the newest ended longer ago
 * than that, ages are measured from its end, so that a clock that is years ahead for a while costs no history.
 */
export function trimHistory(storage: Dir, days: number, nowMs: number): void {
  using directory = openHistory(storage);
  if (directory === undefined) return;
  const months = monthFiles(directory).map((name) => ({ name, endMs: endOfMonth(name) }));
  const lastMs = months.at(-1)?.endMs ?? 0;
  const before = months.findLast(({ endMs }) => endMs <= nowMs && endMs < lastMs);
  // What stands still for a year has no reason to be trimmed by the day.
  const reference = before === undefined || nowMs - before.endMs < days * DAY_MS ? nowMs : before.endMs;
  for (const { name, endMs } of months) if (endMs < reference - days * DAY_MS) directory.unlink(name);
}

function endOfMonth(name: Raw): number {
  const [, year, month] = MONTH_FILE.exec(name) ?? [];
  return Date.UTC(Number(year), Number(month));
}

/** Opens the history; undefined if there is none. */
function openHistory(storage: Dir): Dir | undefined {
  return openUnlessMissing(() => {
    using db = storage.openDir(DB);
    return db.openDir(HISTORY);
  });
}

function makeHistory(storage: Dir): Dir {
  storage.mkdir(DB, PRIVATE);
  using db = storage.openDir(DB);
  return openOwnDirectory(db, HISTORY, PRIVATE);
}

/** In order; what isn't a file is none of them. */
function monthFiles(directory: Dir): Raw[] {
  const { names, kinds } = directory.list();
  return names.filter((name, i) => MONTH_FILE.test(name) && (kinds[i] ?? directory.stat(name)?.kind) === "file").sort();
}

/** What isn't whole, or isn't an entry, is passed over. */
function* linesOf(directory: Dir, name: Raw): Generator<HistoryEntry> {
  if (directory.stat(name)?.kind !== "file") return;
  using file = directory.open(name);
  if (file === undefined) return;
  for (const line of rawLines(file)) {
    const entry = readEntry(textOf(line));
    if (entry !== undefined) yield entry;
  }
}

/** Each without its end; of one that is too long, nothing. */
function* rawLines(file: OpenFile): Generator<string> {
  const buffer = new Uint8Array(READ_BYTES);
  let line = "", isTooLong = false;
  for (let at = 0, got = 0; (got = file.read(buffer, at)) > 0; at += got) {
    const [first = "", ...others] = rawOfBytes(buffer.subarray(0, got)).split("\n");
    if (!isTooLong) line += first;
    for (const next of others) {
      if (!isTooLong && line !== "") yield line;
      line = next;
      isTooLong = false;
    }
    if (line.length > LONGEST_LINE) [line, isTooLong] = ["", true];
  }
  if (!isTooLong && line !== "") yield line;
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

/** Reads a root; undefined if it is damaged, which a check reports. */
export function rootOf(storage: Storage, id: RootId): Root | undefined {
  try {
    return storage.manifest(id).root;
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}
