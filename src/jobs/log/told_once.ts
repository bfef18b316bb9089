/** What is said once, though it is found at every look. */
import type { Log, LogEvent } from "./log.ts";

export class ToldOnce {
  readonly #log: Log;
  readonly #told = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Says it, unless that is what was said last of the same thing. */
  tell(about: string, event: LogEvent): void {
    if (this.#told.get(about) === event.message) return;
    this.#told.set(about, event.message);
    this.#log(event);
  }

  has(about: string): boolean {
    return this.#told.has(about);
  }

  /** It is over: if it recurs, it is reported again. */
  forget(about: string): void {
    this.#told.delete(about);
  }

  /** Forgets all but these: what is gone mustn't be remembered for years. */
  retain(there: ReadonlySet<string>): void {
    for (const about of this.#told.keys()) if (!there.has(about)) this.#told.delete(about);
  }
}
