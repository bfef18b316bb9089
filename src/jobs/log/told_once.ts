/** Logs a state only once, though it is found again at every scan. */
import type { Log, LogEvent } from "./log.ts";

export class ToldOnce {
  readonly #log: Log;
  readonly #told = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Logs an event, unless the last event about the same thing had the same message. */
  tell(about: string, event: LogEvent): void {
    if (this.#told.get(about) === event.message) return;
    this.#told.set(about, event.message);
    this.#log(event);
  }

  has(about: string): boolean {
    return this.#told.has(about);
  }

  /** Forgets what was reported about a thing, so that it is reported again if it recurs. */
  forget(about: string): void {
    this.#told.delete(about);
  }

  /** Forgets everything but these, so that things that are gone don't stay in memory for years. */
  retain(there: ReadonlySet<string>): void {
    for (const about of this.#told.keys()) if (!there.has(about)) this.#told.delete(about);
  }
}
