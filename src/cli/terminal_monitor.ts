/**
 * Tells on standard error how an operation gets on. On a terminal: one line that is painted again, at most ten times a
 * second, with problems and notices above it. Elsewhere: plain lines, now and then. Operations are mostly synchronous,
 * so painting happens inside the calls; a timer helps out while they wait.
 */
import type { Clock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Counter, Monitor } from "../core/monitor.ts";
import { pluralText } from "../core/size_text.ts";
import { printable } from "./printable.ts";
import { counterLines, plainProgressText, progressText } from "./progress.ts";
import type { Output } from "./world.ts";

const REPAINT_MS = 100;
/** Through a pipe: often enough to see that it lives, rare enough for a log. */
const PLAIN_LINE_MS = 30_000;
/** Looking at the clock costs about as much as counting. */
const COUNTS_PER_LOOK = 16;
const TIMER_MS = 500;

export interface MonitorOptions {
  readonly output: Output;
  readonly clock: Clock;
  /** Nothing but problems. */
  readonly quiet: boolean;
  /** Every place and, at the end, every counter. */
  readonly verbose: boolean;
}

export class TerminalMonitor implements Monitor, Disposable {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #options: MonitorOptions;
  #startMs: number;
  readonly #everyMs: number;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #encoder = new TextEncoder();
  #counters: Partial<Record<Counter, number>> = {};
  #expected: { items?: number; bytes?: number } = {};
  #at = "";
  #problems = 0;
  #countsSinceLook = 0;
  #lastMs: number;
  #isPainted = false;
  /** Whoever read standard error went away: the work goes on without words. */
  #isMute = false;

  constructor(options: MonitorOptions) {
    this.#output = options.output;
    this.#clock = options.clock;
    this.#options = options;
    this.#startMs = this.#lastMs = options.clock.nowMs();
    this.#everyMs = options.output.isTerminal ? REPAINT_MS : PLAIN_LINE_MS;
    if (!options.quiet) this.#timer = setInterval(() => this.#look(), TIMER_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#wipe();
  }

  count(counter: Counter, by = 1): void {
    this.#counters[counter] = this.of(counter) + by;
    if (++this.#countsSinceLook >= COUNTS_PER_LOOK) this.#look();
  }

  at(what: string): void {
    if (what !== this.#at && this.#options.verbose) this.#line(what);
    this.#at = what;
    this.#look();
  }

  expect(total: { readonly items?: number; readonly bytes?: number }): void {
    this.#expected = { ...this.#expected, ...total };
  }

  problem(fault: Error): void {
    this.#problems++;
    this.#line(`backup-tool: ${fault.message}`);
    if (!(fault instanceof Fault) && this.#options.verbose) this.#lines(fault.stack ?? "");
  }

  notice(text: string): void {
    if (!this.#options.quiet) this.#line(`backup-tool: ${text}`);
  }

  of(counter: Counter): number {
    return this.#counters[counter] ?? 0;
  }

  get problems(): number {
    return this.#problems;
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
  }

  /** The last words of an operation that came to its end. */
  finish(): void {
    this.#wipe();
    if (this.#options.verbose) this.#lines(counterLines(this.#counters).join("\n"));
    if (this.#problems > 0) this.#line(`backup-tool: ${pluralText(this.#problems, "problem")}, named above`);
  }

  #look(): void {
    this.#countsSinceLook = 0;
    if (this.#options.quiet) return;
    const now = this.#clock.nowMs();
    if (now - this.#lastMs < this.#everyMs) return;
    this.#lastMs = now;
    this.#tell();
  }

  #tell(): void {
    const progress = {
      counters: this.#counters,
      at: this.#at,
      expected: this.#expected,
      problems: this.#problems,
      elapsedMs: this.elapsedMs,
    };
    if (!this.#output.isTerminal) return this.#line(plainProgressText(progress));
    // One cell stays free: some terminals wrap a line that fills the last one.
    this.#write(`\r${progressText(progress, this.#output.columns() - 1)}\x1b[K`);
    this.#isPainted = true;
  }

  #wipe(): void {
    if (this.#isPainted) this.#write("\r\x1b[K");
    this.#isPainted = false;
  }

  /** A line that stays; the progress line is painted again below it when it is due. */
  #line(text: string): void {
    this.#wipe();
    this.#write(`${printable(text)}\n`);
  }

  #lines(text: string): void {
    for (const line of text.split("\n")) if (line !== "") this.#line(line);
  }

  #write(text: string): void {
    if (this.#isMute) return;
    try {
      this.#output.write(this.#encoder.encode(text));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#isMute = true;
    }
  }
}
