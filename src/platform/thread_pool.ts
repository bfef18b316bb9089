/**
 * Threads that work on batches. Without workers, and for the first batches of every run, the calling thread does the
 * work with the same code: a worker costs tens of milliseconds and megabytes, so none is started before there is work
 * for it. The calling thread yields to the event loop between files, and between the blocks of a large one.
 */
import type { Clock } from "../core/clock.ts";
import { Interrupted } from "../core/fault.ts";
import { type FaultData, fromFaultData, toFaultData } from "../core/fault_data.ts";
import { Turns } from "../core/turns.ts";
import type { BatchCost } from "../core/work.ts";
import { limitArenas } from "./arenas.ts";
import { openFileLimit } from "./limits.ts";
import { Meter } from "./meter.ts";
import { atOnce, type Steps, type WaitingSteps } from "../core/steps.ts";
import { StopFlag } from "./stop_flag.ts";

/** Work done in the main thread before a worker is started, which holds that up for as long: as many small files. */
const COST_BEFORE_WORKERS = 512;
/** The same in time: on a slow disk little work takes long. */
const MS_BEFORE_WORKERS = 500;
/** So many bytes cost as much as a small file. */
const BYTES_OF_ONE_COST = 64 * 1024;
/** Batches a worker has in hand, so that it needn't wait for the next message. */
const IN_HAND = 3;
/** One more worker is started if each has that much in hand: so many batches, once it has answered one, or such a load. */
const BUSY_BATCHES = 4, BUSY_COST = 384;
/** A thread that waits for a dead network disk can't be asked to stop. */
const CLOSING_MS = 2000;
/** What is under way when the run is interrupted may be finished, but not a file of hours. */
const GRACE_MS = 2000;

/** Open files of the process itself, and of each thread. */
const FILES_WITHOUT_THREADS = 96, FILES_OF_A_THREAD = 48;

/** Kinds of batches, with the types of their input and results: plain data that can be passed between threads. */
export type Work<W> = { readonly [K in keyof W]: { readonly batch: unknown; readonly results: unknown } };

/** Does the work, with the same code in the calling thread and in workers. One per thread. */
export interface Executor<W extends Work<W>> extends Disposable {
  /** Runs a batch. Everything that it opens is closed once its steps have ended or failed. */
  run<K extends keyof W & string>(kind: K, batch: W[K]["batch"]): Steps<W[K]["results"]>;
}

/** The same where the steps of a batch may have to wait: a worker starts the next batch meanwhile. */
export interface WaitingExecutor<W extends Work<W>> extends Disposable {
  run<K extends keyof W & string>(kind: K, batch: W[K]["batch"]): WaitingSteps<W[K]["results"]>;
}

/** A request of a worker to the calling thread in the middle of a batch. @param transfer buffers to transfer with it */
export type Ask = (question: unknown, transfer?: readonly ArrayBuffer[]) => Promise<unknown>;

/** An answer to {@link Ask}, and the buffers to transfer with it. */
export interface Answer {
  readonly answer: unknown;
  readonly transfer: readonly ArrayBuffer[];
}

/** Setup of every thread; plain data, except for the shared tables. */
export interface PoolSetup {
  /** Signals all threads to stop; see {@link StopFlag}. */
  readonly stop: SharedArrayBuffer;
  /** Table in which the threads count the bytes processed; see {@link Meter}. */
  readonly meter: SharedArrayBuffer;
}

export type ToWorker<S extends PoolSetup = PoolSetup> =
  | { readonly type: "setup"; readonly setup: S; readonly thread: number }
  | { readonly type: "batch"; readonly ticket: number; readonly kind: string; readonly batch: unknown }
  | { readonly type: "answer"; readonly question: number; readonly answer?: unknown; readonly fault?: FaultData }
  | { readonly type: "close" };
export type FromWorker =
  | { readonly ticket: number; readonly results?: unknown; readonly fault?: FaultData }
  | { readonly question: number; readonly asked: unknown }
  | { readonly closed: true };

export interface PoolOptions<W extends Work<W>> {
  /** Opens the executor of the calling thread. */
  readonly openExecutor: () => WaitingExecutor<W>;
  /** Answers requests of workers. */
  readonly answer?: (question: unknown) => Promise<Answer>;
  /** Name of the workers, by which the script recognises their role. */
  readonly name: string;
  /** Number of workers; 0: everything runs in the calling thread. */
  readonly workers: number;
  /** Script of the workers; undefined: no workers. */
  readonly script: URL | undefined;
  /** Aborted on an interruption: batches that are still running some seconds later end with Interrupted. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

interface Thread {
  readonly worker: Worker;
  /** Number of unfinished batches, and their cost. */
  inHand: number;
  cost: number;
  /** False while the worker is loading. */
  hasAnswered: boolean;
  readonly closed: PromiseWithResolvers<void>;
}

interface Posted {
  readonly kind: string;
  readonly batch: unknown;
  readonly cost: number;
  readonly handed: readonly ArrayBuffer[];
}

