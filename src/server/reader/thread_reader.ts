/**
 * A reader with three threads: for short work, for long work, and for the figures of the first page, which must not wait
 * for somebody's search. Each starts on first use; those for long work and for figures end when they had none for a
 * while, with all that they have in memory.
 */
import { type FromReader, READ_THREAD, type ReaderSetup, type ToReader } from "./protocol.ts";
import { type Ask, LONG, type Reader, type Stream } from "./reader.ts";
import { fromFaultData } from "../../core/fault_data.ts";
import type { Clock } from "../../core/clock.ts";
import { startWorker, type WorkerThread } from "../../platform/start_worker.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Number of parts in progress for a consumer that takes them one by one. */
const AHEAD = 4;
/** Time without work after which a thread ends. */
const IDLE_MS = 60_000;

export class ThreadReader implements Reader, AsyncDisposable {
  readonly #short: Thread;
  readonly #long: Thread;
  readonly #figures: Thread;

  /** @param clock measures for how long a thread had nothing to do */
  constructor(script: URL, setup: ReaderSetup, clock: Pick<Clock, "every">) {
    this.#short = new Thread(script, setup);
    this.#long = new Thread(script, setup, clock);
    this.#figures = new Thread(script, setup, clock);
  }

  /** Number of running threads. */
  get threads(): number {
    return [this.#short, this.#long, this.#figures].filter(({ isRunning }) => isRunning).length;
  }

  readonly list = this.#ask("list");
  readonly file = this.#ask("file");
  readonly entry = this.#ask("entry");
  readonly entries = this.#ask("entries");
  readonly history = this.#ask("history");
  readonly search = this.#ask("search");
  readonly stats = this.#ask("stats");
  readonly id = this.#ask("id");
  readonly retention = this.#ask("retention");
  readonly totals = this.#ask("totals");
  readonly jobHistory = this.#ask("jobHistory");
  readonly diff = this.#ask("diff");
  readonly previewRestore = this.#ask("previewRestore");
  readonly vault = this.#ask("vault");
  readonly planBackup = this.#ask("planBackup");
  readonly folders = this.#ask("folders");
  readonly content = this.#stream("content");
  readonly archive = this.#stream("archive");
  readonly changes = this.#stream("changes");
  readonly restoreChanges = this.#stream("restoreChanges");
  readonly backupLines = this.#stream("backupLines");

  [Symbol.asyncDispose](): Promise<void> {
    for (const thread of [this.#short, this.#long, this.#figures]) thread[Symbol.dispose]();
    return Promise.resolve();
  }

  #ask<N extends Ask>(name: N): Reader[N] {
    const ask = (...args: readonly unknown[]) => this.#threadFor(name).ask(name, args);
    return ask as Reader[N];
  }

  #stream<N extends Stream>(name: N): Reader[N] {
    const stream = (...args: readonly unknown[]) => this.#threadFor(name).stream(name, args);
    return stream as Reader[N];
  }

  #threadFor(name: Ask | Stream): Thread {
    if (name === "stats") return this.#figures;
    return LONG.includes(name) ? this.#long : this.#short;
  }
}

interface Waiting {
  hear(message: FromReader): void;
  failed(error: Error): void;
}

class Thread implements Disposable {
  readonly #script: URL;
  readonly #setup: ReaderSetup;
  readonly #waiting = new Map<number, Waiting>();
  #worker: WorkerThread<ToReader> | undefined;
  readonly #clock: Pick<Clock, "every"> | undefined;
  #ids = 0;
  #isClosed = false;
  #idle: Disposable | undefined;

  /** @param clock if the thread ends when it has nothing to do */
  constructor(script: URL, setup: ReaderSetup, clock?: Pick<Clock, "every">) {
    this.#script = script;
    this.#setup = setup;
    this.#clock = clock;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#idle?.[Symbol.dispose]();
    this.#fail("The server ends");
  }

  ask(name: Ask, args: readonly unknown[]): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>(), id = this.#ids++;
    this.#begin(id, {
      hear: (message) => {
        this.#end(id);
        if (message.type === "answer") resolve(message.answer);
        else if (message.type === "fault") reject(fromFaultData(message.fault));
      },
      failed: reject,
    });
    this.#post({ type: "ask", id, name, args });
    return promise;
  }

  async *stream(name: Stream, args: readonly unknown[]): AsyncGenerator<Bytes> {
    const id = this.#ids++, parts = new Parts();
    this.#begin(id, parts);
    try {
      this.#post({ type: "stream", id, name, args });
      for (let ahead = 0; ahead < AHEAD; ahead++) this.#post({ type: "more", id });
      for (;;) {
        const part = await parts.next();
        if (part === undefined) return;
        this.#post({ type: "more", id });
        yield part;
      }
    } finally {
      if (!parts.hasEnded) this.#worker?.post({ type: "drop", id });
      this.#end(id);
    }
  }

  #begin(id: number, waiting: Waiting): void {
    this.#idle?.[Symbol.dispose]();
    this.#idle = undefined;
    this.#waiting.set(id, waiting);
  }

  #end(id: number): void {
    this.#waiting.delete(id);
    if (this.#waiting.size > 0 || this.#worker === undefined || this.#isClosed) return;
    this.#idle?.[Symbol.dispose]();
    this.#idle = this.#clock?.every(IDLE_MS, () => this.#rest());
  }

  /** Has the thread close what it has open, and end; the next request starts another. */
  #rest(): void {
    this.#idle?.[Symbol.dispose]();
    this.#idle = undefined;
    this.#worker?.post({ type: "close" });
    this.#worker = undefined;
  }

  #post(message: ToReader): void {
    if (this.#isClosed) throw new Error("The server ends");
    this.#worker ??= this.#start();
    this.#worker.post(message);
  }

  #start(): WorkerThread<ToReader> {
    const worker = startWorker<ToReader, FromReader>(this.#script, READ_THREAD, {
      message: (message) =>
        message.type === "closed" ? worker[Symbol.dispose]() : this.#waiting.get(message.id)?.hear(message),
      failed: (why) => this.#fail(`A thread that reads failed: ${why}`),
    });
    worker.post({ type: "setup", setup: this.#setup, script: this.#script.href });
    return worker;
  }

  /** Fails everything that waits. The next request starts another thread. */
  #fail(why: string): void {
    this.#worker?.[Symbol.dispose]();
    this.#worker = undefined;
    for (const waiting of this.#waiting.values()) waiting.failed(new Error(why));
    this.#waiting.clear();
  }
}

/** Received parts, in order. */
class Parts implements Waiting {
  readonly #come: Bytes[] = [];
  #end: "none" | "end" | { readonly error: Error } = "none";
  #changed = Promise.withResolvers<void>();

  get hasEnded(): boolean {
    return this.#end !== "none";
  }

  hear(message: FromReader): void {
    if (message.type === "part") this.#come.push(message.part);
    else if (message.type === "end") this.#end = "end";
    else if (message.type === "fault") this.#end = { error: fromFaultData(message.fault) };
    this.#change();
  }

  failed(error: Error): void {
    this.#end = { error };
    this.#change();
  }

  async next(): Promise<Bytes | undefined> {
    for (;;) {
      const part = this.#come.shift();
      if (part !== undefined) return part;
      if (typeof this.#end === "object") throw this.#end.error;
      if (this.#end === "end") return undefined;
      await this.#changed.promise;
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
