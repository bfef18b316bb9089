/** Jobs as routes see them. */
import type { LogEvent } from "../../jobs/log/log.ts";

export interface JobDesk {
  /** The job that is being done. */
  running(): RunningJob | undefined;
  /** Names of job files that wait, in the order of their turns. */
  waiting(): readonly string[];
  recurring(): readonly RecurringState[];
  /**
   * Puts a run of a recurring job in, as if it were due.
   * @param file name of its file @returns the name of the new file @throws NoSuchJob, JobWaits, DiskFault
   */
  start(file: string): string;
  /** Puts in a job that looks for damage. @returns the name of its file @throws TooManyJobs, DiskFault */
  check(request: CheckRequest): string;
  /** Takes a job out that waits. @param mayAny also one that was not put in here @throws NoSuchJob, JobRuns, DiskFault */
  remove(file: string, mayAny: boolean): void;
  /** Tells of everything that the service logs, until disposed. */
  listen(listener: (event: LogEvent) => void): Disposable;
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
}
