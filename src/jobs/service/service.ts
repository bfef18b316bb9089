/** The service: looks for jobs, has them done one after the other, and tells what it does. */
import type { FaultData } from "../../core/fault_data.ts";
import { joinRaw, type Raw, rawOf, textOf } from "../../core/raw.ts";
import { pluralText, sizeText } from "../../core/size_text.ts";
import { durationText } from "../../core/time_text.ts";
import { assertApart } from "./apart.ts";
import { BadJobDirectory, ServiceRunning, SplitTemp } from "../faults.ts";
import { openJobDirectory } from "../queue/first_look.ts";
import { type HistoryEntry, recoverHistory, trimHistory } from "../state/history.ts";
import { CONTROL } from "../queue/job_directory.ts";
import { concernsAll, type JobPlaces } from "./job_executor.ts";
import { JobMonitor } from "../run/job_monitor.ts";
import { nameText } from "../state/job_name.ts";
import { JobQueue } from "../queue/job_queue.ts";
import { RecordStore } from "../state/job_state.ts";
import type { Log } from "../log/log.ts";
import { RecurringJobs } from "../queue/recurring.ts";
import { moveAside } from "../state/text_file.ts";
import type { JobRunner } from "./thread.ts";
import { ToldOnce } from "../log/told_once.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { tryToRemove } from "../../platform/remove_recursively.ts";
import { openStorage, type Storage } from "../../storage/storage.ts";

export interface ServiceOptions {
  readonly machine: Pick<Machine, "disk" | "clock" | "random">;
  /** `temp`: where a person wants it; the jobs get a directory of their own in it. */
  readonly places: JobPlaces;
  readonly log: Log;
  /** Do what is there, then end. */
  readonly once: boolean;
  /** Time between two looks, if the system tells nothing. */
  readonly scanMs: number;
  /** Older months of the history are deleted. */
  readonly historyDays: number;
  /** Makes what does the jobs, with the places as they really are. */
  readonly makeRunner: (places: JobPlaces) => JobRunner;
  /** Hears of changes in a directory, and of wishes to look at once. */
  readonly listen: (directory: Raw, look: () => void) => Disposable;
  /** Tells the service manager, as sd_notify(3) has it. */
  readonly notify: (state: string) => void;
  /** How often the service manager wants to hear that the service lives; undefined: never. */
  readonly watchdogMs: number | undefined;
  readonly signal: AbortSignal;
}

/** A job that was ended; the history knows the rest. */
export type Ended = Pick<HistoryEntry, "run" | "name" | "kind" | "outcome" | "problemCount" | "snapshot" | "error">;

export interface ServiceResult {
  /** The jobs that were ended; none unless it was to run once. */
  readonly entries: readonly Ended[];
  /** Why it ended early, with jobs left. */
  readonly postponed: FaultData | undefined;
  readonly interrupted: boolean;
}

const PRIVATE = 0o700, PRIVATE_FILE = 0o600;
const DB = rawOf("db"), LOCK = rawOf("lock"), SERVE_LOCK = rawOf("serve.lock");
/** A service manager gives up after a while; what is not stopped by then is simply ended, and goes on at the next start. */
const STOP_MS = 4000;
/** While the disk writes: time between two looks whether it still does. */
const SYNCING_MS = 500;
/** The storage can't be used just now. */
const RETRY_MS = 5000;
const DAY_MS = 86_400_000;

/** Runs until it is asked to stop, or, once, until nothing is left. @throws ServiceRunning, SplitTemp, NoStorage, DiskFault */
export async function serve(options: ServiceOptions): Promise<ServiceResult> {
  using service = new Service(options);
  return await service.run();
}

class Service implements Disposable {
  readonly #options: ServiceOptions;
  readonly #held = new DisposableStack();
  readonly #jobs: Dir;
  readonly #records: RecordStore;
  readonly #queue: JobQueue;
  readonly #recurring: RecurringJobs;
  readonly #runner: JobRunner;
  readonly #alarm = new Alarm();
  readonly #entries: Ended[] = [];
  /** Of each job that could not be done so far, why. */
  readonly #told: ToldOnce;
  #trimmedMs = 0;
  /** Why the last job that was tried could not be done. */
  #postponed: FaultData | undefined;

