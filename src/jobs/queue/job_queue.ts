/** Chooses the next job. No file in the job directory or in the state keeps the others from being run. */
import type { FaultData } from "../../core/fault_data.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import { isBeingWritten, type JobFile, lookInto, readJobFile, SETTLED_MS } from "./job_directory.ts";
import { nameText } from "../state/job_name.ts";
import type { RecordStore } from "../state/job_state.ts";
import type { Log } from "../log/log.ts";
import { ToldOnce } from "../log/told_once.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";

export interface Next {
  readonly name?: Raw;
  /** Set if a file is still being written: time until it may be a job. */
  readonly settlesMs?: number;
}

export class JobQueue {
  readonly #jobs: Dir;
  readonly #records: RecordStore;
  readonly #told: ToldOnce;
  readonly #passedOver = new Map<Raw, FaultData>();

  /** @param jobs the job directory; it and `records` are not closed here */
  constructor(jobs: Dir, records: RecordStore, log: Log) {
    this.#jobs = jobs;
    this.#records = records;
    this.#told = new ToldOnce(log);
  }

  /**
   * The next job: those that have begun come first, then the others by name.
   * @throws DiskFault if the directory itself can't be read
   */
  next(nowMs: number): Next {
    const begun = this.#records.names().find((name) => !this.#passedOver.has(name));
    if (begun !== undefined) return { name: begun };
    const { jobs, others } = lookInto(this.#jobs);
    this.#told.retain(new Set([...jobs, ...others.map(({ name }) => name)]));
    for (const { name, kind } of others) this.#tell(name, `it is no file, but a ${kind}`);
    let isWriting = false;
    for (const name of jobs) {
      const file = this.#passedOver.has(name) ? undefined : this.#read(name);
      if (file === undefined) continue;
      if (!isBeingWritten(file, nowMs)) return { name };
      isWriting = true;
    }
    return isWriting ? { settlesMs: SETTLED_MS / 4 } : {};
  }

  /** Postpones a job until the others have been run. */
  passOver(name: Raw, why: FaultData): void {
    this.#passedOver.set(name, why);
  }

  /** Why the first of the postponed jobs was postponed; undefined if there are none. */
  get passedOver(): FaultData | undefined {
    return this.#passedOver.values().next().value;
  }

  /**
   * Makes jobs that were postponed for a reason eligible again.
   * @param code of that reason's fault
   * @returns false if there are none
   */
  resumeThose(code: string): boolean {
    const names = [...this.#passedOver].filter(([, why]) => why.code === code).map(([name]) => name);
    for (const name of names) this.#passedOver.delete(name);
    return names.length > 0;
  }

  /** Makes all postponed jobs eligible again. */
  beginAgain(): void {
    this.#passedOver.clear();
  }

  /** Reads a job file; undefined if it is gone, or this user may not read it. */
  #read(name: Raw): JobFile | undefined {
    try {
      const file = readJobFile(this.#jobs, name);
      this.#told.forget(name);
      return file;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#tell(name, error.message);
      return undefined;
    }
  }

  #tell(name: Raw, why: string): void {
    this.#told.tell(name, {
      level: "error",
      event: "job-unreadable",
      message: `${nameText(name)} is passed over: ${why}`,
      fields: { job: textOf(name) },
    });
  }
}
