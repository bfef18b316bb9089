/** The service: finds jobs, runs them one after the other, and logs what it does. */
import { defined } from "../../core/defined.ts";
import type { FaultData } from "../../core/fault_data.ts";
import { Fault, unlessFault } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { openStorage } from "../../storage/storage.ts";
import { BadJobDirectory } from "../faults.ts";
import type { Log } from "../log/log.ts";
import { ToldOnce } from "../log/told_once.ts";
import { openJobDirectory } from "../queue/first_look.ts";
import { CONTROL } from "../queue/job_directory.ts";
import { JobQueue } from "../queue/job_queue.ts";
import { RecurringJobs } from "../queue/recurring.ts";
import { JobMonitor, type JobProgress } from "../run/job_monitor.ts";
import { CANCEL, makeCancelDirectory } from "../state/cancel_requests.ts";
import { readHistory, trimHistory } from "../state/history.ts";
import { nameText } from "../state/job_name.ts";
import { makePauseDirectory, PAUSED } from "../state/pauses.ts";
import { RecordStore } from "../state/job_state.ts";
import type { HistoryEntry } from "../state/stored_state.ts";
import { assertApart } from "./apart.ts";
import type { JobPlaces } from "./job_executor.ts";
import { concernsAll } from "./postponing.ts";
import { JobNotices, type NoticeOptions } from "./job_notices.ts";
import { clearTemp, lockJobs, lockStorage } from "./service_places.ts";
import { endedEvent, postponedEvent, startedEvent } from "./service_texts.ts";
import { performedOrStopped } from "./stopping.ts";
import type { JobRunner } from "./thread.ts";
import { JobListening, type Listen } from "./listening.ts";
import { Wakeup } from "./wakeup.ts";

export interface ServiceOptions {
  readonly machine: Pick<Machine, "disk" | "clock" | "random">;
  /** `temp` is the directory that a person chose; jobs get a directory of their own in it. */
  readonly places: JobPlaces;
  readonly log: Log;
  /** Run the existing jobs, then end. */
  readonly once: boolean;
  /** Time between two scans if the system doesn't report changes. */
  readonly scanMs: number;
  /** Months of the history that ended earlier are deleted. */
  readonly historyDays: number;
  /** Makes the job runner, with the real paths of the places. */
  readonly makeRunner: (places: JobPlaces, onProgress?: (progress: JobProgress) => void) => JobRunner;
  /** Called regularly with the progress of the job; absent if nobody needs it. */
  readonly onProgress?: (progress: JobProgress) => void;
  /** Watches a directory for changes, and for requests to scan at once. */
  readonly listen: Listen;
  /** Notifies the service manager, as described in sd_notify(3). */
  readonly notify: (state: string) => void;
  /** Interval at which the service manager expects a sign of life; undefined: none is expected. */
  readonly watchdogMs: number | undefined;
  readonly signal: AbortSignal;
  /** Sends notifications about jobs; absent if there are no targets. Owned by the caller. */
  readonly notices?: NoticeOptions;
}

/** How a job ended; the history has the details. */
export type JobSummary = Pick<
  HistoryEntry,
  "run" | "name" | "kind" | "outcome" | "problemCount" | "snapshot" | "error"
>;

export interface ServiceResult {
  /** The jobs that ended; empty unless `once` is set. */
  readonly entries: readonly JobSummary[];
  /** Why the service ended early, with jobs left. */
  readonly postponed: FaultData | undefined;
  readonly interrupted: boolean;
}

/** Time between two attempts while the storage can't be used. */
const RETRY_MS = 5000;
/** Time between two looks where the system reports changes: long, so that a sleeping disk isn't woken. */
const TRUSTING_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Stands for notifications among the names of jobs. */
const NOTICES = rawOf("");
const GAVE_WAY = "gave-way";

/**
 * Runs until it is asked to stop or, with `once`, until no jobs are left.
 * @throws ServiceRunning, SplitTemp, NoStorage, DiskFault
 */
export async function serve(options: ServiceOptions): Promise<ServiceResult> {
  using service = new Service(options);
  return await service.run();
}

