/** Jobs as routes see them. */
import type { NumberedEvent } from "./event_log.ts";
import type { JobProgress } from "../../jobs/run/job_monitor.ts";
import type { Job, RecurringJob } from "../../jobs/schema/schema.ts";
import type { Raw } from "../../core/raw.ts";
import type { LogEvent } from "../../jobs/log/log.ts";

export interface JobDesk {
  /** The job that is running. */
  running(): RunningJob | undefined;
  /** Names of waiting job files, in their order. */
  waiting(): readonly string[];
  readonly recurring: RecurringJobsDesk;
  /**
   * Starts a run of a recurring job as if it were due.
   * @param file name of its file
   * @returns the name of the new file
   * @throws NoSuchJob, JobWaits, DiskFault
   */
  start(file: string, who: Who): string;
  /** Adds a check job. @returns the name of its file @throws TooManyJobs, DiskFault */
  check(request: CheckRequest, who: Who): string;
  /** Adds a job whose limits were checked. @returns the name of its file @throws TooManyJobs, DiskFault */
  put(job: Job): string;
  /** Absolute paths of the service's directories, which nothing may be restored into. */
  readonly own: readonly Raw[];
  /**
   * Removes a waiting job, or cancels a running one.
   * @returns "cancelling" for a running job: it ends as soon as it can be stopped
   * @throws NoSuchJob if there is none, or if it isn't theirs; DiskFault
   */
  remove(file: string, who: Who): "removed" | "cancelling";
  /** The files among these that the account may remove or cancel. */
  ownOf(files: readonly string[], who: Who): readonly string[];
  /** Subscribes to everything that the service logs, until disposed. @param listener is given ids, but for progress */
  listen(listener: (event: LogEvent, id?: string) => void): Disposable;
  /** The events after the one of that id; undefined if they are no longer known. */
  eventsAfter(id: string): readonly NumberedEvent[] | undefined;
}

/**
 * Recurring jobs by the names of their files in `recurring/`. All methods throw NoSuchJob for a missing file, and
 * DiskFault.
 */
export interface RecurringJobsDesk {
  all(): readonly RecurringState[];
  /** Parses a file. @throws UntrustedCommands */
  job(file: string): RecurringJob;
  read(file: string): RecurringText;
  /** Saves a file. @param tag of the text that the user saw; undefined: a new file @throws ChangedMeanwhile */
  save(file: string, text: string, tag: string | undefined): void;
  remove(file: string): void;
  /** Pauses the job: until then, only people can start it. */
  pause(file: string, untilMs: number): void;
  resume(file: string): void;
}

export interface RecurringText {
  readonly text: string;
  /** Changes with the text. */
  readonly tag: string;
  /** True if the page has made the file, or it stays within the page's limits: only then the page may change it. */
  readonly isEditable: boolean;
}

/** The account that acts on jobs. */
export interface Who {
  /** Name of the account. */
  readonly name: string;
  /** True if it may act on others' jobs too. */
  readonly mayAny: boolean;
}

/** The part of the contents that a check reads; neither key: none. */
export interface CheckRequest {
  readonly readData?: true;
  /** `5%`, `10G`, `oldest:5%` or `1/7`. */
  readonly readDataSubset?: string;
}

export interface RunningJob {
  readonly file: string;
  /** ISO 8601. */
  readonly since: string;
  /** True if cancelling was requested. */
  readonly isCancelled: boolean;
  /** Absent if none was reported. */
  readonly progress?: JobProgress;
}

export interface RecurringState {
  /** Name of the job's file. */
  readonly file: string;
  /** Undefined if the file is not a valid job. */
  readonly kind: string | undefined;
  /** Name of the series, if the job has one. */
  readonly name: string | undefined;
  readonly every: string | undefined;
  /** Times of the next runs, ISO 8601. */
  readonly next: readonly string[];
  /** Why the file is not a valid job. */
  readonly problems: readonly string[];
  /** As in {@link RecurringText}. */
  readonly isEditable: boolean;
  /** End of the pause, ISO 8601. */
  readonly pausedUntil?: string;
}
