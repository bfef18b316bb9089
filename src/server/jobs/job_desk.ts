/** Jobs as routes see them. */
import type { JobProgress } from "../../jobs/run/job_monitor.ts";
import type { Job, RecurringJob } from "../../jobs/schema/schema.ts";
import type { Raw } from "../../core/raw.ts";
import type { LogEvent } from "../../jobs/log/log.ts";

export interface JobDesk {
  /** The job that is being done. */
  running(): RunningJob | undefined;
  /** Names of job files that wait, in the order of their turns. */
  waiting(): readonly string[];
  readonly recurring: RecurringJobsDesk;
  /**
   * Puts a run of a recurring job in, as if it were due.
   * @param file name of its file @returns the name of the new file @throws NoSuchJob, JobWaits, DiskFault
   */
  start(file: string, who: Who): string;
  /** Puts in a job that looks for damage. @returns the name of its file @throws TooManyJobs, DiskFault */
  check(request: CheckRequest, who: Who): string;
  /** Puts in a job whose limits were looked at. @returns the name of its file @throws TooManyJobs, DiskFault */
  put(job: Job): string;
  /** Directories of the service, absolute, which nobody restores into. */
  readonly own: readonly Raw[];
  /**
   * Takes a job out that waits, or has one end that has begun.
   * @returns "cancelling" if it has begun: it ends as soon as it can be stopped
   * @throws NoSuchJob if there is none, or none of theirs; DiskFault
   */
  remove(file: string, who: Who): "removed" | "cancelling";
  /** Names of files that an account may take out or cancel, among those. */
  ownOf(files: readonly string[], who: Who): readonly string[];
  /** Subscribes to everything that the service logs, until disposed. */
  listen(listener: (event: LogEvent) => void): Disposable;
}

/** Of names of files in `recurring/`: each throws NoSuchJob where there is none, and DiskFault. */
export interface RecurringJobsDesk {
  all(): readonly RecurringState[];
  /** What a file says. @throws UntrustedCommands */
  job(file: string): RecurringJob;
  read(file: string): RecurringText;
  /** @param tag of what it was when somebody looked at it; undefined: a new file @throws ChangedMeanwhile */
  save(file: string, text: string, tag: string | undefined): void;
  remove(file: string): void;
  /** Nothing starts it by itself until then; people may. */
  pause(file: string, untilMs: number): void;
  resume(file: string): void;
}

export interface RecurringText {
  readonly text: string;
  /** Another one whenever the text is. */
  readonly tag: string;
  /** It was made by the page, or keeps to its limits: only those may be changed by it. */
  readonly isEditable: boolean;
}

/** Who wants something of jobs. */
export interface Who {
  /** Name of the account. */
  readonly name: string;
  /** Also with jobs of others. */
  readonly mayAny: boolean;
}

/** What of the contents a check reads; neither: none. */
export interface CheckRequest {
  readonly readData?: true;
  /** `5%`, `10G`, `oldest:5%` or `1/7`. */
  readonly readDataSubset?: string;
}

export interface RunningJob {
  readonly file: string;
  /** ISO 8601. */
  readonly since: string;
  /** Its end is asked for. */
  readonly isCancelled: boolean;
  /** As far as was reported. */
  readonly progress?: JobProgress;
}

export interface RecurringState {
  /** Name of its file. */
  readonly file: string;
  /** Undefined for a file that is no job. */
  readonly kind: string | undefined;
  /** Of the series, if the job says it. */
  readonly name: string | undefined;
  readonly every: string | undefined;
  /** The next turns, ISO 8601. */
  readonly next: readonly string[];
  /** Why it is no job. */
  readonly problems: readonly string[];
  /** As for {@link RecurringText}. */
  readonly isEditable: boolean;
  /** Until then nothing starts it by itself, ISO 8601. */
  readonly pausedUntil?: string;
}
