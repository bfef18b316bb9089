/** One job that is being done: what its work may use, and what it leaves for the history. */
import type { Phase } from "../../core/monitor.ts";
import type { Raw } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import { rootOf } from "../state/history.ts";
import type { JobMonitor } from "./job_monitor.ts";
import type { JobRecord } from "../state/job_state.ts";
import type { Log } from "../log/log.ts";
import type { Dir } from "../../platform/disk.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { Machine } from "../../platform/machine.ts";
import type { JobMark } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Storage } from "../../storage/storage.ts";

/** What every job is done with. */
export interface JobSetup {
  readonly machine: Machine;
  readonly host: string;
  readonly user: string;
  /** Threads, where a job names no number. */
  readonly workers: number;
  readonly log: Log;
  /** Called at the beginning of each part of a job's work. */
  readonly onPhase?: ((phase: Phase) => void) | undefined;
  readonly signal: AbortSignal;
  /** Where this machine notes what it does to sources; absent: they can't be locked. */
  readonly lockState?: Raw;
}

export interface RunOptions {
  readonly setup: JobSetup;
  readonly storage: Storage;
  readonly monitor: JobMonitor;
  /** The temporary directory of all jobs, absolute, and open. */
  readonly tempPath: Raw;
  readonly temp: Dir;
  /** Paths that are not to be removed: the job directory, and its like. */
  readonly own: readonly Raw[];
  readonly record: JobRecord;
  /** Makes a record durable. */
  readonly save: (record: JobRecord) => void;
}

/** Snapshots looked at for one that this run has made: newer ones can only come from people, in the meantime. */
const MOST_LOOKED_AT = 1000;

/** Where a run's snapshot is to be looked for. */
export interface Series {
  readonly host: string;
  /** Undefined for any. */
  readonly name: string | undefined;
}

export class JobRun {
  readonly setup: JobSetup;
  readonly storage: Storage;
  readonly monitor: JobMonitor;
  readonly tempPath: Raw;
  readonly temp: Dir;
  readonly protectedPaths: readonly Raw[];
  readonly pace: Yielder;
  readonly #save: (record: JobRecord) => void;
  #record: JobRecord;
  #snapshot: SnapshotInfo | undefined;

  constructor({ setup, storage, monitor, tempPath, temp, own, record, save }: RunOptions) {
    this.setup = setup;
    this.storage = storage;
    this.monitor = monitor;
    this.tempPath = tempPath;
    this.temp = temp;
    this.protectedPaths = own;
    this.pace = new Yielder(setup.machine.clock, setup.signal);
    this.#record = record;
    this.#save = save;
  }

  /** The storage as what every engine is: for operations. */
  get repository(): OpenedRepository {
    return this.storage;
  }

  get record(): JobRecord {
    return this.#record;
  }

  /** Changes the record, durably. */
  update(changes: Partial<JobRecord>): void {
    this.#record = { ...this.#record, ...changes };
    this.#save(this.#record);
  }

  /** For the root of a snapshot that this run makes. */
  mark(kind: string): JobMark {
    return { name: this.monitor.job, kind, run: this.#record.run };
  }

  /** The complete snapshot that this run has made, maybe in a process before this one. */
  findSnapshot(series: Series): SnapshotInfo | undefined {
    if (this.#snapshot !== undefined) return this.#snapshot;
    const candidates = this.storage.snapshots().filter(({ complete, host, name }) =>
      complete && host === series.host && name === (series.name ?? name)
    );
    const newest = candidates.slice(-MOST_LOOKED_AT).reverse();
    const found = newest.find(({ id }) => rootOf(this.storage, id)?.job?.run === this.#record.run);
    if (found !== undefined) this.noteSnapshot(found);
    return found;
  }

  noteSnapshot(snapshot: SnapshotInfo): void {
    this.#snapshot = snapshot;
  }

  get snapshot(): SnapshotInfo | undefined {
    return this.#snapshot;
  }
}
