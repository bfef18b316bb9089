/** Passes batches of a backup, or of a tree, to the threads of a storage. */
import type { Monitor } from "../../core/monitor.ts";
import type { BatchCost } from "../../core/work.ts";
import type { IngestBatch, IngestResult } from "../../snapshot/ingest_batch.ts";
import type { BatchTaker } from "../../snapshot/work_batch.ts";
import type { StoragePool } from "./batch_executor.ts";
import { unpackResults } from "./packed_results.ts";

export class PoolIngest implements BatchTaker {
  readonly #pool: StoragePool;
  readonly #monitor: Pick<Monitor, "notice">;

  /** @param monitor receives a notice about any object that was moved out of the way of a content */
  constructor(pool: StoragePool, monitor: Pick<Monitor, "notice">) {
    this.#pool = pool;
    this.#monitor = monitor;
  }

  get width(): number {
    return this.#pool.width;
  }

  async ingest({ links, stores }: IngestBatch, cost: BatchCost): Promise<IngestResult> {
    const done = await this.#pool.run("store", { links, stores }, cost);
    for (const place of done.aside) this.#monitor.notice(`What had the place of a content is now in ${place}`);
    return { links: done.links, stores: done.stores.map(unpackResults) };
  }
}
