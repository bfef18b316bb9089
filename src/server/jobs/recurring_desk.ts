/** Recurring jobs as their directory shows them; changes those that the page has made. */
import { ChangedMeanwhile, NoSuchJob } from "./faults.ts";
import type { RecurringState, RecurringText } from "./job_desk.ts";
import { sha256 } from "../accounts/passwords.ts";
import type { Clock } from "../../core/clock.ts";
import { complaintText } from "../../core/jsonc.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { CONTROL, lookInto, readJobFile } from "../../jobs/queue/job_directory.ts";
import { refuseUntrusted, whyUntrusted } from "../../jobs/schema/commands.ts";
import { parseRecurringJob } from "../../jobs/schema/job_file.ts";
import { nextDueMs, type RecurringJob } from "../../jobs/schema/schema.ts";
import { isJobName } from "../../jobs/state/job_name.ts";
import { pause, pausedUntilMs, resume } from "../../jobs/state/pauses.ts";
import { replaceTextIn } from "../../jobs/state/text_file.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";

const RECURRING = rawOf("recurring"), TEMP = rawOf("web-tmp");
const TURNS_SHOWN = 3, MOST_FILES = 200, PRIVATE = 0o700, PUBLIC = 0o755;
/** Names that are valid on every file system and in every URL. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.jsonc?$/;

export class RecurringDesk {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #path: Raw;

  /** @param path of the job directory */
  constructor({ disk, clock }: { readonly disk: Disk; readonly clock: Clock }, path: Raw) {
    this.#disk = disk;
    this.#clock = clock;
    this.#path = path;
  }

  all(): readonly RecurringState[] {
    return this.#inRecurring((directory, control) =>
      lookInto(directory).jobs.slice(0, MOST_FILES).flatMap((name) => {
        const file = readJobFile(directory, name);
        return file === undefined ? [] : [this.#state(textOf(name), file.text, file.stat.size, control)];
      })
    ) ?? [];
  }

  /** The job in a file. @throws NoSuchJob, UntrustedCommands */
  job(file: string): RecurringJob {
    const { text } = this.#find(file), { job } = parseRecurringJob(text, this.#clock.nowMs());
    if (job === undefined) throw new NoSuchJob(file);
    refuseUntrusted(`recurring/${file}`, job, this.#whyUntrusted(file));
    return job;
  }

  read(file: string): RecurringText {
    const { text } = this.#find(file), { job } = parseRecurringJob(text, this.#clock.nowMs());
    return { text, tag: sha256(text), isEditable: job?.limits !== undefined };
  }

  save(file: string, text: string, tag: string | undefined): void {
    if (!NAME.test(file)) throw new NoSuchJob(file);
    using jobs = this.#disk.openDir(this.#path);
    jobs.mkdir(RECURRING, PUBLIC);
    using recurring = jobs.openDir(RECURRING);
    const there = readJobFile(recurring, rawOf(file))?.text;
    if ((there === undefined ? undefined : sha256(there)) !== tag) throw new ChangedMeanwhile(file);
    using control = controlOf(jobs);
    control.mkdir(TEMP, PRIVATE);
    using temp = control.openDir(TEMP);
    replaceTextIn(temp, recurring, rawOf(file), text);
  }

  remove(file: string): void {
    this.#find(file);
    using jobs = this.#disk.openDir(this.#path);
    using recurring = jobs.openDir(RECURRING);
    if (!recurring.unlink(rawOf(file))) throw new NoSuchJob(file);
    recurring.sync();
    using control = controlOf(jobs);
    resume(control, file);
  }

  pause(file: string, untilMs: number): void {
    this.#find(file);
    using jobs = this.#disk.openDir(this.#path);
    using control = controlOf(jobs);
    pause(control, file, untilMs);
  }

  resume(file: string): void {
    this.#find(file);
    using jobs = this.#disk.openDir(this.#path);
    using control = controlOf(jobs);
    resume(control, file);
  }

  #find(file: string): { readonly text: string } {
    const name = rawOf(file);
    if (!isJobName(name) || file.includes("/")) throw new NoSuchJob(file);
    const read = this.#inRecurring((directory) => readJobFile(directory, name));
    if (read === undefined) throw new NoSuchJob(file);
    return read;
  }

  /** Why a file is not trusted: a job that is started here belongs to this user, so its origin has to as well. */
  #whyUntrusted(file: string): string | undefined {
    using jobs = this.#disk.openDir(this.#path);
    using recurring = jobs.openDir(RECURRING);
    const stat = recurring.stat(rawOf(file));
    if (stat === undefined) throw new NoSuchJob(file);
    return whyUntrusted({ file: stat, directories: [jobs.statSelf(), recurring.statSelf()] });
  }

  #state(file: string, text: string, size: number, control: Dir | undefined): RecurringState {
    const nowMs = this.#clock.nowMs(), { job, problems } = parseRecurringJob(text, nowMs, size);
    if (job === undefined) return { ...NO_JOB, file, problems: problems.map(complaintText) };
    const name = "name" in job && typeof job.name === "string" ? job.name : undefined;
    const untilMs = control && pausedUntilMs(control, file, nowMs);
    return {
      file,
      kind: job.kind,
      name,
      every: job.every,
      next: turnsOf(job, Math.max(nowMs, untilMs ?? 0)),
      problems: [],
      isEditable: job.limits !== undefined,
      ...(untilMs !== undefined && { pausedUntil: new Date(untilMs).toISOString() }),
    };
  }

  /** Runs `look` in the directory of recurring jobs; undefined if it doesn't exist or can't be read. */
  #inRecurring<T>(look: (directory: Dir, control: Dir | undefined) => T): T | undefined {
    try {
      using jobs = this.#disk.openDir(this.#path);
      if (jobs.stat(RECURRING)?.kind !== "dir") return undefined;
      using directory = jobs.openDir(RECURRING);
      using control = jobs.stat(CONTROL)?.kind === "dir" ? jobs.openDir(CONTROL) : undefined;
      return look(directory, control);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      return undefined;
    }
  }
}

const NO_JOB = { kind: undefined, name: undefined, every: undefined, next: [], isEditable: false } as const;

function controlOf(jobs: Dir): Dir {
  jobs.mkdir(CONTROL, PRIVATE);
  return jobs.openDir(CONTROL);
}

function turnsOf(job: RecurringJob, nowMs: number): string[] {
  const turns: string[] = [];
  for (let at: number | undefined = nowMs; turns.length < TURNS_SHOWN;) {
    at = nextDueMs(job, at);
    if (at === undefined) break;
    turns.push(new Date(at).toISOString());
  }
  return turns;
}
