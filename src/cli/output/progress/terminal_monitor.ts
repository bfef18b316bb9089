/**
 * Reports an operation on standard error, now and then. Operations are mostly synchronous, so reports are made inside
 * the calls; a timer helps out while they wait.
 */
import type { Clock } from "../../../core/clock.ts";
import { type FaultData, toFaultData } from "../../../core/fault_data.ts";
import type { Counter, EntryStatus, Monitor, Phase } from "../../../core/monitor.ts";
import type { Paint } from "../terminal/colors.ts";
import type { Progress } from "./progress.ts";
import { JsonReporter, type Reporter, TextReporter } from "./reporter.ts";
import type { Output } from "../../world.ts";

/** Looking at the clock costs about as much as counting. */
const COUNTS_PER_LOOK = 16;
const MOST_KEPT = 20;
const TIMER_MS = 500;
/** Parts of a run that is over by then are not reported. */
const WORTH_TELLING_MS = 500;

export interface MonitorOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly paint: Paint;
  /** Nothing but problems. */
  readonly quiet: boolean;
  /** What happens to each file and, at the end, every counter. */
  readonly verbose: boolean;
  /** For programs. */
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

  /** Painted at once: what follows may be one long step. */
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

  /** What the first of them were. */
  get firstProblems(): readonly FaultData[] {
    return this.#first;
  }

  get counts(): Readonly<Record<string, number>> {
    return { ...this.#counters };
  }

  get elapsedMs(): number {
    return this.#clock.nowMs() - this.#startMs;
  }

  /** Counts anew, for the next of several works. */
  restart(): void {
    this.#startMs = this.#clock.nowMs();
    this.#counters = {};
    this.#expected = {};
    this.#problems = 0;
    this.#phase = undefined;
  }

  /** Until disposed nothing is painted, and no time passes: somebody is asked something. */
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

  /** The last words of an operation that came to its end. */
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
