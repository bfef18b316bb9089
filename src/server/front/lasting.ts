/** Conditions that hold while a reply is sent: its share of the server, and that its account hasn't changed. */
import { NotSignedIn } from "../exchange/problem.ts";
import type { Reply } from "../exchange/route.ts";
import type { Clock } from "../../core/clock.ts";

type Body = AsyncIterable<Uint8Array<ArrayBuffer>>;

export interface LastingTerms {
  /** Released when the reply ends, however that happens. */
  readonly share: Disposable;
  /** False when the account was removed, has another role, password or series, or its token was revoked. */
  readonly isCurrent: () => boolean;
  /** Aborted when the account has changed; the handler listens to it. */
  readonly stop: AbortController;
  /** Aborted when the client disconnects. */
  readonly gone: AbortSignal;
  readonly clock: Clock;
}

const LOOK_MS = 1000;

/** The reply under these conditions. @param isHead true if the body isn't sent */
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

/** The body, which ends early with an error once the account may no longer have it. */
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
