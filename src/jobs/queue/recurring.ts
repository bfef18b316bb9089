/** Recurring jobs: when one is due, a job file is created in the job directory. See FORMAT.md. */
import { bytesOf, rawOf, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { hashBytes } from "../../core/digest.ts";
import { lookInto } from "./job_directory.ts";
import { nameText } from "../state/job_name.ts";
import type { Log } from "../log/log.ts";
import { type RecurringFile, RecurringFiles } from "./recurring_files.ts";
import { nextDueMs } from "../schema/schema.ts";
import { pausedUntilMs } from "../state/pauses.ts";
import { readTurns, type Turn } from "../state/stored_state.ts";
import { readTextIn, replaceOwnTextIn, replaceTextIn } from "../state/text_file.ts";
import { ToldOnce } from "../log/told_once.ts";

const FORMAT = "backup-tool recurring";
const STATE = rawOf("recurring.json");
const MOST_STATE_BYTES = 16 * 1024 * 1024;
/** What a clock may go back by itself, when it is set by the network. A run that was done isn't due again then. */
const MOST_STEP_MS = 60_000;
/** Of a name, in bytes; what is longer is named by its beginning and a checksum. */
const LONGEST_BASE = 230, LONGEST_BEGINNING = 180;
const PRIVATE_FILE = 0o600, PUBLIC_FILE = 0o644, OTHERS_READ = 0o004;

export class RecurringJobs {
  readonly #jobs: Dir;
  readonly #control: Dir;
  readonly #log: Log;
  readonly #files: RecurringFiles;
  #turns: ReadonlyMap<string, Turn>;
  readonly #told: ToldOnce;

  /** @param jobs the job directory @param control directory of the state; neither is closed here */
  constructor(jobs: Dir, control: Dir, log: Log) {
    this.#jobs = jobs;
    this.#control = control;
    this.#log = log;
    this.#files = new RecurringFiles(jobs, log);
    this.#told = new ToldOnce(log);
    this.#turns = this.#readState();
  }

  /**
   * Submits the jobs that are due. One that can't be submitted is reported once, and retried at the next call.
   * @returns when the next job is due, in ms since 1970; undefined if none is
   */
  tick(nowMs: number): number | undefined {
    const files = this.#files.read((name) => this.#sinceMs(name, nowMs));
    if (files === undefined) return undefined;
    this.#forgetRemoved();
    let next: number | undefined;
    for (const file of files) {
      const due = this.#attempt(file.name, () => this.#dropIfDue(file, nowMs));
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next;
  }

  /**
   * Jobs whose last run is still waiting although the next one is due, without the running job.
   * @param doing name of the running job
   */
  overdue(nowMs: number, doing: string | undefined): { readonly name: string; readonly sinceMs: number }[] {
    const waiting = lookInto(this.#jobs).jobs.map(textOf);
    return (this.#files.read((name) => this.#sinceMs(name, nowMs)) ?? []).flatMap(({ name, job }) => {
      const base = baseOf(name), file = waiting.find((one) => one !== doing && isRunOf(one, base));
      if (file === undefined) return [];
      const sinceMs = msOfStamp(file.slice(base.length + 1)), next = nextDueMs(job, sinceMs);
      return next !== undefined && next <= nowMs ? [{ name, sinceMs }] : [];
    });
  }

  /** One that fails keeps no other from its turn. */
  #attempt<T>(name: string, action: () => T): T | undefined {
    try {
      const result = action();
      this.#told.forget(name);
      return result;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      const message = `recurring/${nameText(rawOf(name))} waits: ${error.message}`;
      this.#told.tell(name, { level: "error", event: "recurring-failed", message, fields: { file: name } });
      return undefined;
    }
  }

  #dropIfDue(file: RecurringFile, nowMs: number): number | undefined {
    const { name, job } = file;
    let turn = this.#turnOf(name, nowMs);
    if (turn === undefined) this.#set(name, turn = { seen: nowMs });
    const due = turn.due ?? nextDueMs(job, turn.seen);
    if (due === undefined || due > nowMs) return due;
    const pausedMs = pausedUntilMs(this.#control, name, nowMs);
    if (pausedMs !== undefined) return pausedMs;
    // Written before and after: a crash in between neither loses the run nor makes it twice.
    if (turn.due === undefined) this.#set(name, { ...turn, due });
    this.#drop(file, due);
    // However many were missed meanwhile: one run makes up for all of them.
    this.#set(name, { seen: nowMs });
    return nextDueMs(job, nowMs);
  }

  /** What was seen in the future was seen by a clock that was wrong. */
  #turnOf(name: string, nowMs: number): Turn | undefined {
    const turn = this.#turns.get(name);
    if (turn === undefined || Math.max(turn.seen, turn.due ?? 0) <= nowMs + MOST_STEP_MS) return turn;
    const right = {
      seen: Math.min(turn.seen, nowMs),
      ...(turn.due !== undefined && { due: Math.min(turn.due, nowMs) }),
    };
    const was = new Date(Math.max(turn.seen, turn.due ?? 0)).toISOString();
    const message = `The clock went back: recurring/${
      nameText(rawOf(name))
    } was seen at ${was}; its next run counts from now`;
    this.#log({ level: "warning", event: "clock-went-back", message, fields: { file: name } });
    this.#set(name, right);
    return right;
  }

  #sinceMs(name: string, nowMs: number): number {
    const { due, seen } = this.#turns.get(name) ?? { seen: nowMs };
    return Math.min(due === undefined ? seen : due - 1, nowMs);
  }

  #drop({ name, job, mode }: RecurringFile, dueMs: number): void {
    const base = baseOf(name);
    const waiting = lookInto(this.#jobs).jobs.map(textOf).find((other) => isRunOf(other, base));
    if (waiting !== undefined) {
      const message = `${nameText(rawOf(name))} is due, but ${nameText(rawOf(waiting))} still waits`;
      return this.#log({ level: "info", event: "recurring-waits", message });
    }
    const { every: _, timeZone: __, ...once } = job;
    const file = rawOf(`${base}.${stampOf(dueMs)}.json`);
    // Whoever may not read the one may not read the other.
    const dropped = (mode & OTHERS_READ) === 0 ? PRIVATE_FILE : PUBLIC_FILE;
    replaceTextIn(this.#control, this.#jobs, file, `${JSON.stringify(once, undefined, 2)}\n`, dropped);
    this.#log({
      level: "info",
      event: "recurring-due",
      message: `${nameText(rawOf(name))} is due`,
      fields: { file: textOf(file) },
    });
  }

  #forgetRemoved(): void {
    const there = this.#files.names();
    const gone = [...this.#turns.keys()].filter((name) => !there.has(name));
    for (const name of gone) this.#told.forget(name);
    const [first] = gone;
    if (first === undefined) return;
    const turns = new Map([...this.#turns].filter(([name]) => there.has(name)));
    this.#attempt(first, () => this.#save(turns));
  }

  #set(name: string, turn: Turn): void {
    this.#save(new Map([...this.#turns, [name, turn]]));
  }

  /** Only what is durable counts. */
  #save(turns: ReadonlyMap<string, Turn>): void {
    const jobs = Object.fromEntries([...turns].map(([name, { seen, due }]) => [
      name,
      { seen: new Date(seen).toISOString(), ...(due !== undefined && { due: new Date(due).toISOString() }) },
    ]));
    const text = `${JSON.stringify({ format: FORMAT, version: 1, jobs }, undefined, 2)}\n`;
    replaceOwnTextIn(this.#control, this.#control, STATE, text);
    this.#turns = turns;
  }

  /** What can't be read is as good as none: such a job is seen for the first time. */
  #readState(): Map<string, Turn> {
    try {
      const text = readTextIn(this.#control, STATE, MOST_STATE_BYTES);
      if (text === undefined) return new Map();
      const { turns, lost } = readTurns(text);
      if (lost.length > 0) this.#tellState(lost.map((name) => nameText(rawOf(name))).join(", "));
      return turns;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#tellState(error.message);
      return new Map();
    }
  }

  #tellState(what: string): void {
    const message = `What is noted of recurring jobs can't be read (${what}): they count from now`;
    this.#log({ level: "warning", event: "recurring-state", message });
  }
}

/** What the names of a job's runs begin with: another for each file in recurring/. */
function baseOf(name: string): string {
  const raw = rawOf(name);
  if (raw.length <= LONGEST_BASE) return name;
  return `${beginningOf(name)}~${hashBytes("sha256", bytesOf(raw)).slice(0, 16)}`;
}

/** As many whole characters as there is room for. */
function beginningOf(name: string): string {
  let beginning = "";
  for (const character of name) {
    if (rawOf(beginning + character).length > LONGEST_BEGINNING) break;
    beginning += character;
  }
  return beginning;
}

/** "20261120T030000Z": sorts by time, and is a name everywhere. */
function stampOf(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** When a run was due, of what {@link stampOf} begins. */
function msOfStamp(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*$/s, "$1-$2-$3T$4:$5:$6Z"));
}

function isRunOf(file: string, base: string): boolean {
  return file.startsWith(`${base}.`) && /^\d{8}T\d{6}Z\.json$/.test(file.slice(base.length + 1));
}
