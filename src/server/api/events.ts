/** Server-sent events as things happen. Each account receives what its role may see. */
import { ROLES } from "../accounts/account.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { WORDS } from "./schemas/named.ts";
import { Fault } from "../../core/fault.ts";
import type { LogEvent } from "../../jobs/log/log.ts";

const TOLD = ["job-started", "job-ended", "job-postponed", "progress", "phase", "problem", "recurring-broken"];
const BEAT_MS = 15_000, MOST_WAITING = 1000;
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
  about: { summary: "What the jobs do, as it happens", replies: { 200: WORDS }, type: "text/event-stream" },
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

async function* events({ site, account, signal }: Exchange, name: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder(), lines: string[] = [], isReader = mayReadAll(account);
  let wake = Promise.withResolvers<void>();
  const say = (text: string) => {
    if (lines.length < MOST_WAITING) lines.push(text);
    wake.resolve();
  };
  using held = new DisposableStack();
  streams.push(name);
  held.defer(() => void streams.splice(streams.indexOf(name), 1));
  held.use(site.clock.every(BEAT_MS, () => say(": still here\n\n")));
  const stop = () => wake.resolve();
  signal.addEventListener("abort", stop);
  held.defer(() => signal.removeEventListener("abort", stop));
  const desk = site.jobs;
  if (desk !== undefined) {
    held.use(desk.listen((event) => isTold(event, isReader) && say(textOfEvent(event, isReader))));
  }
  say("retry: 5000\n\n");
  while (!signal.aborted) {
    if (lines.length === 0) await wake.promise;
    wake = Promise.withResolvers();
    const text = lines.splice(0).join("");
    if (text !== "") yield encoder.encode(text);
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
function textOfEvent({ event, level, message, fields }: LogEvent, isReader: boolean): string {
  const told = isReader ? { event, level, message, ...(fields !== undefined && { fields }) } : { event, level };
  return `data: ${JSON.stringify(told)}\n\n`;
}
