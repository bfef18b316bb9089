/** Jobs as their directory and the service's log show them. */
import { JobWaits, MOST_WAITING, NoSuchJob, TooManyJobs } from "./faults.ts";
import type { CheckRequest, JobDesk, RunningJob, Who } from "./job_desk.ts";
import { EventLog, type NumberedEvent } from "./event_log.ts";
import { RecurringDesk } from "./recurring_desk.ts";
import { progressText } from "./progress_text.ts";
import type { Clock } from "../../core/clock.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { JobProgress } from "../../jobs/run/job_monitor.ts";
import type { LogEvent } from "../../jobs/log/log.ts";
import { CONTROL, lookInto, readJobFile } from "../../jobs/queue/job_directory.ts";
import { parseJob } from "../../jobs/schema/job_file.ts";
import type { Job } from "../../jobs/schema/schema.ts";
import { isCancelled, requestCancel } from "../../jobs/state/cancel_requests.ts";
import { readRecord, type StoredRecord } from "../../jobs/state/stored_state.ts";
import { isJobName } from "../../jobs/state/job_name.ts";
import { readTextIn, replaceTextIn } from "../../jobs/state/text_file.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";

const RUNNING = rawOf("running");
/**
 * Directory in which files are written before they get their names: separate, so that it doesn't collide with the
 * service's.
 */
const TEMP = rawOf("web-tmp");
/** Prefix of the names of files that are added here. */
const WEB = "web-";
const PRIVATE = 0o700, MOST_RECORD = 64 * 1024 * 1024;

export class LiveDesk implements JobDesk {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #path: Raw;
  readonly recurring: RecurringDesk;
  readonly #listeners = new Set<(event: LogEvent, id?: string) => void>();
  readonly #events: EventLog;
  #running: { readonly file: string; readonly since: string } | undefined;
  #progress: JobProgress | undefined;

  /** @param path of the job directory, which need not exist yet */
  constructor({ disk, clock }: { readonly disk: Disk; readonly clock: Clock }, path: Raw) {
    this.#disk = disk;
    this.#clock = clock;
    this.#path = path;
    this.recurring = new RecurringDesk({ disk, clock }, path);
    this.#events = new EventLog(clock.nowMs());
  }

