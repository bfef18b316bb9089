/**
 * Threads that work on batches. With no workers, and for the first batches of every run, the work is done in the calling
 * thread by the same code: a worker costs tens of milliseconds and megabytes, so none starts before there is work for it.
 * There, too, the event loop has its turn between two files, and between the blocks of a large one.
 */
import type { Clock } from "../core/clock.ts";
import { Interrupted } from "../core/fault.ts";
import { type FaultData, fromFaultData, toFaultData } from "../core/fault_data.ts";
import { Turns } from "../core/turns.ts";
import type { BatchCost } from "../core/work.ts";
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

/** Kinds of batches, each with what is given and what is answered: plain data that travels between threads. */
export type Work<W> = { readonly [K in keyof W]: { readonly batch: unknown; readonly results: unknown } };

/** Does the work: the same code in the calling thread and in workers. One per thread. */
export interface Executor<W extends Work<W>> extends Disposable {
  /** Everything that a batch opens is closed once its steps have been gone through, or one of them has failed. */
  run<K extends keyof W & string>(kind: K, batch: W[K]["batch"]): Steps<W[K]["results"]>;
}

/** The same where the steps of a batch may have to wait: a worker begins the next batch meanwhile. */
export interface WaitingExecutor<W extends Work<W>> extends Disposable {
  run<K extends keyof W & string>(kind: K, batch: W[K]["batch"]): WaitingSteps<W[K]["results"]>;
}

/** What threads may ask of the calling one in the middle of a batch. @param transfer what goes over with the question */
export type Ask = (question: unknown, transfer?: readonly ArrayBuffer[]) => Promise<unknown>;

/** An answer to {@link Ask}, and what goes over with it. */
export interface Answer {
  readonly answer: unknown;
  readonly transfer: readonly ArrayBuffer[];
}

/** What every thread needs to know; plain data, but for the shared tables. */
export interface PoolSetup {
  /** Signals all threads to stop; see {@link StopFlag}. */
  readonly stop: SharedArrayBuffer;
  /** Where the threads report how much they have processed; see {@link Meter}. */
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
  /** Makes what does the work in this thread. */
  readonly openExecutor: () => WaitingExecutor<W>;
  /** Answers what workers ask. */
  readonly answer?: (question: unknown) => Promise<Answer>;
  /** Name of the workers, by which the script knows whose they are. */
  readonly name: string;
  /** 0: everything in the calling thread. */
  readonly workers: number;
  /** What runs as a worker; undefined: no workers. */
  readonly script: URL | undefined;
  /** Of an interruption: what is still under way some seconds later ends with Interrupted. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

interface Thread {
  readonly worker: Worker;
  /** Batches, and what they cost. */
  inHand: number;
  cost: number;
  /** False while it is being loaded. */
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

  /** Batches that may usefully be under way at once; callers wait for the oldest beyond that. */
  get width(): number {
    return Math.max(1, this.#options.workers * IN_HAND);
  }

  /** Each needs some files for itself, which may be few. */
  get #mostThreads(): number {
    const affordable = Math.floor((openFileLimit() - FILES_WITHOUT_THREADS) / FILES_OF_A_THREAD);
    return Math.max(0, Math.min(this.#options.workers, affordable));
  }

  /** Bytes that all threads have gone through, those of files under way as well. */
  get bytes(): number {
    return this.#meter.total;
  }

  /**
   * Works on a batch.
   * @param load how much is in it, for the decision to start workers
   * @param handed memory in it that may be taken away from this thread, so that it needn't be copied
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

  /** Has every thread that there is do the same, once. */
  everywhere<K extends keyof W & string>(kind: K, batch: W[K]["batch"]): Promise<W[K]["results"][]> {
    const done = this.#threads.map((thread) =>
      this.#postTo(thread, { kind, batch, cost: 0, handed: [] }) as Promise<W[K]["results"]>
    );
    if (this.#executor !== undefined) done.push(this.#doHere(kind, batch));
    return Promise.all(done);
  }

  /** Ends the threads in the middle of their work, if there is some, so that each closes what it has open. */
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

/** The other end: answers one message. @param open makes what does the work @returns undefined for the setup */
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