  constructor(options: ServiceOptions) {
    using held = new DisposableStack();
    this.#options = options;
    const { disk } = options.machine;
    this.#told = new ToldOnce(options.log);
    assertApart(options.machine, options.places, new JobMonitor(options.log, "serve"));
    this.#jobs = held.use(openJobDirectory(disk, options.places.jobs));
    this.#jobs.mkdir(CONTROL, PRIVATE);
    const control = held.use(this.#jobs.openDir(CONTROL));
    keepPrivate(control);
    if (control.stat(LOCK)?.kind === "dir") moveAside(control, LOCK);
    held.use(lockedFile(control, LOCK, options.places.jobs));
    const places = this.#checkStorage(held);
    this.#records = held.use(new RecordStore(this.#jobs.openDir(CONTROL)));
    this.#clearTemp(places.temp);
    this.#queue = new JobQueue(this.#jobs, this.#records, options.log);
    this.#recurring = new RecurringJobs(this.#jobs, control, options.log);
    this.#runner = held.use(options.makeRunner(places));
    held.use(options.listen(options.places.jobs, () => this.#alarm.ring()));
    this.#held = held.move();
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  async run(): Promise<ServiceResult> {
    const { signal, notify, log, places, once } = this.#options;
    const wake = () => this.#alarm.ring();
    signal.addEventListener("abort", wake);
    using _ = this.#watchdog();
    log({ level: "info", event: "service-started", message: `Taking jobs from ${textOf(places.jobs)}` });
    notify("READY=1\nSTATUS=Waiting for jobs");
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
    const { machine: { clock }, once, scanMs } = this.#options;
    this.#trim(clock.nowMs());
    this.#assertThere();
    const due = this.#recurring.tick(clock.nowMs());
    const { name, settlesMs } = this.#queue.next(clock.nowMs());
    if (name !== undefined) {
      if (await this.#perform(name)) return true;
      if (once) return false;
      await this.#wait(RETRY_MS);
      return true;
    }
    if (settlesMs === undefined && once) {
      this.#postponed = this.#queue.passedOver;
      return false;
    }
    const retryMs = this.#queue.passedOver === undefined ? scanMs : RETRY_MS;
    const dueMs = due === undefined ? scanMs : Math.max(0, due - clock.nowMs());
    await this.#wait(Math.min(scanMs, settlesMs ?? scanMs, dueMs, retryMs));
    this.#queue.beginAgain();
    return true;
  }

  /** A directory that was removed, and maybe made again, has no jobs any more: another start finds the new one. */
  #assertThere(): void {
    const { machine: { disk }, places } = this.#options;
    const { inode, device } = this.#jobs.statSelf();
    using now = disk.openDir(places.jobs);
    const there = now.statSelf();
    if ((there.inode === inode && there.device === device) || !this.#jobs.reliableInodes()) return;
    throw new BadJobDirectory(places.jobs, "another directory has its name by now", "Start the service again");
  }

  /** @returns false if no job can be done just now */
  async #perform(name: Raw): Promise<boolean> {
    const { log, notify, machine } = this.#options;
    const job = textOf(name), shown = nameText(name);
    // One that is tried again and again is told once.
    if (!this.#told.has(name)) {
      log({ level: "info", event: "job-started", message: `${shown}: started`, fields: { job } });
    }
    notify(`STATUS=Doing ${shown}`);
    const startMs = machine.clock.nowMs();
    const { entry, postponed } = await this.#orStopped(this.#runner.perform(name));
    notify("STATUS=Waiting for jobs");
    if (entry !== undefined) {
      // A service that runs for years must not remember all of them.
      if (this.#options.once) this.#entries.push(endedOf(entry));
      logEnd(log, entry, machine.clock.nowMs() - startMs);
    }
    this.#postponed = postponed;
    if (postponed === undefined) this.#told.forget(name);
    else this.#tellPostponed(name, postponed);
    if (postponed === undefined || concernsAll(postponed.code)) return postponed === undefined;
    this.#queue.passOver(name, postponed);
    return true;
  }

  #tellPostponed(name: Raw, { code, message }: FaultData): void {
    // Of a bug, the rest is where it happened.
    const [why = ""] = message.split("\n");
    this.#told.tell(name, {
      level: code === "bug" ? "error" : "warning",
      event: "job-postponed",
      message: `${nameText(name)}: ${why}`,
      fields: { job: textOf(name), code },
    });
  }

  /** A wish to stop is passed on; a job that doesn't follow it in time is left as it is, and goes on at the next start. */
  async #orStopped<T extends { postponed?: FaultData }>(
    work: Promise<T>,
  ): Promise<T | { entry?: never; postponed: FaultData }> {
    const { signal } = this.#options;
    const late = Promise.withResolvers<{ postponed: FaultData }>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    // The process would stay for as long; whoever reads "Stopped" may take the disk away.
    const end = (postponed: FaultData) => {
      if (!this.#runner.isSyncing) return late.resolve({ postponed });
      this.#options.notify(`EXTEND_TIMEOUT_USEC=${STOP_MS * 1000}`);
      timer = setTimeout(() => end(postponed), SYNCING_MS);
    };
    const stop = () => {
      this.#runner.stop();
      const postponed = {
        code: "interrupted",
        message: "Stopped in the middle; it goes on at the next start",
        hint: "",
      };
      timer = setTimeout(() => end(postponed), STOP_MS);
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    work.catch(() => {}); // awaited here, or of no interest any more
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  async #wait(ms: number): Promise<void> {
    if (!this.#options.signal.aborted) await this.#alarm.wait(ms);
  }

  /** The storage is there, nobody else serves it, and the jobs' temporary directory is beside it. */
  #checkStorage(held: DisposableStack): JobPlaces {
    const { machine, places, log } = this.#options;
    const whole = { ...machine, workerScript: undefined };
    using storage = openStorage(whole, places.storage, new JobMonitor(log, "serve"));
    storage.dir.mkdir(DB, PRIVATE);
    using db = storage.dir.openDir(DB);
    held.use(lockedFile(db, SERVE_LOCK, places.storage));
    this.#recoverHistory(storage);
    if (places.temp === undefined) return places;
    using temp = machine.disk.openDir(places.temp);
    const { device } = temp.statSelf(), own = storage.dir.statSelf().device;
    if (device !== own) throw new SplitTemp({ path: places.temp, device }, { path: places.storage, device: own });
    temp.mkdir(CONTROL, PRIVATE);
    return { ...places, temp: joinRaw(places.temp, CONTROL) };
  }

  /** Jobs don't wait for it: each will say by itself if nothing can be written there. */
  #recoverHistory(storage: Storage): void {
    const { log } = this.#options;
    try {
      const recovered = recoverHistory(storage) ?? 0;
      if (recovered === 0) return;
      const message = `The history was made again from the snapshots: ${pluralText(recovered, "job")}`;
      log({ level: "warning", event: "history-recovered", message });
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      log({ level: "warning", event: "history-lost", message: `The history can't be made again: ${error.message}` });
    }
  }

  /** What jobs of another time or another job directory have left: without a record nobody goes on with it. */
  #clearTemp(path: Raw | undefined): void {
    const { machine: { disk }, places } = this.#options;
    using storage = disk.openDir(places.storage);
    storage.mkdir(rawOf("tmp"), PRIVATE);
    using temp = path === undefined ? storage.openDir(rawOf("tmp")) : disk.openDir(path);
    const begun = new Set(this.#records.names());
    for (const name of temp.list().names) {
      if (!/\.jsonc?$/i.test(name) || begun.has(name)) continue;
      const fault = tryToRemove(temp, name);
      if (fault === undefined) continue;
      const message = `What a job has left can't be removed: ${fault.message}`;
      this.#options.log({ level: "warning", event: "left-over", message });
    }
  }

  #trim(nowMs: number): void {
    if (Math.abs(nowMs - this.#trimmedMs) < DAY_MS) return;
    this.#trimmedMs = nowMs;
    try {
      using storage = this.#options.machine.disk.openDir(this.#options.places.storage);
      trimHistory(storage, this.#options.historyDays, nowMs);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error; // nothing hangs on it: tomorrow is another day
    }
  }

  #watchdog(): Disposable {
    const { watchdogMs, notify } = this.#options;
    const timer = watchdogMs === undefined ? undefined : setInterval(() => notify("WATCHDOG=1"), watchdogMs / 2);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }
}

/** Waiting that can be cut short; also by what rang before. */
class Alarm {
  #ring: (() => void) | undefined;
  #hasRung = false;

  ring(): void {
    this.#hasRung = true;
    this.#ring?.();
  }

  async wait(ms: number): Promise<void> {
    if (!this.#hasRung) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      this.#ring = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#ring = undefined;
    this.#hasRung = false;
  }
}

function endedOf({ run, name, kind, outcome, problemCount, snapshot, error }: HistoryEntry): Ended {
  return {
    run,
    name,
    kind,
    outcome,
    problemCount,
    ...(snapshot !== undefined && { snapshot }),
    ...(error !== undefined && { error }),
  };
}

function logEnd(log: Log, entry: HistoryEntry, elapsedMs: number): void {
  const { name: job, kind, outcome, error, problemCount, snapshot, counts } = entry;
  const shown = nameText(rawOf(job));
  const level = outcome === "done" ? "info" : outcome === "problems" ? "warning" : "error";
  const fields = { job, kind, outcome, problems: problemCount, snapshot, counts, ...(error && { code: error.code }) };
  log({ level, event: "job-ended", message: `${shown}: ${endText(entry, elapsedMs)}`, fields });
}

function endText({ outcome, kind, error, problemCount, counts }: HistoryEntry, elapsedMs: number): string {
  if (outcome === "rejected") return `rejected and removed: ${error?.message}`;
  if (outcome === "failed") return `${kind} failed: ${error?.message}`;
  const { readFiles = 0, unchangedFiles = 0, restoredFiles = 0, readBytes = 0 } = counts;
  const files = kind === "restore" ? restoredFiles : readFiles + unchangedFiles;
  const amount = files > 0
    ? `, ${pluralText(files, "file")}${readBytes > 0 ? `, ${sizeText(readBytes)} read` : ""}`
    : "";
  const problems = problemCount > 0 ? ` with ${pluralText(problemCount, "problem")}` : "";
  return `${kind} done${problems} in ${durationText(elapsedMs)}${amount}`;
}

function lockedFile(directory: Dir, name: Raw, path: Raw): Disposable {
  const file = directory.openOrCreate(name, PRIVATE_FILE);
  if (file.tryLock()) return file;
  file[Symbol.dispose]();
  throw new ServiceRunning(path);
}

/** Somebody may have made it for us, with the mode of any directory. */
function keepPrivate(control: Dir): void {
  if ((control.statSelf().mode & 0o077) === 0) return;
  try {
    control.setSelfAttributes({ mode: PRIVATE });
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error; // its files are private each
  }
}
