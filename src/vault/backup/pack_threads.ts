/** The threads of one backup, and the results of the files that they were given. */
import { joinRatios } from "../../catalog/compression_ratios.ts";
import type { Raw } from "../../core/raw.ts";
import type { BatchCost, WorkOptions } from "../../core/work.ts";
import type { Machine } from "../../platform/machine.ts";
import { newMeterTable } from "../../platform/meter.ts";
import { newStopTable } from "../../platform/stop_flag.ts";
import { ThreadPool } from "../../platform/thread_pool.ts";
import type { Ratios } from "../../snapshot/catalog_queries.ts";
import type { StoreBatch, StoreResult } from "../../snapshot/ingest_batch.ts";
import { gearOf } from "../store/sealed_objects.ts";
import { answerAt } from "../write/pack_desk.ts";
import type { RunStore } from "../write/run_store.ts";
import { type PackBatches, PackExecutor, type PackPool, type PackSetup } from "./pack_executor.ts";

/** Name of the worker threads, by which the worker script recognises its task. */
export const PACK_THREAD = "vault-pack";

export interface PackThreadsOptions extends WorkOptions {
  readonly machine: Machine;
  /** Directory in which units show the backed-up files, for people. */
  readonly directory: Raw;
  /** Compression ratios by file type. */
  readonly ratios: Ratios;
}

export class PackThreads implements AsyncDisposable {
  readonly #pool: PackPool;
  #learnt: Ratios = new Map();

  constructor(store: RunStore, { machine, directory, ratios, workers, signal }: PackThreadsOptions) {
    const { access } = store.objects, { unitBytes, compression } = store.options, { disk, clock, throttle } = machine;
    const setup: PackSetup = {
      vault: access.config.id,
      chunking: access.config.chunker,
      gear: gearOf(access),
      unitBytes,
      compression,
      directory,
      ratios,
      stop: newStopTable(),
      meter: newMeterTable(workers + 1),
      ...(throttle !== undefined && { throttle }),
    };
    this.#pool = new ThreadPool<PackBatches>(setup, {
      openExecutor: () => new PackExecutor(disk, store, setup, 0),
      answer: (question) => answerAt(store, question),
      name: PACK_THREAD,
      workers,
      script: machine.workerScript,
      signal,
      clock,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }

  get width(): number {
    return this.#pool.width;
  }

  /** Number of bytes that were read so far. */
  get bytes(): number {
    return this.#pool.bytes;
  }

  /** Compression ratios by file type, up to the last {@link finish}. */
  get learnt(): Ratios {
    return this.#learnt;
  }

  store(batches: readonly StoreBatch[], cost: BatchCost): Promise<StoreResult[][]> {
    return batches.length === 0 ? Promise.resolve([]) : this.#pool.run("store", batches, cost);
  }

  /** Makes all threads hand over what they have packed so far. */
  async finish(): Promise<void> {
    for (const learnt of await this.#pool.everywhere("finish", null)) this.#learnt = joinRatios(this.#learnt, learnt);
  }
}