  /** Takes an event of the service's log. */
  hear(event: LogEvent): void {
    const job = event.fields?.job;
    if (event.event === "job-started" && typeof job === "string") {
      this.#running = { file: job, since: new Date(this.#clock.nowMs()).toISOString() };
    } else if (event.event === "job-ended" || event.event === "job-postponed") {
      this.#running = this.#progress = undefined;
    }
    // How far a job is is heard more often than the log says it.
    if (event.event === "progress") return;
    const id = this.#events.note(event);
    for (const listener of this.#listeners) listener(event, id);
  }

  hearProgress(progress: JobProgress): void {
    if (this.#running?.file !== progress.job) return;
    this.#progress = progress;
    const fields = { ...progress, ...progressText(progress) }, message = `${progress.job}: ${fields.text}`;
    for (const listener of this.#listeners) listener({ level: "info", event: "progress", message, fields });
  }

  eventsAfter(id: string): readonly NumberedEvent[] | undefined {
    return this.#events.after(id);
  }

  listen(listener: (event: LogEvent, id?: string) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  running(): RunningJob | undefined {
    const now = this.#running;
    if (now === undefined) return undefined;
    const [begun] = this.#in(CONTROL, (control) => this.#begunIn(control, now.file));
    // Removed in the moment between its start and its record: its end is never reported.
    if (begun === undefined && !this.#isThere(now.file)) return undefined;
    return {
      ...now,
      isCancelled: begun?.isCancelled ?? false,
      ...(this.#progress !== undefined && { progress: this.#progress }),
    };
  }

  waiting(): readonly string[] {
    return this.#in(undefined, (directory) => lookInto(directory).jobs.map(textOf)).filter((name) =>
      name !== this.#running?.file
    );
  }

  start(file: string, { name: by }: Who): string {
    const job = this.recurring.job(file);
    const { every: _, timeZone: __, ...once } = job, base = file.replace(/\.jsonc?$/i, "");
    const prefix = `${WEB}${base}-`;
    const waits = lookIntoJobs(this.#disk, this.#path).find((name) => name.startsWith(prefix));
    if (waits !== undefined) throw new JobWaits(file);
    return this.#put(base, { ...once, by });
  }

  check(request: CheckRequest, { name: by }: Who): string {
    return this.#put("check", { kind: "check", ...request, by });
  }

  put(job: Job): string {
    return this.#put(job.kind, job);
  }

  get own(): readonly Raw[] {
    return [this.#path];
  }

  remove(file: string, who: Who): "removed" | "cancelling" {
    const name = rawOf(file);
    if (!isJobName(name) || file.includes("/")) throw new NoSuchJob(file);
    if (this.#cancel(file, who)) return "cancelling";
    using jobs = this.#disk.openDir(this.#path);
    const waiting = readJobFile(jobs, name);
    if (waiting === undefined || !isOf(waiting.text, who) || !jobs.unlink(name)) throw new NoSuchJob(file);
    jobs.sync();
    // Its turn may have come meanwhile.
    return this.#cancel(file, who) ? "cancelling" : "removed";
  }

  /** Cancels a running job. @returns false if it has not started */
  #cancel(file: string, who: Who): boolean {
    const [begun] = this.#in(CONTROL, (control) => this.#begunIn(control, file));
    if (begun === undefined) return false;
    if (!isOf(begun.record.text, who)) throw new NoSuchJob(file);
    using jobs = this.#disk.openDir(this.#path), control = jobs.openDir(CONTROL);
    requestCancel(control, begun.record.run);
    return true;
  }

  ownOf(files: readonly string[], who: Who): readonly string[] {
    return files.filter((file) =>
      who.mayAny || this.#in(undefined, (jobs) => {
          const text = readJobFile(jobs, rawOf(file))?.text;
          return text !== undefined && isOf(text, who) ? [file] : [];
        }).length > 0
    );
  }

  #isThere(file: string): boolean {
    return this.#in(undefined, (jobs) => jobs.stat(rawOf(file)) === undefined ? [] : [file]).length > 0;
  }

  /** The record of a running job, which continues even if its file is gone. */
  #begunIn(control: Dir, file: string): { readonly record: StoredRecord; readonly isCancelled: boolean }[] {
    if (control.stat(RUNNING)?.kind !== "dir") return [];
    using running = control.openDir(RUNNING);
    const record = readRecord(readTextIn(running, rawOf(file), MOST_RECORD) ?? "", rawOf(file));
    return record === undefined ? [] : [{ record, isCancelled: isCancelled(control, record.run) }];
  }

  #put(base: string, job: object): string {
    const names = lookIntoJobs(this.#disk, this.#path);
    if (names.filter((name) => name.startsWith(WEB)).length >= MOST_WAITING) throw new TooManyJobs();
    const stamp = new Date(this.#clock.nowMs()).toISOString().replace(/[-:]|\.\d+Z/g, "");
    let name = `${WEB}${base}-${stamp}.json`;
    for (let next = 2; names.includes(name); next++) name = `${WEB}${base}-${stamp}-${next}.json`;
    using jobs = this.#disk.openDir(this.#path);
    jobs.mkdir(CONTROL, PRIVATE);
    using control = jobs.openDir(CONTROL);
    control.mkdir(TEMP, PRIVATE);
    using temp = control.openDir(TEMP);
    replaceTextIn(temp, jobs, rawOf(name), `${JSON.stringify(job, undefined, 2)}\n`);
    return name;
  }

  #in<T>(below: Raw | undefined, look: (directory: Dir) => T[]): T[] {
    try {
      using jobs = this.#disk.openDir(this.#path);
      if (below === undefined) return look(jobs);
      if (jobs.stat(below)?.kind !== "dir") return [];
      using directory = jobs.openDir(below);
      return look(directory);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      return [];
    }
  }
}

/** True if the account may act on a job. One without an owner, or an invalid one, is only for admins. */
function isOf(text: string, { name, mayAny }: Who): boolean {
  return mayAny || parseJob(text).job?.by === name;
}

function lookIntoJobs(disk: Disk, path: Raw): string[] {
  using jobs = disk.openDir(path);
  return lookInto(jobs).jobs.map(textOf);
}
