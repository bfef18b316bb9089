/** Server-sent events as things happen. Each account receives what its role may see. */
import { EventNews } from "./event_news.ts";
import { ROLES } from "../accounts/account.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import type { JobDesk } from "../jobs/job_desk.ts";
import { WORDS } from "./schemas/named.ts";
import { Fault } from "../../core/fault.ts";
import type { LogEvent } from "../../jobs/log/log.ts";

const TOLD = ["job-started", "job-ended", "job-postponed", "progress", "phase", "problem", "recurring-broken"];
const BEAT_MS = 15_000, BEATS_OF_A_LOOK = 4, MOST_WAITING = 1000;
const MOST_STREAMS = 32, MOST_OF_ACCOUNT = 4;

/** Too many event streams are open, each of which holds a connection. */
export class TooManyStreams extends Fault {
  readonly code = "busy";
  readonly hint = "Close another window of this page";
  constructor() {
    super("Too many listen to events already");
  }
}

export const EVENT_ROUTES: readonly Route[] = [{
  methods: ["GET"],
  path: "/api/v1/events",
  access: "watch",
  about: {
    summary: "What the jobs do, new snapshots and new alerts, as it happens",
    headers: {
      "last-event-id": "what came after that event is repeated, or one event `missed` says that it is forgotten",
    },
    replies: { 200: WORDS },
    type: "text/event-stream",
  },
  handle: eventReply,
}];

/** Names of accounts, one for each open stream. */
const streams: string[] = [];

function eventReply(exchange: Exchange): Reply {
  const name = exchange.account?.name ?? "";
  if (exchange.method !== "HEAD") {
    const own = streams.filter((one) => one === name).length;
    if (streams.length >= MOST_STREAMS || own >= MOST_OF_ACCOUNT) throw new TooManyStreams();
  }
  return {
    status: 200,
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    },
    body: exchange.method === "HEAD" ? "" : events(exchange, name),
  };
}

async function* events(exchange: Exchange, name: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using stream = new EventStream(exchange, name);
  const encoder = new TextEncoder();
  for (let text = await stream.next(); text !== undefined; text = await stream.next()) yield encoder.encode(text);
}

/** The events that one client receives. */
class EventStream implements Disposable {
  readonly #exchange: Exchange;
  readonly #isReader: boolean;
  readonly #news: EventNews;
  readonly #lines: string[] = [];
  readonly #held = new DisposableStack();
  #wake = Promise.withResolvers<void>();
  #looking = Promise.resolve();
  #beats = 0;

  /** @param name of the account */
  constructor(exchange: Exchange, name: string) {
    const { site: { clock, jobs }, signal, headers } = exchange;
    this.#exchange = exchange;
    this.#isReader = mayReadAll(exchange.account);
    this.#news = new EventNews(exchange);
    streams.push(name);
    this.#held.defer(() => void streams.splice(streams.indexOf(name), 1));
    this.#held.use(clock.every(BEAT_MS, () => this.#beat()));
    const stop = () => this.#wake.resolve();
    signal.addEventListener("abort", stop);
    this.#held.defer(() => signal.removeEventListener("abort", stop));
    if (jobs !== undefined) this.#held.use(jobs.listen((event, id) => this.#hear(event, id)));
    this.#say("retry: 5000\n\n");
    this.#repeat(jobs, headers.get("last-event-id") ?? "");
    this.#look();
    // News begin here.
    this.#looking = this.#looking.then(() => this.#say(": looked\n\n"));
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  /** The next text; undefined at the end. */
  async next(): Promise<string | undefined> {
    while (!this.#exchange.signal.aborted) {
      if (this.#lines.length === 0) await this.#wake.promise;
      this.#wake = Promise.withResolvers();
      const text = this.#lines.splice(0).join("");
      if (text !== "") return text;
    }
    return undefined;
  }

  #say(text: string): void {
    if (this.#lines.length < MOST_WAITING) this.#lines.push(text);
    this.#wake.resolve();
  }

  /** Repeats what a client has missed, or says that it can't be known. */
  #repeat(jobs: Pick<JobDesk, "eventsAfter"> | undefined, last: string): void {
    if (last === "" || jobs === undefined) return;
    const missed = jobs.eventsAfter(last);
    if (missed === undefined) return this.#say(`data: ${JSON.stringify({ event: "missed", level: "info" })}\n\n`);
    for (const { event, id } of missed) this.#tell(event, id);
  }

  #hear(event: LogEvent, id: string | undefined): void {
    this.#tell(event, id);
    if (event.event === "job-ended") this.#look();
  }

  #tell(event: LogEvent, id: string | undefined): void {
    if (isTold(event, this.#isReader)) this.#say(textOfEvent(event, this.#isReader, id));
  }

  #beat(): void {
    this.#say(": still here\n\n");
    if (++this.#beats % BEATS_OF_A_LOOK === 0) this.#look();
  }

  /** One look after the other: each compares with the one before. */
  #look(): void {
    this.#looking = this.#looking.then(async () => {
      try {
        for (const event of await this.#news.look()) this.#say(textOfEvent(event, true, undefined));
      } catch (error) {
        const { signal, site: { log } } = this.#exchange;
        if (signal.aborted || error instanceof Fault) return;
        log({ level: "error", event: "server-bug", message: error instanceof Error ? error.stack ?? "?" : "?" });
      }
    });
  }
}

function isTold({ event }: LogEvent, isReader: boolean): boolean {
  return TOLD.includes(event) && (isReader || event !== "progress");
}

function mayReadAll(account: Exchange["account"]): boolean {
  return account !== undefined && account.role !== "objects" && ROLES.indexOf(account.role) > 0 &&
    account.series === undefined;
}

/** The event as text. Role `watch` only learns that something happened, without names. */
function textOfEvent({ event, level, message, fields }: LogEvent, isReader: boolean, id: string | undefined): string {
  const told = isReader ? { event, level, message, ...(fields !== undefined && { fields }) } : { event, level };
  return `${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(told)}\n\n`;
}
