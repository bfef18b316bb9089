/** Jobs as routes see them. */
import type { LogEvent } from "../../jobs/log/log.ts";

export interface JobDesk {
  /** The job that is being done. */
  running(): RunningJob | undefined;
  /** Names of job files that wait, in the order of their turns. */
  waiting(): readonly string[];
  recurring(): readonly RecurringState[];
  /** Tells of everything that the service logs, until disposed. */
  listen(listener: (event: LogEvent) => void): Disposable;
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
