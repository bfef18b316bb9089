/**
 * Reports on an operation to standard error at intervals. Operations are mostly synchronous, so reports are made within
 * the monitor's calls; a timer helps while they wait.
 */
import type { Clock } from "../../../core/clock.ts";
import { type FaultData, toFaultData } from "../../../core/fault_data.ts";
import type { Counter, EntryStatus, Monitor, Phase } from "../../../core/monitor.ts";
import type { Paint } from "../terminal/colors.ts";
import type { Progress } from "./progress.ts";
import { JsonReporter, type Reporter, TextReporter } from "./reporter.ts";
import type { Output } from "../../world.ts";

/** Number of counts between two looks at the clock, which costs about as much as counting. */
const COUNTS_PER_LOOK = 16;
const MOST_KEPT = 20;
const TIMER_MS = 500;
/** Duration in ms below which phases are not reported. */
const WORTH_TELLING_MS = 500;

export interface MonitorOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly paint: Paint;
  /** Report only problems. */
  readonly quiet: boolean;
  /** Report each file, and all counters at the end. */
  readonly verbose: boolean;
  /** Report in JSON, for programs. */
  readonly json: boolean;
}

export class TerminalMonitor implements Monitor, Disposable {
  /** Absent unless each file is to be reported: operations then skip the per-file work. */
  readonly status: ((status: EntryStatus, path: string) => void) | undefined;
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  readonly #quiet: boolean;
  readonly #timer: Disposable | undefined;
  #startMs: number;
  #counters: Partial<Record<Counter, number>> = {};
  #expected: { items?: number; bytes?: number } = {};
  #at = "";
  #phase: Phase | undefined;
  #phaseMs = 0;
  readonly #followed = new Map<Counter, () => number>();
  #problems = 0;
  readonly #first: FaultData[] = [];
  #countsSinceLook = 0;
  #lastMs: number;
  #isPaused = false;

  constructor(options: MonitorOptions) {
    const { clock, quiet, verbose, json } = options;
    this.#clock = clock;
    this.#quiet = quiet;
    this.#reporter = json ? new JsonReporter(options) : new TextReporter(options);
    this.#startMs = this.#lastMs = clock.nowMs();
    if (!quiet) this.#timer = clock.every(TIMER_MS, () => this.#wake());
    if (verbose && !quiet) this.status = (status, path) => this.#reporter.status(status, path);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#reporter.finish();
  }

  count(counter: Counter, by = 1): void {
    this.#counters[counter] = this.of(counter) + by;
    if (++this.#countsSinceLook >= COUNTS_PER_LOOK) this.#look();
  }

  current(what: string): void {
    this.#at = what;
    this.#look();
  }

  /** Begins a phase. It is shown at once, because one long step may follow. */
  phase(phase: Phase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#at = "";
    this.#phaseMs = this.#clock.nowMs();
    if (!this.#quiet && this.#phaseMs - this.#startMs >= WORTH_TELLING_MS) this.#reporter.phase(this.#progress());
  }

  follow(counter: Counter, done: () => number): Disposable {
    this.#followed.set(counter, done);
    return {
      [Symbol.dispose]: () => {
        if (this.#followed.get(counter) === done) this.#followed.delete(counter);
      },
    };
  }

  setTotal(total: { readonly items?: number; readonly bytes?: number }): void {
    this.#expected = { ...this.#expected, ...total };
  }

  problem(fault: Error): void {
    this.#problems++;
    if (this.#first.length < MOST_KEPT) this.#first.push(toFaultData(fault));
    this.#reporter.problem(fault);
  }

  notice(text: string): void {
    if (!this.#quiet) this.#reporter.notice(text);
  }

  of(counter: Counter): number {
    return this.#counters[counter] ?? 0;
  }

  get problems(): number {
    return this.#problems;
  }

  /** The first problems. */
  get firstProblems(): readonly FaultData[] {
    return this.#first;
  }

  get counts(): Readonly<Record<string, number>> {
    return { ...this.#counters };
  }

  get elapsedMs(): number {
    return this.#clock.nowMs() - this.#startMs;
  }

  /** Resets all counters, for the next of several operations. */
  restart(): void {
    this.#startMs = this.#clock.nowMs();
    this.#counters = {};
    this.#expected = {};
    this.#problems = 0;
    this.#phase = undefined;
  }

  /** Until disposed, nothing is drawn and no time passes, because the user is being asked something. */
  pause(): Disposable {
    const sinceMs = this.#clock.nowMs();
    this.#isPaused = true;
    this.#reporter.finish();
    return {
      [Symbol.dispose]: () => {
        this.#isPaused = false;
        this.#startMs += this.#clock.nowMs() - sinceMs;
      },
    };
  }

  /** Reports the end of an operation. */
  finish(): void {
    this.#phase = undefined;
    this.#reporter.end({ ...this.#progress(), isOver: true });
    this.#reporter.finish();
  }

  #wake(): void {
    this.#reporter.flush();
    this.#look();
  }

  #look(): void {
    this.#countsSinceLook = 0;
    if (this.#quiet || this.#isPaused) return;
    const now = this.#clock.nowMs();
    if (now - this.#lastMs < this.#reporter.everyMs) return;
    this.#lastMs = now;
    this.#reporter.progress(this.#progress());
  }

  #countersNow(): Progress["counters"] {
    if (this.#followed.size === 0) return this.#counters;
    const now = { ...this.#counters };
    for (const [counter, done] of this.#followed) now[counter] = Math.max(this.of(counter), done());
    return now;
  }

  #progress(): Progress {
    const now = this.#clock.nowMs();
    return {
      counters: this.#countersNow(),
      at: this.#at,
      phase: this.#phase,
      phaseMs: now - this.#phaseMs,
      expected: this.#expected,
      problems: this.#problems,
      elapsedMs: this.elapsedMs,
    };
  }
}
