/**
 * One HTTP request, up to its complete answer or a fault. Time limits apply to silence, never to the whole: 20 s until
 * a connection is established, 60 s without a byte.
 */
import type { Clock } from "../core/clock.ts";
import { Fault, Interrupted } from "../core/fault.ts";
import { openHttpClient } from "../platform/http_client.ts";
import { type Body, sizeOf } from "./backend.ts";
import type { Credentials } from "./credentials.ts";
import { PlaceUnavailable } from "./faults.ts";
import { type Flow, readBody, StreamedBody } from "./http_body.ts";
import { faultOfNetwork, faultOfStatus, oneLine, plainText } from "./http_faults.ts";
import type { Allowance } from "./limited.ts";
import { ServerClock } from "./server_clock.ts";

/** Sent at a time. */
const PIECE_BYTES = 256 * 1024;
/** Received at a time. */
const READ_BYTES = 256 * 1024;
const CONNECT_MS = 20_000, STALL_MS = 60_000, TICK_MS = 1000;
/** What the system may still hold of a body when all of it was given away, and how slowly that may flow. */
const BUFFERED_BYTES = 4 * 1024 * 1024, SLOWEST_BYTES_PER_MS = 16;
/** An object has a gigabyte and a frame. */
const MOST_BYTES = 1.25 * 1024 * 1024 * 1024;

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  /** A verb and its object, for messages: "Cannot {what}". */
  readonly what: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  /** Memory for the body of an answer that fits, if the request succeeds. */
  readonly into?: Uint8Array<ArrayBuffer> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Statuses that the caller handles; any other is a fault. */
  readonly expects: readonly number[];
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What differs between kinds of places. */
export interface HttpKind {
  /** Returns the headers that authenticate a request; called anew for each attempt. */
  authorize(request: HttpRequest): Promise<Readonly<Record<string, string>>>;
  /** Finds a failure reported in the body of an answer, even one with status 200; undefined: there is none. */
  hidden?(answer: HttpAnswer, asked: Pick<HttpRequest, "what" | "url">): Fault | undefined;
  /** True if other credentials might help. Default: status 401. */
  isStale?(answer: HttpAnswer): boolean;
  /** URL to try instead, such as that of another region; undefined: none. */
  elsewhere?(answer: HttpAnswer, asked: URL): URL | undefined;
}

export interface HttpOptions {
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly up: Allowance;
  readonly down: Allowance;
  readonly caFile?: string | undefined;
}

export class Http implements Disposable {
  readonly #kind: HttpKind;
  readonly #options: HttpOptions;
  readonly #client: ReturnType<typeof openHttpClient>;
  readonly #serverClock: ServerClock;
  /** Until then, silence is likely to mean that no connection can be had. */
  #wasAnswered = false;

  constructor(kind: HttpKind, options: HttpOptions) {
    this.#kind = kind;
    this.#options = options;
    this.#client = openHttpClient(options.caFile);
    this.#serverClock = new ServerClock(options.clock);
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }

  /** The server's time in ms since 1970, if answers of the last seconds show it. */
  get recentMs(): number | undefined {
    return this.#serverClock.nowMs();
  }

