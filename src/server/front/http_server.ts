/**
 * An HTTP/1.1 server for an untrusted network: connections are limited, each step has a timeout, and a client that
 * neither sends nor receives is dropped. No failure of a connection ends the process.
 */
import { plainAddress } from "./addresses.ts";
import { ClientGone, Incoming } from "./incoming.ts";
import { BadHead, type Head, parseHead } from "./head.ts";
import { CONTINUE, sendReply } from "./outgoing.ts";
import type { Reply } from "../exchange/route.ts";
import type { Clock } from "../../core/clock.ts";
import { openFileLimit } from "../../platform/limits.ts";
import { AcceptFailed, type Connection, type Listener } from "../../platform/listener.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A received request. */
export interface Asked {
  readonly head: Head;
  /**
   * The body; it may be read once. @param isLong true if it may take any time, as long as bytes keep coming
   * @throws ClientGone
   */
  body(isLong: boolean): AsyncIterable<Bytes>;
  readonly address: string;
  readonly isTls: boolean;
  readonly signal: AbortSignal;
}

export interface HttpOptions {
  readonly clock: Clock;
  readonly answer: (asked: Asked) => Promise<Reply>;
  /** Whether a client may connect at all. Absent: every one may. */
  readonly admits?: (address: string) => boolean;
  /** Receives bugs, and errors that concern all requests. */
  readonly onProblem: (error: unknown) => void;
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  readonly connections: number;
  /** Most connections from one address. Unix sockets, and addresses for which `isShared` is true, have no limit. */
  readonly perAddress: number;
  readonly isShared: (address: string) => boolean;
  /** Time in ms for a whole head, from its first byte on; for the first head, from the start of the connection. */
  readonly headMs: number;
  /** Time in ms for a whole body that isn't long, from when it is read. */
  readonly bodyMs: number;
  /** Time in ms without any byte in or out, within a request or between two. */
  readonly idleMs: number;
}

const MOST_CONNECTIONS = 256;
const USUAL: Omit<Limits, "connections"> = {
  perAddress: 32,
  isShared: (address) => address === "" || address === "127.0.0.1" || address === "::1",
  headMs: 10_000,
  bodyMs: 30_000,
  idleMs: 60_000,
};
const LOOK_MS = 500, RETRY_MS = 200;
/** Bytes up to which the unread rest of a body is read to its end. */
const MOST_UNREAD = 256 * 1024;
const MOST_LINGERING = 4 * 1024 * 1024, LINGER_MS = 2000;

export class HttpServer implements AsyncDisposable {
  readonly #options: HttpOptions;
  readonly #limits: Limits;
  readonly #listeners: Listener[] = [];
  readonly #open = new Set<Client>();
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #watch: Disposable | undefined;

  constructor(options: HttpOptions) {
    this.#options = options;
    // Most open files are for what is served, and for jobs.
    const connections = Math.min(MOST_CONNECTIONS, Math.floor(openFileLimit() / 4));
    this.#limits = { ...USUAL, connections, ...options.limits };
  }

  /** Number of open connections. */
  get connections(): number {
    return this.#open.size;
  }

  /** Accepts connections until the server ends, and then closes the listener. */
  take(listener: Listener, isTls: boolean): void {
    this.#listeners.push(listener);
    this.#keep(this.#accept(listener, isTls));
  }

