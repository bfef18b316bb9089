/** The service: looks for jobs, has them done one after the other, and tells what it does. */
import { durationText } from "../core/time_text.ts";
import { joinRaw, type Raw, rawOf, textOf } from "../core/raw.ts";
import { pluralText, sizeText } from "../core/size_text.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";
import type { Told } from "../storage/faults.ts";
import type { Machine } from "../storage/storage.ts";
import { openStorage } from "../storage/storage.ts";
import { removeRecursively } from "../storage/tree.ts";
import { ServiceRunning, SplitTemp } from "./faults.ts";
import { type HistoryEntry, recoverHistory, trimHistory } from "./history.ts";
import { CONTROL, isBeingWritten, type JobFile, jobNames, readJobFile, SETTLED_MS } from "./job_directory.ts";
import { JobMonitor } from "./job_monitor.ts";
import type { Log } from "./log.ts";
import type { JobPlaces } from "./performer.ts";
import { RecordStore } from "./record.ts";
import { RecurringJobs } from "./recurring.ts";
import type { JobRunner } from "./thread.ts";

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
  readonly postponed: Told | undefined;
  readonly interrupted: boolean;
}

const PRIVATE = 0o700, PUBLIC = 0o755, PRIVATE_FILE = 0o600;
const DB = rawOf("db"), LOCK = rawOf("lock"), SERVE_LOCK = rawOf("serve.lock");
/** A service manager gives up after a while; what is not stopped by then is simply ended, and goes on at the next start. */
const STOP_MS = 4000;
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
  readonly #recurring: RecurringJobs;
  readonly #runner: JobRunner;
  readonly #alarm = new Alarm();
  readonly #entries: Ended[] = [];
  #trimmedMs = 0;
  /** Why the last job that was tried could not be done, and its name. */
  #postponed: Told | undefined;
  #waiting: Raw | undefined;

  constructor(options: ServiceOptions) {
    using held = new DisposableStack();
    this.#options = options;
    const { disk } = options.machine;
    makePath(disk, options.places.jobs);
    this.#jobs = held.use(disk.openDir(options.places.jobs));
    this.#jobs.mkdir(CONTROL, PRIVATE);
    const control = held.use(this.#jobs.openDir(CONTROL));
    held.use(lockedFile(control, LOCK, options.places.jobs));
    const places = this.#checkStorage(held);
    this.#records = held.use(new RecordStore(this.#jobs.openDir(CONTROL)));
    this.#clearTemp(places.temp);
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
    const { clock } = this.#options.machine;
    this.#trim(clock.nowMs());
    const due = this.#recurring.tick(clock.nowMs());
    const { name, settlesMs } = this.#next();
    if (name !== undefined) {
      if (await this.#perform(name)) return true;
      if (this.#options.once) return false;
      await this.#wait(RETRY_MS);
      return true;
    }
    if (settlesMs === undefined && this.#options.once) return false;
    const { scanMs } = this.#options;
    await this.#wait(
      Math.min(scanMs, settlesMs ?? scanMs, due === undefined ? scanMs : Math.max(0, due - clock.nowMs())),
    );
    return true;
  }

  /** What has begun comes first, then the first by name. `settlesMs`: something is being written, and may be a job then. */
  #next(): { name?: Raw; settlesMs?: number } {
    const [begun] = this.#records.names();
    if (begun !== undefined) return { name: begun };
    let isWriting = false;
    for (const name of jobNames(this.#jobs)) {
      const file = this.#read(name);
      if (file === undefined) continue;
      if (!isBeingWritten(file, this.#options.machine.clock.nowMs())) return { name };
      isWriting = true;
    }
    return isWriting ? { settlesMs: SETTLED_MS / 4 } : {};
  }

  /** Undefined for one that is gone, or that this user may not read: that is told once. */
  #read(name: Raw): JobFile | undefined {
    try {
      return readJobFile(this.#jobs, name);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      if (!this.#unreadable.has(name)) {
        this.#options.log({
          level: "error",
          event: "job-unreadable",
          message: error.message,
          fields: { job: textOf(name) },
        });
      }
      this.#unreadable.add(name);
      return undefined;
    }
  }
  readonly #unreadable = new Set<Raw>();

  /** @returns false if the job was postponed */
  async #perform(name: Raw): Promise<boolean> {
    const { log, notify, machine } = this.#options;
    const job = textOf(name);
    // One that is tried again and again is told once.
    if (this.#waiting !== name) {
      log({ level: "info", event: "job-started", message: `${job}: started`, fields: { job } });
    }
    notify(`STATUS=Doing ${job}`);
    const startMs = machine.clock.nowMs();
    const { entry, postponed } = await this.#orStopped(this.#runner.perform(name));
    notify("STATUS=Waiting for jobs");
    if (entry !== undefined) {
      // A service that runs for years must not remember all of them.
      if (this.#options.once) this.#entries.push(endedOf(entry));
      logEnd(log, entry, machine.clock.nowMs() - startMs);
    }
    const isTold = this.#waiting === name && this.#postponed?.message === postponed?.message;
    this.#waiting = postponed === undefined ? undefined : name;
    this.#postponed = postponed;
    if (postponed === undefined) return true;
    const { message, code } = postponed;
    if (!isTold) {
      log({ level: "warning", event: "job-postponed", message: `${job}: ${message}`, fields: { job, code } });
    }
    return false;
  }

  /** A wish to stop is passed on; a job that doesn't follow it in time is left as it is, and goes on at the next start. */
  async #orStopped<T extends { postponed?: Told }>(work: Promise<T>): Promise<T | { entry?: never; postponed: Told }> {
    const { signal } = this.#options;
    const late = Promise.withResolvers<{ postponed: Told }>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      this.#runner.stop();
      const postponed = {
        code: "interrupted",
        message: "Stopped in the middle; it goes on at the next start",
        hint: "",
      };
      timer = setTimeout(() => late.resolve({ postponed }), STOP_MS);
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
    const recovered = recoverHistory(storage);
    if (recovered !== undefined && recovered > 0) {
      const message = `The history was made again from the snapshots: ${pluralText(recovered, "job")}`;
      log({ level: "warning", event: "history-recovered", message });
    }
    if (places.temp === undefined) return places;
    using temp = machine.disk.openDir(places.temp);
    const { device } = temp.statSelf(), own = storage.dir.statSelf().device;
    if (device !== own) throw new SplitTemp({ path: places.temp, device }, { path: places.storage, device: own });
    temp.mkdir(CONTROL, PRIVATE);
    return { ...places, temp: joinRaw(places.temp, CONTROL) };
  }

  /** What jobs of another time or another job directory have left: without a record nobody goes on with it. */
  #clearTemp(path: Raw | undefined): void {
    const { machine: { disk }, places } = this.#options;
    using storage = disk.openDir(places.storage);
    storage.mkdir(rawOf("tmp"), PRIVATE);
    using temp = path === undefined ? storage.openDir(rawOf("tmp")) : disk.openDir(path);
    const begun = new Set(this.#records.names());
    for (const name of temp.list().names) {
      if (/\.jsonc?$/i.test(name) && !begun.has(name)) removeRecursively(temp, name);
    }
  }

  #trim(nowMs: number): void {
    if (nowMs - this.#trimmedMs < DAY_MS) return;
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
  const level = outcome === "done" ? "info" : outcome === "problems" ? "warning" : "error";
  const fields = { job, kind, outcome, problems: problemCount, snapshot, counts, ...(error && { code: error.code }) };
  log({ level, event: "job-ended", message: `${job}: ${endText(entry, elapsedMs)}`, fields });
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

/** Makes a directory and its missing parents. */
function makePath(disk: Disk, path: Raw): void {
  const slash = path.lastIndexOf("/");
  const parent = (slash <= 0 ? "/" : path.slice(0, slash)) as Raw;
  try {
    disk.openDir(path)[Symbol.dispose]();
  } catch {
    if (parent === path) return;
    makePath(disk, parent);
    using above = disk.openDir(parent);
    above.mkdir(path.slice(slash + 1) as Raw, PUBLIC);
  }
}