interface Waiting extends Omit<Posted, "handed"> {
  readonly thread: Thread;
  resolve(results: unknown): void;
  reject(error: unknown): void;
}

export class ThreadPool<W extends Work<W>> implements AsyncDisposable {
  readonly #setup: PoolSetup;
  readonly #options: PoolOptions<W>;
  readonly #threads: Thread[] = [];
  readonly #waiting = new Map<number, Waiting>();
  #executor: WaitingExecutor<W> | undefined;
  #costDone = 0;
  /** Spent on work in this thread. */
  #msDone = 0;
  readonly #turns: Turns;
  /** The last batch for this thread: they are done one after the other. */
  #here: Promise<unknown> = Promise.resolve();
  readonly #meter: Meter;
  #tickets = 0;
  readonly #stop: StopFlag;
  #grace: ReturnType<typeof setTimeout> | undefined;
  readonly #onAbort = () => {
    this.#grace ??= setTimeout(() => this.#stop.request(), GRACE_MS);
  };

  constructor(setup: PoolSetup, options: PoolOptions<W>) {
    this.#setup = setup;
    this.#options = options;
    this.#stop = new StopFlag(setup.stop);
    this.#meter = new Meter(setup.meter);
    this.#turns = new Turns(options.clock);
    options.signal.addEventListener("abort", this.#onAbort);
  }

  /** Number of batches that are worth having in progress at once; callers wait for the oldest beyond that. */
  get width(): number {
    return Math.max(1, this.#options.workers * IN_HAND);
  }

  /** Each needs some files for itself, which may be few. */
  get #mostThreads(): number {
    const affordable = Math.floor((openFileLimit() - FILES_WITHOUT_THREADS) / FILES_OF_A_THREAD);
    return Math.max(0, Math.min(this.#options.workers, affordable));
  }

  /** Bytes that all threads have processed, including files in progress. */
  get bytes(): number {
    return this.#meter.total;
  }

  /**
   * Runs a batch.
   * @param load its size, from which the pool decides whether to start workers
   * @param handed buffers in it that may be transferred instead of copied
   */
  run<K extends keyof W & string>(
    kind: K,
    batch: W[K]["batch"],
    load: BatchCost,
    handed: readonly ArrayBuffer[] = [],
  ): Promise<W[K]["results"]> {
    const cost = load.items + load.bytes / BYTES_OF_ONE_COST;
    this.#costDone += cost;
    const post = () => this.#post({ kind, batch, cost, handed }) as Promise<W[K]["results"]>;
    if (this.#usesWorkers()) return post();
    const before = this.#here;
    const result = (async () => {
      await before;
      // It may have turned out to be slow.
      if (this.#usesWorkers()) return await post();
      this.#executor ??= this.#options.openExecutor();
      return await this.#go(this.#executor.run(kind, batch));
    })();
    this.#here = result.catch(() => {});
    return result;
  }

  async #go<T>(steps: WaitingSteps<T>): Promise<T> {
    const { clock } = this.#options;
    let since = clock.nowMs();
    for (;;) {
      const step = steps.next();
      if (step.done) {
        this.#msDone += clock.nowMs() - since;
        return step.value;
      }
      if (step.value === undefined && !this.#turns.isDue) continue;
      this.#msDone += clock.nowMs() - since;
      await (step.value ?? this.#turns.take());
      since = clock.nowMs();
    }
  }

  /** Runs the same batch once in every existing thread. */
  everywhere<K extends keyof W & string>(kind: K, batch: W[K]["batch"]): Promise<W[K]["results"][]> {
    const done = this.#threads.map((thread) =>
      this.#postTo(thread, { kind, batch, cost: 0, handed: [] }) as Promise<W[K]["results"]>
    );
    if (this.#executor !== undefined) done.push(this.#doHere(kind, batch));
    return Promise.all(done);
  }

  /** Stops the threads, in the middle of their work if necessary, and lets each close what it has open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    clearTimeout(this.#grace);
    this.#stop.request();
    for (const { reject } of this.#waiting.values()) reject(new Interrupted());
    this.#waiting.clear();
    await this.#here;
    this.#executor?.[Symbol.dispose]();
    this.#executor = undefined;
    const threads = this.#threads.splice(0);
    for (const { worker } of threads) worker.postMessage({ type: "close" } satisfies ToWorker);
    const closed = Promise.all(threads.map((thread) => thread.closed.promise));
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([closed, new Promise((resume) => timer = setTimeout(resume, CLOSING_MS))]);
    clearTimeout(timer);
    for (const { worker } of threads) worker.terminate();
  }

  #usesWorkers(): boolean {
    if (this.#options.script === undefined || this.#mostThreads === 0) return false;
    if (!this.#canStart && this.#threads.length === 0) return false;
    return this.#costDone >= COST_BEFORE_WORKERS || this.#msDone >= MS_BEFORE_WORKERS;
  }

  #post(posted: Posted): Promise<unknown> {
    return this.#postTo(this.#leastBusy(), posted);
  }

  #postTo(thread: Thread, { kind, batch, cost, handed }: Posted): Promise<unknown> {
    const ticket = this.#tickets++;
    thread.inHand++;
    thread.cost += cost;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(ticket, { thread, kind, batch, cost, resolve, reject });
    // What a thread that can't even be started was given is still needed here.
    const transfer = thread.hasAnswered ? [...handed] : [];
    thread.worker.postMessage({ type: "batch", ticket, kind, batch } satisfies ToWorker, transfer);
    return promise;
  }

  #leastBusy(): Thread {
    const mayStart = this.#canStart && this.#threads.length < this.#mostThreads;
    if (mayStart && this.#threads.every(isBusy)) {
      const thread = this.#start();
      this.#threads.push(thread);
      return thread;
    }
    return this.#threads.reduce((best, thread) => thread.inHand < best.inHand ? thread : best);
  }

  #start(): Thread {
    limitArenas();
    const worker = new Worker(this.#options.script!, { type: "module", name: this.#options.name });
    worker.onmessage = (event: MessageEvent<FromWorker>) => {
      if ("closed" in event.data) thread.closed.resolve();
      else if ("question" in event.data) this.#answer(worker, event.data);
      else this.#receive(event.data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      thread.closed.resolve();
      if (thread.hasAnswered) this.#failAll(thread, new Error(`A worker failed: ${event.message}`));
      else this.#doWithout(thread);
    };
    worker.postMessage({ type: "setup", setup: this.#setup, thread: this.#threads.length + 1 } satisfies ToWorker);
    const thread: Thread = { worker, inHand: 0, cost: 0, hasAnswered: false, closed: Promise.withResolvers() };
    return thread;
  }

  async #answer(worker: Worker, { question, asked }: Extract<FromWorker, { question: number }>): Promise<void> {
    try {
      if (this.#options.answer === undefined) throw new Error("Nobody answers what workers ask");
      const { answer, transfer } = await this.#options.answer(asked);
      worker.postMessage({ type: "answer", question, answer } satisfies ToWorker, [...transfer]);
    } catch (error) {
      worker.postMessage({ type: "answer", question, fault: toFaultData(error) } satisfies ToWorker);
    }
  }

  #receive(message: Extract<FromWorker, { ticket: number }>): void {
    const waiting = this.#waiting.get(message.ticket);
    if (waiting === undefined) return;
    this.#waiting.delete(message.ticket);
    waiting.thread.inHand--;
    waiting.thread.cost -= waiting.cost;
    waiting.thread.hasAnswered = true;
    if (message.fault === undefined) waiting.resolve(message.results);
    else waiting.reject(fromFaultData(message.fault));
  }

  /** It could not even be started, as where too few files may be open: its work is done here, and so is all that comes. */
  #doWithout(thread: Thread): void {
    this.#canStart = false;
    for (const [ticket, { thread: its, kind, batch, resolve }] of this.#waiting) {
      if (its !== thread) continue;
      this.#waiting.delete(ticket);
      resolve(this.#doHere(kind as keyof W & string, batch));
    }
    this.#threads.splice(this.#threads.indexOf(thread), 1);
  }
  #canStart = true;

  #doHere<K extends keyof W & string>(kind: K, batch: W[K]["batch"]): Promise<W[K]["results"]> {
    const before = this.#here;
    const result = (async () => {
      await before;
      this.#executor ??= this.#options.openExecutor();
      return await this.#go(this.#executor.run(kind, batch));
    })();
    this.#here = result.catch(() => {});
    return result;
  }

  #failAll(thread: Thread, error: Error): void {
    for (const [ticket, waiting] of this.#waiting) {
      if (waiting.thread !== thread) continue;
      this.#waiting.delete(ticket);
      waiting.reject(error);
    }
  }
}

function isBusy({ inHand, cost, hasAnswered }: Thread): boolean {
  return cost >= BUSY_COST || (hasAnswered && inHand >= BUSY_BATCHES);
}

/**
 * The worker's side of a pool: returns a function that handles one message.
 * @param open makes the executor
 * @returns undefined in answer to the setup message
 */
export function workerLoop<W extends Work<W>, S extends PoolSetup>(
  open: (setup: S, thread: number) => Executor<W>,
): (message: ToWorker<S>) => FromWorker | undefined {
  let executor: Executor<W> | undefined;
  /** Why there is none: the answer to every batch. */
  let fault: FaultData | undefined;
  return (message) => {
    if (message.type === "setup") {
      try {
        executor = open(message.setup, message.thread);
      } catch (error) {
        fault = toFaultData(error);
      }
      return undefined;
    }
    if (message.type === "close") {
      executor?.[Symbol.dispose]();
      return { closed: true };
    }
    if (message.type === "answer") throw new Error("An answer came to no question");
    if (fault !== undefined) return { ticket: message.ticket, fault };
    try {
      if (executor === undefined) throw new Error("A batch came before the setup");
      return { ticket: message.ticket, results: atOnce(executor.run(message.kind as keyof W & string, message.batch)) };
    } catch (error) {
      return { ticket: message.ticket, fault: toFaultData(error) };
    }
  };
}
