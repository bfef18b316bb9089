/** Jobs as their directory shows them, and as their log tells. */
import type { JobDesk, RecurringState, RunningJob } from "./job_desk.ts";
import type { Clock } from "../../core/clock.ts";
import { complaintText } from "../../core/jsonc.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { LogEvent } from "../../jobs/log/log.ts";
import { lookInto, readJobFile } from "../../jobs/queue/job_directory.ts";
import { parseRecurringJob } from "../../jobs/schema/job_file.ts";
import { nextDueMs, type RecurringJob } from "../../jobs/schema/schema.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";

const RECURRING = rawOf("recurring");
const TURNS_SHOWN = 3, MOST_FILES = 200;

export class LiveDesk implements JobDesk {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #path: Raw;
  readonly #listeners = new Set<(event: LogEvent) => void>();
  #running: RunningJob | undefined;

  /** @param path of the job directory, which need not be there yet */
  constructor({ disk, clock }: { readonly disk: Disk; readonly clock: Clock }, path: Raw) {
    this.#disk = disk;
    this.#clock = clock;
    this.#path = path;
  }

  /** What the service logs. */
  hear(event: LogEvent): void {
    const job = event.fields?.job;
    if (event.event === "job-started" && typeof job === "string") {
      this.#running = { file: job, since: new Date(this.#clock.nowMs()).toISOString() };
    } else if (event.event === "job-ended" || event.event === "job-postponed") this.#running = undefined;
    for (const listener of this.#listeners) listener(event);
  }

  listen(listener: (event: LogEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  running(): RunningJob | undefined {
    return this.#running;
  }

  waiting(): readonly string[] {
    return this.#in(undefined, (directory) => lookInto(directory).jobs.map(textOf)).filter((name) =>
      name !== this.#running?.file
    );
  }

  recurring(): readonly RecurringState[] {
    return this.#in(RECURRING, (directory) =>
      lookInto(directory).jobs.slice(0, MOST_FILES).flatMap((name) => {
        const file = readJobFile(directory, name);
        return file === undefined ? [] : [this.#state(textOf(name), file.text, file.stat.size)];
      }));
  }

  #state(file: string, text: string, size: number): RecurringState {
    const nowMs = this.#clock.nowMs(), { job, problems } = parseRecurringJob(text, nowMs, size);
    if (job === undefined) {
      return {
        file,
        kind: undefined,
        name: undefined,
        every: undefined,
        next: [],
        problems: problems.map(complaintText),
      };
    }
    const name = "name" in job && typeof job.name === "string" ? job.name : undefined;
    return { file, kind: job.kind, name, every: job.every, next: turnsOf(job, nowMs), problems: [] };
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

function turnsOf(job: RecurringJob, nowMs: number): string[] {
  const turns: string[] = [];
  for (let at: number | undefined = nowMs; turns.length < TURNS_SHOWN;) {
    at = nextDueMs(job, at);
    if (at === undefined) break;
    turns.push(new Date(at).toISOString());
  }
  return turns;
}
