/** Records what an operation reports while a job runs: counters for the history, messages for the log. */
import type { Clock } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import { type FaultData, toFaultData } from "../../core/fault_data.ts";
import type { Counter, Monitor, Phase } from "../../core/monitor.ts";
import { pluralText, sizeText } from "../../core/size_text.ts";
import type { Log } from "../log/log.ts";

/** More of them help nobody, and would fill a disk. */
const MOST_KEPT = 100;
/** How often the progress of a job is reported. */
const TELL_MS = 60_000;
/** Parts of a job that is over soon are of no interest. */
const WORTH_TELLING_MS = 10_000;
const COUNTS_PER_LOOK = 256;

/** Progress of a job. */
export interface JobProgress {
  /** Name of the job file, as text. */
  readonly job: string;
  readonly phase: Phase | null;
  /** The current object, such as a path. */
  readonly place: string;
  readonly counts: Readonly<Record<string, number>>;
  /** Size of the whole work, as far as it is known. */
  readonly total: { readonly items?: number; readonly bytes?: number };
}

export class JobMonitor implements Monitor {
  readonly #log: Log;
  /** Name of the job file, as text. */
  readonly job: string;
  readonly #counts: Partial<Record<Counter, number>> = {};
  readonly #problems: FaultData[] = [];
  #problemCount = 0;
  #at = "";
  #total: JobProgress["total"] = {};
  readonly #clock: Clock | undefined;
  readonly #onPhase: ((phase: Phase) => void) | undefined;
  #phase: Phase | undefined;
  readonly #startMs: number;
  #toldMs: number;
  #countsSinceLook = 0;
  readonly #followed = new Map<Counter, () => number>();

  /** @param clock undefined: only problems and notices are logged @param onPhase called at the start of each phase */
  constructor(log: Log, job: string, { clock, onPhase }: {
    readonly clock?: Clock;
    readonly onPhase?: ((phase: Phase) => void) | undefined;
  } = {}) {
    this.#onPhase = onPhase;
    this.#log = log;
    this.job = job;
    this.#clock = clock;
    this.#startMs = this.#toldMs = clock?.nowMs() ?? 0;
  }

  count(counter: Counter, by = 1): void {
    this.#counts[counter] = (this.#counts[counter] ?? 0) + by;
    if (++this.#countsSinceLook >= COUNTS_PER_LOOK) this.#tellIfDue();
  }

  current(what: string): void {
    this.#at = what;
  }

  phase(phase: Phase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#onPhase?.(phase);
    this.#at = "";
    const nowMs = this.#clock?.nowMs();
    if (nowMs !== undefined && nowMs - this.#startMs >= WORTH_TELLING_MS) this.#tell("phase", nowMs);
  }

  /** Reports progress within a single file, which may take hours in which no counter changes. */
  follow(counter: Counter, done: () => number): Disposable {
    this.#followed.set(counter, done);
    const timer = this.#clock?.every(TELL_MS, () => this.#tellIfDue());
    return {
      [Symbol.dispose]: () => {
        timer?.[Symbol.dispose]();
        if (this.#followed.get(counter) === done) this.#followed.delete(counter);
      },
    };
  }

  #tellIfDue(): void {
    this.#countsSinceLook = 0;
    const nowMs = this.#clock?.nowMs();
    if (nowMs !== undefined && nowMs - this.#toldMs >= TELL_MS) this.#tell("progress", nowMs);
  }

  #tell(event: "phase" | "progress", nowMs: number): void {
    this.#toldMs = nowMs;
    const { counts } = this.progress;
    const { walkedEntries = 0, readBytes = 0, restoredBytes = 0, checkedBytes = 0 } = counts;
    const bytes = readBytes + restoredBytes + checkedBytes;
    const facts = [
      this.#phase ?? "working",
      ...(walkedEntries > 0 ? [pluralText(walkedEntries, "entry", "entries")] : []),
      ...(bytes > 0 ? [sizeText(bytes)] : []),
    ];
    this.#log({
      level: "info",
      event,
      message: `${this.job}: ${facts.join(", ")}`,
      fields: { job: this.job, phase: this.#phase ?? null, counts },
    });
  }

  setTotal(total: JobProgress["total"]): void {
    this.#total = { ...this.#total, ...total };
  }

  problem(fault: Error): void {
    this.#problemCount++;
    const told = toFaultData(fault);
    if (this.#problems.length < MOST_KEPT) this.#problems.push(told);
    const { message, code } = told;
    if (this.#problemCount > MOST_KEPT && fault instanceof Fault) return;
    this.#log({
      level: "warning",
      event: "problem",
      message: `${this.job}: ${message}`,
      fields: { job: this.job, code },
    });
  }

  notice(text: string): void {
    this.#log({ level: "info", event: "notice", message: `${this.job}: ${text}`, fields: { job: this.job } });
  }

  /** Adds the problems of an earlier run of the job. */
  recall(problems: number): void {
    this.#problemCount += problems;
  }

  get progress(): JobProgress {
    const counts = { ...this.counts };
    for (const [counter, done] of this.#followed) counts[counter] = Math.max(counts[counter] ?? 0, done());
    return { job: this.job, phase: this.#phase ?? null, place: this.#at, counts, total: this.#total };
  }

  /** The current object. */
  get place(): string {
    return this.#at;
  }

  get counts(): Readonly<Record<string, number>> {
    return { ...this.#counts };
  }

  get problems(): readonly FaultData[] {
    return this.#problems;
  }

  get problemCount(): number {
    return this.#problemCount;
  }
}
