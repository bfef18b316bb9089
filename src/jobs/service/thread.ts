/** The background thread that runs jobs, seen from the main thread, and its equivalent without a thread. */
import { type FaultData, fromFaultData, toFaultData } from "../../core/fault_data.ts";
import type { Phase } from "../../core/monitor.ts";
import type { Raw } from "../../core/raw.ts";
import type { HistoryEntry } from "../state/stored_state.ts";
import { JobExecutor, type JobPlaces } from "./job_executor.ts";
import type { JobProgress } from "../run/job_monitor.ts";
import type { JobSetup } from "../run/job_run.ts";
import type { Log, LogEvent } from "../log/log.ts";
import { startWorker, type WorkerThread } from "../../platform/start_worker.ts";
import type { ThrottleTable } from "../../platform/throttle.ts";

/** The outcome of a job; neither field is set if the job no longer exists. */
export interface Performed {
  readonly entry?: HistoryEntry;
  /** Set if the storage can't be used, or the job was asked to stop: the job stays unchanged. */
  readonly postponed?: FaultData;
}

/** In what must not be left in the middle: nothing frees a process from the disk, and a hook would be left running. */
const HOLDING: readonly (Phase | undefined)[] = ["making it durable", "running hooks"];

export interface JobRunner extends Disposable {
  /** Runs a job; one at a time. */
  perform(name: Raw): Promise<Performed>;
  /** Asks the running job to stop where it can be resumed. */
  stop(): void;
  /** Has the running job check whether it has been cancelled. */
  cancelIfAsked(): void;
  /**
   * True while the job waits for the disk, which nothing can interrupt, not even the end of the program, or for a hook.
   */
  readonly isSyncing: boolean;
}

/** The parts of a {@link JobSetup} that can be passed to a thread. */
export interface ThreadSetup extends Pick<JobSetup, "host" | "user" | "workers" | "lockState" | "vaults" | "hooks"> {
  readonly places: JobPlaces;
  /** Directories with this program's own state. */
  readonly state: readonly Raw[];
  /** Umask for the commands of jobs. Default: that of the process. */
  readonly umask: number | undefined;
  /** True: lowest priority for processor and disk. */
  readonly nice: boolean;
  /** Undefined for no limit. */
  readonly throttle: ThrottleTable | undefined;
  /** True if somebody wants the progress of jobs. */
  readonly tellsProgress?: boolean;
}

export type ToJobThread =
  | { readonly type: "setup"; readonly setup: ThreadSetup; readonly script: string }
  | { readonly type: "perform"; readonly name: Raw }
  | { readonly type: "cancel" }
  | { readonly type: "stop" };
export type FromJobThread =
  | { readonly type: "performed"; readonly performed: Performed }
  | { readonly type: "phase"; readonly phase: Phase }
  | { readonly type: "progress"; readonly progress: JobProgress }
  | { readonly type: "bug"; readonly fault: FaultData }
  | { readonly type: "log"; readonly event: LogEvent };

/** Name of the worker, by which the program recognises its role. */
export const JOB_THREAD = "jobs";

/** Runs {@link JobExecutor.perform} once, and converts the outcome to data that can be passed between threads. */
export async function performed(performer: JobExecutor, name: Raw): Promise<Performed> {
  try {
    const entry = await performer.perform(name);
    return entry === undefined ? {} : { entry };
  } catch (error) {
    // What befalls the work is the job's end. This befell its record, or the history: it may be otherwise next time.
    // A bug, too, is that of one job, and no reason not to do the others.
    return { postponed: toFaultData(error) };
  }
}

/** Runs jobs in a worker thread, so that the main one stays responsive. */
export class JobThread implements JobRunner {
  readonly #thread: WorkerThread<ToJobThread>;
  #waiting: PromiseWithResolvers<Performed> | undefined;
  #phase: Phase | undefined;

  /** @param onProgress see {@link ThreadSetup.tellsProgress} */
  constructor(script: URL, setup: ThreadSetup, log: Log, onProgress?: (progress: JobProgress) => void) {
    this.#thread = startWorker<ToJobThread, FromJobThread>(script, JOB_THREAD, {
      message: (message) => message.type === "progress" ? onProgress?.(message.progress) : this.#hear(message, log),
      failed: (why) => this.#waiting?.reject(new Error(`The thread of the jobs failed: ${why}`)),
    });
    const tellsProgress = onProgress !== undefined;
    this.#thread.post({ type: "setup", setup: { ...setup, tellsProgress }, script: script.href });
  }

  [Symbol.dispose](): void {
    this.#thread[Symbol.dispose]();
  }

  perform(name: Raw): Promise<Performed> {
    this.#waiting = Promise.withResolvers();
    this.#phase = undefined;
    this.#thread.post({ type: "perform", name });
    return this.#waiting.promise;
  }

  stop(): void {
    this.#thread.post({ type: "stop" });
  }

  cancelIfAsked(): void {
    this.#thread.post({ type: "cancel" });
  }

  get isSyncing(): boolean {
    return HOLDING.includes(this.#phase);
  }

  #hear(message: Exclude<FromJobThread, { type: "progress" }>, log: Log): void {
    if (message.type === "log") log(message.event);
    else if (message.type === "phase") this.#phase = message.phase;
    else if (message.type === "performed") this.#waiting?.resolve(message.performed);
    else this.#waiting?.reject(fromFaultData(message.fault));
  }
}

/** Runs jobs in the calling thread. */
export class SameThread implements JobRunner {
  readonly #performer: JobExecutor;
  readonly #stop = new AbortController();
  #phase: Phase | undefined;

  constructor(setup: Omit<JobSetup, "signal">, places: JobPlaces) {
    const onPhase = (phase: Phase) => void (this.#phase = phase);
    this.#performer = new JobExecutor({ ...setup, onPhase, signal: this.#stop.signal }, places);
  }

  [Symbol.dispose](): void {
    this.#performer[Symbol.dispose]();
  }

  async perform(name: Raw): Promise<Performed> {
    return await performed(this.#performer, name);
  }

  stop(): void {
    this.#stop.abort();
  }

  cancelIfAsked(): void {
    this.#performer.cancelIfAsked();
  }

  get isSyncing(): boolean {
    return HOLDING.includes(this.#phase);
  }
}