  /** Closes all connections, even with requests in progress. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const listener of this.#listeners) listener[Symbol.dispose]();
    for (const client of this.#open) client.cut();
    await Promise.all(this.#underWay);
    this.#watch?.[Symbol.dispose]();
  }

  #keep(work: Promise<void>): void {
    const kept = work.catch((error) => this.#options.onProblem(error)).finally(() => this.#underWay.delete(kept));
    this.#underWay.add(kept);
  }

  async #accept(listener: Listener, isTls: boolean): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const connection = await listener.accept();
        if (connection === undefined) return;
        this.#begin(connection, isTls);
      } catch (error) {
        // Too many open files: that passes, and must end nothing else.
        if (!(error instanceof AcceptFailed)) throw error;
        await this.#options.clock.sleep(RETRY_MS, signal);
      }
    }
  }

  #begin(connection: Connection, isTls: boolean): void {
    const address = plainAddress(connection.address), { admits } = this.#options;
    if (this.#stop.signal.aborted || admits?.(address) === false || !this.#hasRoomFor(address)) {
      return connection[Symbol.dispose]();
    }
    const client = new Client(connection, isTls, this.#limits, this.#options);
    this.#open.add(client);
    this.#watch ??= this.#options.clock.every(LOOK_MS, () => this.#look());
    this.#keep(client.serve().finally(() => this.#end(client)));
  }

  /**
   * Makes room where a limit is reached: of the idle connections, the one whose time ends first is closed, so that silent
   * clients keep nobody out.
   */
  #hasRoomFor(address: string): boolean {
    const { connections, perAddress, isShared } = this.#limits, open = [...this.#open];
    const own = isShared(address) ? [] : open.filter((other) => other.address === address);
    const crowd = own.length >= perAddress ? own : open.length >= connections ? open : undefined;
    if (crowd === undefined) return true;
    const idle = crowd.filter(({ isIdle }) => isIdle).sort((a, b) => a.dueMs - b.dueMs)[0];
    if (idle === undefined) return false;
    this.#open.delete(idle);
    idle.cut();
    return true;
  }

  #end(client: Client): void {
    this.#open.delete(client);
    client.cut();
    if (this.#open.size > 0) return;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  #look(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const client of this.#open) if (client.dueMs <= nowMs) client.cut();
  }
}

class Client {
  readonly address: string;
  readonly #connection: TimedConnection;
  readonly #isTls: boolean;
  readonly #options: HttpOptions;
  readonly #incoming: Incoming;
  readonly #gone = new AbortController();

  constructor(connection: Connection, isTls: boolean, limits: Limits, options: HttpOptions) {
    this.address = plainAddress(connection.address);
    this.#connection = new TimedConnection(connection, limits, options.clock);
    this.#isTls = isTls;
    this.#options = options;
    this.#incoming = new Incoming(this.#connection);
  }

  /** True if no request is being received or answered. */
  get isIdle(): boolean {
    return this.#connection.isIdle;
  }

  /** Time at which the connection is closed. */
  get dueMs(): number {
    return this.#connection.dueMs;
  }

  cut(): void {
    this.#gone.abort();
    this.#connection[Symbol.dispose]();
  }

  async serve(): Promise<void> {
    try {
      while (await this.#one()) this.#connection.expectHead(false);
      await this.#linger();
    } catch (error) {
      if (error instanceof BadHead) return await this.#refuse(error);
      // Of a connection that broke there is nobody to tell.
    }
  }

  /** Handles one request. @returns true if another one may follow */
  async #one(): Promise<boolean> {
    const text = await this.#incoming.head();
    if (text === undefined) return false;
    const head = parseHead(text), body = new Body(this.#incoming, head, this.#connection);
    this.#connection.expectBody();
    const { address } = this, signal = this.#gone.signal, isTls = this.#isTls;
    if (body.isRead) this.#watch();
    const reply = await this.#options.answer({ head, body: (isLong) => body.all(isLong), address, isTls, signal });
    const keepsAlive = head.keepsAlive && body.canBePassed && !signal.aborted;
    const nowMs = this.#options.clock.nowMs();
    if (body.isRead) this.#watch();
    await sendReply(this.#connection, reply, { isHead: head.method === "HEAD", keepsAlive, nowMs });
    return keepsAlive && await body.pass();
  }

  /** Aborts the signal when the client disconnects: a handler may have nothing to send for a long time. */
  #watch(): void {
    this.#connection.expectNothing();
    void this.#incoming.hasEnded().then((hasEnded) => hasEnded && this.#gone.abort());
  }

  async #refuse({ status, message }: BadHead): Promise<void> {
    try {
      this.#connection.expectBody();
      const reply = { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: `${message}\n` };
      await sendReply(this.#connection, reply, {
        isHead: false,
        keepsAlive: false,
        nowMs: this.#options.clock.nowMs(),
      });
      await this.#linger();
    } catch {
      // It has gone.
    }
  }

  /** Reads on for a while before closing: otherwise a client that is still sending could lose the reply. */
  async #linger(): Promise<void> {
    await this.#connection.end();
    this.#connection.expectEnd();
    const into = new Uint8Array(MOST_UNREAD);
    for (let left = MOST_LINGERING, got: number | undefined = 0; got !== undefined && left > 0; left -= got ?? 0) {
      got = await this.#connection.read(into);
    }
  }
}

