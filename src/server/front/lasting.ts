/** What holds as long as an answer is sent: its share of the server, and that its account still is what it was. */
import { NotSignedIn } from "../exchange/problem.ts";
import type { Reply } from "../exchange/route.ts";
import type { Clock } from "../../core/clock.ts";

type Body = AsyncIterable<Uint8Array<ArrayBuffer>>;

export interface LastingTerms {
  /** Released when the answer has ended, whichever way. */
  readonly share: Disposable;
  /** False when the account was removed, has another role, password or series, or its token was revoked. */
  readonly isCurrent: () => boolean;
  /** Aborted here if it isn't: what the handler listens to. */
  readonly stop: AbortController;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  readonly clock: Clock;
}

const LOOK_MS = 1000;

/** @param isHead the body is not sent */
export function lasting(reply: Reply, isHead: boolean, { share, isCurrent, stop, gone, clock }: LastingTerms): Reply {
  using held = new DisposableStack();
  held.use(share);
  const { body } = reply;
  if (isHead || gone.aborted || !isStream(body)) return reply;
  held.use(clock.every(LOOK_MS, () => {
    if (!isCurrent()) stop.abort();
  }));
  const all = held.move(), end = () => all.dispose();
  // The end of a body that nobody has begun to read shows nowhere else.
  gone.addEventListener("abort", end, { once: true });
  all.defer(() => gone.removeEventListener("abort", end));
  return { ...reply, body: watched(body, all, stop.signal) };
}

/** Ends early, and not well, once nobody may have it any more. */
async function* watched(body: Body, held: Disposable, stopped: AbortSignal) {
  using _ = held;
  for await (const part of body) {
    if (stopped.aborted) break;
    yield part;
  }
  // Not even one that could end well leaves its connection open.
  if (stopped.aborted) throw new NotSignedIn();
}

function isStream(body: Reply["body"]): body is Body {
  return typeof body === "object" && !(body instanceof Uint8Array);
}
