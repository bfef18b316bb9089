/** The worker's side of a thread pool whose batches may have to wait for answers of the calling thread. */
import { type FaultData, fromFaultData, toFaultData } from "../core/fault_data.ts";
import { inTurn, type WaitingSteps } from "../core/steps.ts";
import type { Ask, FromWorker, PoolSetup, ToWorker, WaitingExecutor, Work } from "./thread_pool.ts";

/**
 * Returns a function that handles one message.
 * @param open makes the executor
 * @param post sends a message to the calling thread
 */
export function waitingWorkerLoop<W extends Work<W>, S extends PoolSetup>(
  open: (setup: S, thread: number, ask: Ask) => WaitingExecutor<W>,
  post: (message: FromWorker, transfer: readonly ArrayBuffer[]) => void,
): (message: ToWorker<S>) => void {
  return new WaitingLoop<W, S>(open, post).take;
}

class WaitingLoop<W extends Work<W>, S extends PoolSetup> {
  readonly #open: (setup: S, thread: number, ask: Ask) => WaitingExecutor<W>;
  readonly #post: (message: FromWorker, transfer: readonly ArrayBuffer[]) => void;
  readonly #questions = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #underWay = new Set<WaitingSteps<unknown>>();
  #asked = 0;
  #executor: WaitingExecutor<W> | undefined;
  /** Why there is none: the answer to every batch. */
  #fault: FaultData | undefined;

  constructor(
    open: (setup: S, thread: number, ask: Ask) => WaitingExecutor<W>,
    post: (message: FromWorker, transfer: readonly ArrayBuffer[]) => void,
  ) {
    this.#open = open;
    this.#post = post;
  }

  readonly take = (message: ToWorker<S>): void => {
    switch (message.type) {
      case "setup":
        return this.#setUp(message.setup, message.thread);
      case "answer":
        return this.#take(message);
      case "batch":
        return void this.#run(message);
      case "close":
        return this.#close();
    }
  };

  #setUp(setup: S, thread: number): void {
    try {
      this.#executor = this.#open(setup, thread, (question, transfer = []) => this.#ask(question, transfer));
    } catch (error) {
      this.#fault = toFaultData(error);
    }
  }

  #ask(asked: unknown, transfer: readonly ArrayBuffer[]): Promise<unknown> {
    const question = this.#asked++, waiting = Promise.withResolvers<unknown>();
    this.#questions.set(question, waiting);
    this.#post({ question, asked }, transfer);
    return waiting.promise;
  }

  #take({ question, answer, fault }: Extract<ToWorker, { type: "answer" }>): void {
    const waiting = this.#questions.get(question);
    this.#questions.delete(question);
    if (fault === undefined) waiting?.resolve(answer);
    else waiting?.reject(fromFaultData(fault));
  }

  async #run({ ticket, kind, batch }: Extract<ToWorker, { type: "batch" }>): Promise<void> {
    let steps: WaitingSteps<unknown> | undefined;
    try {
      if (this.#fault !== undefined) throw fromFaultData(this.#fault);
      if (this.#executor === undefined) throw new Error("A batch came before the setup");
      this.#underWay.add(steps = this.#executor.run(kind as keyof W & string, batch));
      this.#post({ ticket, results: await inTurn(steps) }, []);
    } catch (error) {
      this.#post({ ticket, fault: toFaultData(error) }, []);
    } finally {
      if (steps !== undefined) this.#underWay.delete(steps);
    }
  }

  /** What waits closes what it has open. */
  #close(): void {
    for (const steps of this.#underWay) steps.return(undefined);
    this.#executor?.[Symbol.dispose]();
    this.#post({ closed: true }, []);
  }
}
