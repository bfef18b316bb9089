/** The last events of a service, numbered, for clients that were away for a moment. */
import type { LogEvent } from "../../jobs/log/log.ts";

const MOST_EVENTS = 256;

export interface NumberedEvent {
  readonly event: LogEvent;
  /** Differs from those of all other events, also of those before a restart. */
  readonly id: string;
}

export class EventLog {
  readonly #start: string;
  readonly #last: NumberedEvent[] = [];
  #count = 0;

  /** @param startMs distinguishes this start of the server from others */
  constructor(startMs: number) {
    this.#start = startMs.toString(36);
  }

  /** @returns the id of the event */
  note(event: LogEvent): string {
    const id = `${this.#start}-${++this.#count}`;
    this.#last.push({ event, id });
    if (this.#last.length > MOST_EVENTS) this.#last.shift();
    return id;
  }

  /** The events after that one; undefined if some of them are forgotten, or if there was no such event. */
  after(id: string): readonly NumberedEvent[] | undefined {
    const [, number = ""] = id.startsWith(`${this.#start}-`) ? id.split("-") : [];
    const missed = /^\d{1,15}$/.test(number) ? this.#count - Number(number) : -1;
    if (missed < 0 || missed > this.#last.length) return undefined;
    return this.#last.slice(this.#last.length - missed);
  }
}
