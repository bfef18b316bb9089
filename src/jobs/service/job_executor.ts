/** Runs jobs, one at a time, from the job file to its line in the history. FORMAT.md describes what is written when. */
import { hashBytes } from "../../core/digest.ts";
import { toFaultData } from "../../core/fault_data.ts";
import { complaintText } from "../../core/jsonc.ts";
import { bytesOf, joinRaw, type Raw, rawOf, textOf } from "../../core/raw.ts";
import { BadJob, Cancelled, PlaceWaits } from "../faults.ts";
import { appendHistory, type Outcome } from "../state/history.ts";
import type { HistoryEntry } from "../state/stored_state.ts";
import {
  CONTROL,
  isTooLong,
  type JobFile,
  keepJobFile,
  keptPath,
  lookInto,
  markOf,
  readJobFile,
  removeJobFile,
} from "../queue/job_directory.ts";
import { parseJob } from "../schema/job_file.ts";
import { JobMonitor } from "../run/job_monitor.ts";
import { nameText } from "../state/job_name.ts";
import { JobRun, type JobSetup } from "../run/job_run.ts";
import { forgetCancel, isCancelled, mayBeCancelled } from "../state/cancel_requests.ts";
import { type JobRecord, RecordStore } from "../state/job_state.ts";
import { refuseUntrusted, whyUntrusted } from "../schema/commands.ts";
import { isOfPlace, isPostponing } from "./postponing.ts";
import { performWithHooks } from "./job_hooks.ts";
import type { Dir } from "../../platform/disk.ts";
import { tryToRemove } from "../../platform/remove_recursively.ts";
import { openStorage, type Storage } from "../../storage/storage.ts";

/** Time between two words about how far a job is. */
const PROGRESS_MS = 500;

export interface JobPlaces {
  /** Absolute paths. */
  readonly jobs: Raw;
  readonly storage: Raw;
  /** Default: tmp/ of the storage. */
  readonly temp: Raw | undefined;
}

/** What a job leaves its traces in. */
interface Ending {
  readonly storage: Storage;
  readonly temp: Dir;
  readonly isResumed: boolean;
}

export class JobExecutor implements Disposable {
  readonly #setup: JobSetup;
  readonly #places: JobPlaces;
  readonly #tempPath: Raw;
  readonly #held = new DisposableStack();
  readonly #jobs: Dir;
  readonly #control: Dir;
  readonly #records: RecordStore;
  #current: { readonly run: JobRun; readonly stop: AbortController } | undefined;

