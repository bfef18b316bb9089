/** Jobs that come again: when one is due, a job file is dropped into the job directory. See FORMAT.md. */
import { complaintText } from "../core/jsonc.ts";
import { type Raw, rawOf, textOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import { jobNames, readJobFile } from "./job_directory.ts";
import { parseRecurringJob } from "./job_file.ts";
import type { Log } from "./log.ts";
import { nextDueMs, type RecurringJob } from "./schema.ts";
import { readTextIn, replaceTextIn } from "./text_file.ts";

const FORMAT = "backup-tool recurring";
const RECURRING = rawOf("recurring"), STATE = rawOf("recurring.json");
/** As a person would have made it. */
const JOB_FILE_MODE = 0o644;

/** Times in ms since 1970. */
interface Turn {
  /** The next run is the first after that. */
  readonly seen: number;
  /** A run that is being dropped. */
  readonly due?: number;
}

export class RecurringJobs {
  readonly #jobs: Dir;
  readonly #control: Dir;
  readonly #log: Log;
  readonly #turns: Map<string, Turn>;
  /** Texts of files that can't be read, which were told. */
  readonly #told = new Map<string, string>();

  /** @param jobs the job directory @param control where the state is kept; both stay the caller's */
  constructor(jobs: Dir, control: Dir, log: Log) {
    this.#jobs = jobs;
    this.#control = control;
    this.#log = log;
    this.#turns = readState(control);
  }

  /** Drops what is due. @returns when the next one will be */
  tick(nowMs: number): number | undefined {
    this.#forgetRemoved();
    let next: number | undefined;
    for (const { name, job, text } of this.#read()) {
      const due = this.#dropIfDue(name, job, text, nowMs);
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next;
  }

  #dropIfDue(name: string, job: RecurringJob, text: string, nowMs: number): number | undefined {
    let turn = this.#turns.get(name);
    if (turn === undefined) this.#set(name, turn = { seen: nowMs });
    const due = turn.due ?? nextDueMs(job, turn.seen);
    if (due === undefined || due > nowMs) return due;
    // Written before and after: a crash in between neither loses the run nor makes it twice.
    if (turn.due === undefined) this.#set(name, { ...turn, due });
    this.#drop(name, due, job, text);
    // However many were missed meanwhile: one run makes up for all of them.
    this.#set(name, { seen: nowMs });
    return nextDueMs(job, nowMs);
  }

  #drop(name: string, dueMs: number, job: RecurringJob, text: string): void {
    const base = name.replace(/\.jsonc?$/i, "");
    const waiting = jobNames(this.#jobs).map(textOf).find((other) => isRunOf(other, base));
    if (waiting !== undefined) {
      this.#log({ level: "info", event: "recurring-waits", message: `${name} is due, but ${waiting} still waits` });
      return;
    }
    const { every: _, timeZone: __, ...once } = job;
    const file = rawOf(`${base}.${stampOf(dueMs)}.json`);
    replaceTextIn(this.#control, this.#jobs, file, `${JSON.stringify(once, undefined, 2)}\n`, JOB_FILE_MODE);
    this.#log({
      level: "info",
      event: "recurring-due",
      message: `${name} is due`,
      fields: { file: textOf(file), text },
    });
  }

  *#read(): Generator<{ name: string; job: RecurringJob; text: string }> {
    using directory = openIfThere(this.#jobs, RECURRING);
    if (directory === undefined) return;
    for (const raw of jobNames(directory)) {
      const name = textOf(raw), text = readJobFile(directory, raw)?.text;
      if (text === undefined) continue;
      const { job, problems } = parseRecurringJob(text);
      if (job !== undefined) yield { name, job, text };
      else if (this.#told.get(name) !== text) {
        this.#told.set(name, text);
        const message = `recurring/${name} can't be read: ${problems.map(complaintText).join("; ")}`;
        this.#log({ level: "error", event: "recurring-broken", message, fields: { file: name } });
      }
    }
  }

  #forgetRemoved(): void {
    using directory = openIfThere(this.#jobs, RECURRING);
    const there = new Set(directory === undefined ? [] : jobNames(directory).map(textOf));
    const gone = [...this.#turns.keys()].filter((name) => !there.has(name));
    for (const name of gone) this.#turns.delete(name);
    if (gone.length > 0) this.#save();
  }

  #set(name: string, turn: Turn): void {
    this.#turns.set(name, turn);
    this.#save();
  }

  #save(): void {
    const jobs = Object.fromEntries([...this.#turns].map(([name, { seen, due }]) => [
      name,
      { seen: new Date(seen).toISOString(), ...(due !== undefined && { due: new Date(due).toISOString() }) },
    ]));
    const text = `${JSON.stringify({ format: FORMAT, version: 1, jobs }, undefined, 2)}\n`;
    replaceTextIn(this.#control, this.#control, STATE, text);
  }
}

/** One that can't be read is as good as none: every job is then seen for the first time. */
function readState(control: Dir): Map<string, Turn> {
  const turns = new Map<string, Turn>();
  try {
    const { format, jobs } = JSON.parse(readTextIn(control, STATE) ?? "{}");
    if (format !== FORMAT) return turns;
    for (const [name, { seen, due }] of Object.entries(jobs as Record<string, { seen: string; due?: string }>)) {
      turns.set(name, { seen: Date.parse(seen), ...(due !== undefined && { due: Date.parse(due) }) });
    }
  } catch (error) {
    if (error instanceof DiskFault) throw error;
  }
  return turns;
}

/** "20261120T030000Z": sorts by time, and is a name everywhere. */
function stampOf(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, "");
}

function isRunOf(file: string, base: string): boolean {
  return file.startsWith(`${base}.`) && /^\d{8}T\d{6}Z\.json$/.test(file.slice(base.length + 1));
}

function openIfThere(parent: Dir, name: Raw): Dir | undefined {
  return parent.stat(name)?.kind === "dir" ? parent.openDir(name) : undefined;
}