const WRITE_BYTES = 256 * 1024;

/** A connection whose timeouts count only the time spent waiting for the client. */
class TimedConnection implements Connection {
  readonly #inner: Connection;
  readonly #limits: Limits;
  readonly #clock: Clock;
  #mode: "head" | "body" | "nothing" | "end" = "head";
  #dueMs = Infinity;
  #bodyDueMs = Infinity;

  constructor(inner: Connection, limits: Limits, clock: Clock) {
    this.#inner = inner;
    this.#limits = limits;
    this.#clock = clock;
    this.expectHead(true);
  }

  get address(): string {
    return this.#inner.address;
  }

  get dueMs(): number {
    return this.#dueMs;
  }

  get isIdle(): boolean {
    return this.#mode === "head" || this.#mode === "end";
  }

  /** @param isFirst true for the first head of the connection */
  expectHead(isFirst: boolean): void {
    this.#mode = "head";
    this.#dueMs = this.#in(isFirst ? this.#limits.headMs : this.#limits.idleMs);
  }

  expectBody(): void {
    this.#mode = "body";
    this.#dueMs = this.#bodyDueMs = Infinity;
  }

  /** From now on, the body has a limited time: bytes that come one by one would keep a connection for hours. */
  limitBody(): void {
    this.#bodyDueMs = this.#in(this.#limits.bodyMs);
  }

  /** The request is complete: nothing that the client does or doesn't send matters until the reply is sent. */
  expectNothing(): void {
    this.#mode = "nothing";
    this.#dueMs = Infinity;
  }

  /** Further bytes are ignored. */
  expectEnd(): void {
    this.#mode = "end";
    this.#dueMs = this.#in(LINGER_MS);
  }

  async read(into: Bytes): Promise<number | undefined> {
    if (this.#mode === "body") this.#dueMs = Math.min(this.#bodyDueMs, this.#in(this.#limits.idleMs));
    const got = await this.#inner.read(into);
    if (this.#mode === "body") this.#dueMs = Infinity;
    // Bytes of a head buy no time: it would never have to end.
    else if (this.#mode === "head") this.#dueMs = Math.min(this.#dueMs, this.#in(this.#limits.headMs));
    return got;
  }

  async write(bytes: Bytes): Promise<void> {
    for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
      this.#dueMs = this.#in(this.#limits.idleMs);
      await this.#inner.write(bytes.subarray(at, at + WRITE_BYTES));
    }
    this.#dueMs = Infinity;
  }

  end(): Promise<void> {
    return this.#inner.end();
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }

  #in(ms: number): number {
    return this.#clock.nowMs() + ms;
  }
}

/** The body of one request. */
class Body {
  readonly #incoming: Incoming;
  readonly #head: Head;
  readonly #connection: TimedConnection;
  #state: "unread" | "reading" | "read";

  constructor(incoming: Incoming, head: Head, connection: TimedConnection) {
    this.#incoming = incoming;
    this.#head = head;
    this.#connection = connection;
    this.#state = head.body.kind === "length" && head.body.bytes === 0 ? "read" : "unread";
  }

  async *all(isLong: boolean): AsyncGenerator<Bytes> {
    if (this.#state === "read") return;
    if (this.#state === "reading") throw new ClientGone("The body was begun already");
    this.#state = "reading";
    if (!isLong) this.#connection.limitBody();
    if (this.#head.expectsContinue) await this.#connection.write(CONTINUE);
    yield* this.#incoming.body(this.#head.body);
    this.#state = "read";
  }

  get isRead(): boolean {
    return this.#state === "read";
  }

  /** True if the rest of the body can be skipped before the next request. */
  get canBePassed(): boolean {
    if (this.#state === "read") return true;
    const { body, expectsContinue } = this.#head;
    return this.#state === "unread" && !expectsContinue && body.kind === "length" && body.bytes <= MOST_UNREAD;
  }

  async pass(): Promise<boolean> {
    for await (const _ of this.all(false));
    return true;
  }
}