  /**
   * Sends a request.
   * @throws Interrupted, PlaceUnavailable, PlaceRefuses, PlaceFull, PlaceUntrusted, and faults of the kind of place
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const answer = await this.#answerTo(request);
    const hidden = this.#kind.hidden?.(answer, request);
    if (hidden !== undefined && !(request.expects.includes(answer.status) && answer.status >= 300)) throw hidden;
    if (request.expects.includes(answer.status)) return answer;
    const says = this.#options.credentials.hide(plainText(answer.bytes, answer.headers));
    throw faultOfStatus(request.what, { ...answer, says: oneLine(says), host: request.url.host });
  }

  /** Returns the answer to the first attempt, or to a second one that uses what the first one revealed. */
  async #answerTo(request: HttpRequest): Promise<HttpAnswer> {
    const { credentials } = this.#options, { version } = credentials, first = await this.#explained(request);
    if (request.expects.includes(first.status) && first.status < 300) return first;
    const url = this.#kind.elsewhere?.(first, request.url);
    if (url !== undefined) return await this.#explained({ ...request, url });
    const isStale = this.#kind.isStale?.(first) ?? first.status === 401;
    return isStale && await credentials.renew(version) ? await this.#explained(request) : first;
  }

  /** Answers to HEAD have no words: what is refused is asked for by GET, to hear why. */
  async #explained(request: HttpRequest): Promise<HttpAnswer> {
    const answer = await this.#try(request);
    const isClear = request.method !== "HEAD" || answer.status < 400 || request.expects.includes(answer.status);
    if (isClear) return answer;
    const again = await this.#try({ ...request, method: "GET", headers: { ...request.headers, range: "bytes=0-0" } });
    return again.status === answer.status || again.status >= 500 ? again : answer;
  }

  async #try(request: HttpRequest): Promise<HttpAnswer> {
    if (request.signal?.aborted === true) throw new Interrupted();
    using watch = new StallWatch(this.#options.clock, request, this.#wasAnswered);
    try {
      const response = await this.#fetch(request, watch);
      this.#wasAnswered = true;
      this.#serverClock.hear(response.headers);
      watch.answered();
      const flow = flowOf(watch, this.#options.down);
      // The length in an answer to HEAD is not its own.
      const into = response.ok ? request.into : undefined, isEmpty = request.method === "HEAD";
      const bytes = isEmpty ? await emptied(response) : await readBody(response, flow, MOST_BYTES, into);
      if (bytes === undefined) throw new PlaceUnavailable(request.what, "the answer broke off");
      return { status: response.status, headers: response.headers, bytes };
    } catch (error) {
      throw this.#faultOf(error, request, watch);
    }
  }

  async #fetch(request: HttpRequest, watch: StallWatch): Promise<Response> {
    const { method, url, headers, body } = request;
    const init: RequestInit = {
      method,
      // An encoded answer would have another length, and no ranges.
      headers: { "accept-encoding": "identity", ...headers, ...await this.#kind.authorize(request) },
      redirect: "manual",
      signal: watch.signal,
      ...this.#client.options,
    };
    if (body !== undefined) {
      const isEmpty = sizeOf(body) === 0;
      init.body = isEmpty ? new Uint8Array(0) : new StreamedBody(body, flowOf(watch, this.#options.up));
    }
    return await fetch(url, init);
  }

  #faultOf(error: unknown, request: HttpRequest, watch: StallWatch): unknown {
    if (request.signal?.aborted === true) return new Interrupted();
    if (watch.silence !== undefined) return new PlaceUnavailable(request.what, watch.silence);
    // Neither does the runtime send what it can't understand, nor do we.
    if (error instanceof Fault || !(error instanceof Error) || isBug(error)) return error;
    return faultOfNetwork(request.what, error, request.url.host);
  }
}

/** What was thrown by this program, and not by the network below it. */
function isBug(error: Error): boolean {
  return /^A spooled file/.test(error.message) || error instanceof ReferenceError || error instanceof RangeError;
}

async function emptied(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  await response.body?.cancel();
  return new Uint8Array(0);
}

function flowOf(watch: StallWatch, allowance: Allowance): Flow {
  return {
    moved: watch.moved,
    pieceBytes: allowance.pieceBytes(PIECE_BYTES),
    readBytes: allowance.pieceBytes(READ_BYTES),
    async pace(bytes) {
      watch.held();
      await allowance.take(bytes, watch.signal);
      watch.moved();
    },
  };
}

/** Ends a request in which nothing moves. */
class StallWatch implements Disposable {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #timer: Disposable;
  readonly #stop = () => this.#controller.abort();
  readonly #outer: AbortSignal | undefined;
  readonly #host: string;
  readonly #bufferMs: number;
  readonly #hasBody: boolean;
  #sinceMs: number;
  #limitMs: number;
  /** Why it was ended. */
  silence: string | undefined;

  constructor(clock: Clock, { url, body, signal }: HttpRequest, isKnown: boolean) {
    this.#clock = clock;
    this.#outer = signal;
    this.#host = url.host;
    this.#hasBody = body !== undefined && sizeOf(body) > 0;
    this.#bufferMs = body === undefined ? 0 : Math.min(sizeOf(body), BUFFERED_BYTES) / SLOWEST_BYTES_PER_MS;
    this.#limitMs = this.#hasBody || !isKnown ? CONNECT_MS : STALL_MS;
    this.#sinceMs = clock.nowMs();
    signal?.addEventListener("abort", this.#stop);
    this.#timer = clock.every(TICK_MS, () => this.#look());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Bytes moved: there is a connection. */
  readonly moved = (): void => {
    this.#sinceMs = this.#clock.nowMs();
    // What was given away last may be on its way for a while yet.
    this.#limitMs = STALL_MS + (this.#hasBody ? this.#bufferMs : 0);
  };

  /** It is this side that waits, until something moves again. */
  held(): void {
    this.#sinceMs = Infinity;
  }

  answered(): void {
    this.#sinceMs = this.#clock.nowMs();
    this.#limitMs = STALL_MS;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#outer?.removeEventListener("abort", this.#stop);
  }

  #look(): void {
    const silentMs = this.#clock.nowMs() - this.#sinceMs;
    if (silentMs === -Infinity) return;
    // A machine that slept, or a clock that was set, proves nothing.
    if (silentMs < 0 || silentMs > this.#limitMs + 10 * TICK_MS) this.#sinceMs = this.#clock.nowMs();
    else if (silentMs > this.#limitMs) {
      this.silence = `nothing came from ${this.#host} for ${Math.round(this.#limitMs / 1000)} s`;
      this.#controller.abort();
    }
  }
}