class Service implements Disposable {
  readonly #options: ServiceOptions;
  readonly #held = new DisposableStack();
  readonly #jobs: Dir;
  /** Which directory that was when the service began. */
  readonly #identity: Pick<Stat, "inode" | "device">;
  readonly #records: RecordStore;
  readonly #queue: JobQueue;
  readonly #recurring: RecurringJobs;
  readonly #runner: JobRunner;
  readonly #wakeup: Wakeup;
  readonly #notices: JobNotices | undefined;
  readonly #entries: JobSummary[] = [];
  /** Of each job that could not be done so far, why. */
  readonly #told: ToldOnce;
  readonly #listening: JobListening;
  #trimmedMs = 0;
  /** Why the last job that was tried could not be done. */
  #postponed: FaultData | undefined;

  constructor(options: ServiceOptions) {
    using held = new DisposableStack();
    this.#options = options;
    const { machine, places, log } = options, { disk } = machine;
    const monitor = new JobMonitor(log, "serve");
    this.#wakeup = new Wakeup(machine.clock);
    this.#told = new ToldOnce(log);
    assertApart(machine, places, monitor);
    this.#jobs = held.use(openJobDirectory(disk, places.jobs));
    this.#identity = this.#jobs.statSelf();
    const control = lockJobs(this.#jobs, places.jobs, held);
    const actual = lockStorage({ machine, places, log, monitor }, held);
    this.#records = held.use(new RecordStore(this.#jobs.openDir(CONTROL)));
    clearTemp(disk, actual, new Set(this.#records.names()), log);
    // Jobs can be done without.
    unlessFault(() => makeCancelDirectory(control), undefined);
    unlessFault(() => makePauseDirectory(control), undefined);
    this.#queue = new JobQueue(this.#jobs, this.#records, log);
    this.#recurring = new RecurringJobs(this.#jobs, control, log);
    this.#notices = this.#makeNotices(control);
    this.#runner = held.use(options.makeRunner(actual, options.onProgress));
    const look = () => this.#wakeup.call();
    this.#listening = held.use(new JobListening(options.listen, { jobs: this.#jobs, path: places.jobs, look }));
    // A job whose rest was ended may be due.
    held.use(options.listen(joinRaw(joinRaw(places.jobs, CONTROL), PAUSED), look));
    this.#held = held.move();
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  async run(): Promise<ServiceResult> {
    const { signal, notify, log, places, once } = this.#options;
    const wake = () => this.#wakeup.call();
    signal.addEventListener("abort", wake);
    using _ = this.#watchdog();
    log({ level: "info", event: "service-started", message: `Taking jobs from ${textOf(places.jobs)}` });
    notify("READY=1\nSTATUS=Waiting for jobs");
    this.#quietly(() => this.#notices?.catchUp());
    try {
      while (!signal.aborted) if (!await this.#turn()) break;
    } finally {
      signal.removeEventListener("abort", wake);
      notify("STOPPING=1");
    }
    if (!once) log({ level: "info", event: "service-stopped", message: "Stopped" });
    return { entries: this.#entries, postponed: this.#postponed, interrupted: signal.aborted };
  }

  /** Does the next job, or waits for one. @returns false if there is nothing more to do */
  async #turn(): Promise<boolean> {
    const { machine: { clock }, once, scanMs, signal } = this.#options;
    this.#trim(clock.nowMs());
    this.#assertThere();
    this.#listening.refresh();
    this.#quietly(() => this.#notices?.tick(undefined));
    const due = this.#recurring.tick(clock.nowMs());
    const { name, settlesMs } = this.#queue.next(clock.nowMs());
    if (name !== undefined) {
      if (await this.#perform(name)) return true;
      if (once) return false;
      await this.#wait(RETRY_MS);
      return true;
    }
    if (settlesMs === undefined && this.#queue.resumeThose(GAVE_WAY)) return true;
    if (settlesMs === undefined && once) {
      this.#postponed = this.#queue.passedOver;
      return false;
    }
    const retryMs = this.#queue.passedOver === undefined ? scanMs : RETRY_MS;
    const nextMs = Math.min(settlesMs ?? Infinity, due === undefined ? Infinity : Math.max(0, due - clock.nowMs()));
    // Overdue backups have to be noticed by time: nothing happens that the system could report.
    const isTold = this.#listening.hearsAll && this.#notices?.isNeeded !== true && this.#queue.passedOver === undefined;
    if (!isTold) await this.#wait(Math.min(scanMs, nextMs, retryMs));
    else if (!signal.aborted) await this.#wakeup.waitUntil(clock.nowMs() + Math.min(TRUSTING_MS, nextMs), scanMs);
    this.#queue.beginAgain();
    return true;
  }

  /** A directory that was removed, and perhaps recreated, no longer has jobs: the next start finds the new one. */
  #assertThere(): void {
    const { machine: { disk }, places } = this.#options;
    const { inode, device } = this.#identity;
    using now = disk.openDir(places.jobs);
    const there = now.statSelf();
    if ((there.inode === inode && there.device === device) || !this.#jobs.reliableInodes()) return;
    throw new BadJobDirectory(places.jobs, "another directory has its name by now", "Start the service again");
  }

  /** @returns false if no job can be done just now */
  async #perform(name: Raw): Promise<boolean> {
    const { log, notify, signal, scanMs, machine: { clock } } = this.#options;
    // One that is tried again and again is logged once.
    if (!this.#told.has(name)) log(startedEvent(name));
    notify(`STATUS=Doing ${nameText(name)}`);
    const startMs = clock.nowMs();
    const stopping = { runner: this.#runner, clock, notify, signal };
    // What is due while a job takes days has to be seen by that job, to have its turn.
    using _ = clock.every(scanMs, () => {
      this.#recurring.tick(clock.nowMs());
      this.#quietly(() => this.#notices?.tick(name));
      this.#runner.cancelIfAsked();
    });
    using __ = this.#options.listen(this.#cancelPath, () => this.#runner.cancelIfAsked());
    if (!this.#told.has(name)) this.#quietly(() => this.#notices?.started(name));
    const { entry, postponed } = await performedOrStopped(this.#runner.perform(name), stopping);
    notify("STATUS=Waiting for jobs");
    if (entry !== undefined) {
      // A service that runs for years must not remember all of them.
      if (this.#options.once) this.#entries.push(summaryOf(entry));
      log(endedEvent(entry, clock.nowMs() - startMs));
      this.#quietly(() => this.#notices?.ended(entry));
    }
    this.#postponed = postponed;
    if (postponed === undefined) this.#told.forget(name);
    else this.#told.tell(name, postponedEvent(name, postponed));
    if (postponed === undefined || concernsAll(postponed.code)) return postponed === undefined;
    this.#queue.passOver(name, postponed);
    return true;
  }

  async #wait(ms: number): Promise<void> {
    if (!this.#options.signal.aborted) await this.#wakeup.wait(ms);
  }

  #trim(nowMs: number): void {
    if (Math.abs(nowMs - this.#trimmedMs) < DAY_MS) return;
    this.#trimmedMs = nowMs;
    try {
      using storage = this.#options.machine.disk.openDir(this.#options.places.storage);
      trimHistory(storage, this.#options.historyDays, nowMs);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error; // nothing depends on it: tomorrow is another day
    }
  }

  get #cancelPath(): Raw {
    return joinRaw(joinRaw(this.#options.places.jobs, CONTROL), CANCEL);
  }

  #makeNotices(control: Dir): JobNotices | undefined {
    const { notices, machine, places: { storage: path }, log } = this.#options;
    if (notices === undefined) return undefined;
    const open = () => openStorage({ ...machine, workerScript: undefined }, path, new JobMonitor(log, "serve"));
    return new JobNotices(notices, {
      clock: machine.clock,
      jobs: this.#jobs,
      control,
      history: function* () {
        using storage = open();
        yield* readHistory(storage);
      },
      snapshots: () => {
        using storage = open();
        return storage.snapshots();
      },
      overdue: (nowMs, doing) => this.#recurring.overdue(nowMs, doing),
    });
  }

  /** A failed notification is no reason not to do the work. */
  #quietly(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#told.tell(NOTICES, { level: "warning", event: "notify-failed", message: error.message });
    }
  }

  /** Reports to the service manager that the service is alive. */
  #watchdog(): Disposable | undefined {
    const { watchdogMs, notify, machine: { clock } } = this.#options;
    return watchdogMs === undefined ? undefined : clock.every(watchdogMs / 2, () => notify("WATCHDOG=1"));
  }
}

function summaryOf({ run, name, kind, outcome, problemCount, snapshot, error }: HistoryEntry): JobSummary {
  return defined<JobSummary>({ run, name, kind, outcome, problemCount, snapshot, error });
}
