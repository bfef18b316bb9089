/** What an operation tells while a job does it: counted for the history, told to the log. */
import { Fault } from "../core/fault.ts";
import type { Counter, Monitor } from "../core/monitor.ts";
import { tell, type Told } from "../storage/faults.ts";
import type { Log } from "./log.ts";

/** More of them help nobody, and would fill a disk. */
const MOST_KEPT = 100;

export class JobMonitor implements Monitor {
  readonly #log: Log;
  /** Name of the job file, as text. */
  readonly job: string;
  readonly #counts: Partial<Record<Counter, number>> = {};
  readonly #problems: Told[] = [];
  #problemCount = 0;
  #at = "";

  constructor(log: Log, job: string) {
    this.#log = log;
    this.job = job;
  }

  count(counter: Counter, by = 1): void {
    this.#counts[counter] = (this.#counts[counter] ?? 0) + by;
  }

  at(what: string): void {
    this.#at = what;
  }

  expect(): void {}

  problem(fault: Error): void {
    this.#problemCount++;
    const told = tell(fault);
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

  /** Problems that a run before this one had. */
  recall(problems: number): void {
    this.#problemCount += problems;
  }

  /** What is being worked on now. */
  get place(): string {
    return this.#at;
  }

  get counts(): Readonly<Record<string, number>> {
    return { ...this.#counts };
  }

  get problems(): readonly Told[] {
    return this.#problems;
  }

  get problemCount(): number {
    return this.#problemCount;
  }
}