  constructor(setup: JobSetup, places: JobPlaces) {
    const { machine, lockState } = setup;
    // The jobs' directory has accounts and keys of the page: a backup of all around it leaves them out.
    const state = [
      ...machine.state ?? [],
      ...(lockState === undefined ? [] : [lockState]),
      joinRaw(places.jobs, CONTROL),
    ];
    this.#setup = { ...setup, machine: { ...machine, state } };
    this.#places = places;
    this.#tempPath = places.temp ?? joinRaw(places.storage, rawOf("tmp"));
    this.#jobs = this.#held.use(setup.machine.disk.openDir(places.jobs));
    this.#control = this.#held.use(this.#jobs.openDir(CONTROL));
    this.#records = this.#held.use(new RecordStore(this.#jobs.openDir(CONTROL)));
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  /**
   * Runs the job of that name to its end, or continues it.
   * @returns undefined if there is no such job
   * @throws Interrupted, Locked, NoStorage and the like: the job stays, see {@link isPostponing}
   */
  async perform(name: Raw): Promise<HistoryEntry | undefined> {
    using storage = openStorage(
      this.#setup.machine,
      this.#places.storage,
      new JobMonitor(this.#setup.log, textOf(name)),
    );
    if (this.#places.temp === undefined) storage.dir.mkdir(rawOf("tmp"), 0o700);
    using temp = this.#setup.machine.disk.openDir(this.#tempPath);
    let record = this.#records.load(name, () => this.#tellDamaged(name));
    const isResumed = record !== undefined;
    record ??= this.#begin(name);
    if (record === undefined) return undefined;
    if (record.phase !== "ended") record = await this.#work(record, storage, temp);
    const { entry } = record;
    if (entry === undefined) throw new Error("The record of a job that has ended has no entry for the history");
    this.#end(record, entry, { storage, temp, isResumed });
    return entry;
  }

  /** Cancels the running job as soon as it can be stopped, if the job directory contains a request for that. */
  cancelIfAsked(): void {
    const { run, stop } = this.#current ?? {};
    if (run !== undefined && this.#mayStop(run)) stop?.abort();
  }

  #mayStop({ record }: JobRun): boolean {
    return mayBeCancelled(record) && isCancelled(this.#control, record.run);
  }

  #tellDamaged(name: Raw): void {
    const message = `${nameText(name)}: its record was no record, and is removed; the job begins anew`;
    this.#setup.log({ level: "warning", event: "record-damaged", message, fields: { job: textOf(name) } });
  }

  #begin(name: Raw): JobRecord | undefined {
    const file = readJobFile(this.#jobs, name);
    if (file === undefined) return undefined;
    const record: JobRecord = {
      run: this.#runOf(file),
      name,
      text: file.text,
      mark: markOf(file),
      start: this.#now(),
      phase: "begun",
      ...this.#trust(file),
    };
    this.#records.save(record);
    return record;
  }

  #trust({ stat }: JobFile): Pick<JobRecord, "untrusted"> {
    const why = whyUntrusted({ file: stat, directories: [this.#jobs.statSelf()] });
    return why === undefined ? {} : { untrusted: why };
  }

  /** Records are in the directory: whoever may write there may have made this one. */
  #whyUntrusted({ untrusted }: JobRecord): string | undefined {
    const own = this.#jobs.statSelf();
    return untrusted ?? whyUntrusted({ file: own, directories: [own] });
  }

  /** The same for the same file, so that a snapshot is recognised even if the record is lost; chance where times are coarse. */
  #runOf({ name, text, stat: { inode, mtime, ctime } }: JobFile): string {
    const { disk, random } = this.#setup.machine;
    const isUnique = disk.abilities.timeUnitNs === 1 && ctime !== undefined && inode !== "0";
    const facts = isUnique ? bytesOf(rawOf([textOf(name), inode, mtime, ctime, text].join("\n"))) : random(32);
    return hashBytes("sha256", facts).slice(0, 32);
  }

  /** @returns the record of the job that has ended, one way or another */
  async #work(record: JobRecord, storage: Storage, temp: Dir): Promise<JobRecord> {
    const monitor = new JobMonitor(this.#setup.log, textOf(record.name), {
      clock: this.#setup.machine.clock,
      onPhase: this.#setup.onPhase,
    });
    const stop = new AbortController(), { clock } = this.#setup.machine, { onProgress } = this.#setup;
    const signal = AbortSignal.any([this.#setup.signal, stop.signal]);
    await using run = new JobRun({
      setup: { ...this.#setup, signal },
      storage,
      monitor,
      tempPath: this.#tempPath,
      temp,
      own: [this.#places.jobs, this.#tempPath],
      record,
      save: (changed) => this.#records.save(changed),
      othersWait: () => this.#othersWait(record.name),
    });
    let kind: string | null = null, error: unknown;
    using _ = onProgress && clock.every(PROGRESS_MS, () => onProgress(monitor.progress));
    this.#current = { run, stop };
    const isOfPerson = () => stop.signal.aborted && !this.#setup.signal.aborted && this.#mayStop(run);
    try {
      const { job, problems } = parseJob(record.text, record.mark.size);
      if (job === undefined) throw new BadJob(problems.map(complaintText), keptPathOf(record));
      kind = job.kind;
      if (this.#mayStop(run)) throw new Cancelled();
      refuseUntrusted(textOf(record.name), job, this.#whyUntrusted(record));
      await performWithHooks(run, job, isOfPerson);
    } catch (caught) {
      if (!isOfPerson() && isPostponing(caught)) {
        throw run.worksElsewhere && isOfPlace(caught) ? new PlaceWaits(caught) : caught;
      }
      error = isOfPerson() ? new Cancelled() : caught;
    } finally {
      this.#current = undefined;
    }
    run.update({ phase: "ended", entry: this.#entryOf(run, kind, error) });
    return run.record;
  }

  /** Those that have begun and wait again have had their turn. */
  #othersWait(own: Raw): boolean {
    const begun = new Set([own, ...this.#records.names()]);
    return lookInto(this.#jobs).jobs.some((name) => !begun.has(name));
  }

  #entryOf({ record, monitor, snapshot }: JobRun, kind: string | null, error: unknown): HistoryEntry {
    const kept = keptPathOf(record);
    return {
      run: record.run,
      name: textOf(record.name),
      kind,
      outcome: outcomeOf(error, monitor.problemCount),
      start: record.start,
      end: this.#now(),
      text: kept === undefined ? record.text : null,
      ...(kept !== undefined && { kept }),
      counts: monitor.counts,
      problems: [...monitor.problems],
      problemCount: monitor.problemCount,
      ...(snapshot !== undefined && { snapshot: snapshot.id }),
      ...(error !== undefined && { error: toFaultData(error) }),
    };
  }

  /** Each step may be done again. */
  #end({ name, run, text, mark }: JobRecord, entry: HistoryEntry, { storage, temp, isResumed }: Ending): void {
    appendHistory(storage.dir, entry, isResumed);
    if (isTooLong(mark)) keepJobFile(this.#jobs, name, mark, run);
    else removeJobFile(this.#jobs, name, mark, text);
    tryToRemove(temp, name); // what stays is tried again at the next start
    this.#records.remove(name);
    forgetCancel(this.#control, run);
  }

  #now(): string {
    return new Date(this.#setup.machine.clock.nowMs()).toISOString();
  }
}

/** As text; undefined if the history has the file's text. */
function keptPathOf({ name, run, mark }: JobRecord): string | undefined {
  return isTooLong(mark) ? textOf(keptPath(name, run)) : undefined;
}

function outcomeOf(error: unknown, problems: number): Outcome {
  if (error instanceof BadJob) return "rejected";
  if (error instanceof Cancelled) return "cancelled";
  if (error !== undefined) return "failed";
  return problems > 0 ? "problems" : "done";
}
