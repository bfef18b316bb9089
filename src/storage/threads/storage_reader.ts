/** Reads many contents of a storage: threads write whole files, single contents are read here. */
import type { ContentId } from "../../core/content_id.ts";
import type { Raw } from "../../core/raw.ts";
import type { BatchCost } from "../../core/work.ts";
import type { ExtractBatch, ExtractResult } from "../../snapshot/extract_batch.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import type { StoragePool } from "./batch_executor.ts";
import type { ContentStore } from "../content/content_store.ts";

export class StorageReader implements ContentReader {
  readonly #openPool: () => StoragePool;
  #opened: StoragePool | undefined;
  readonly #store: ContentStore;

  /**
   * @param openPool called for the first batch, if there is one
   * @param store is closed with the reader, and so is the pool
   */
  constructor(openPool: () => StoragePool, store: ContentStore) {
    this.#openPool = openPool;
    this.#store = store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened?.[Symbol.asyncDispose]();
    this.#store[Symbol.dispose]();
  }

  get #pool(): StoragePool {
    return this.#opened ??= this.#openPool();
  }

  get width(): number {
    return this.#pool.width;
  }

  get bytes(): number {
    return this.#opened?.bytes ?? 0;
  }

  read(id: ContentId): Generator<Uint8Array<ArrayBuffer>> {
    return this.#store.read(id);
  }

  extract(batch: ExtractBatch, cost: BatchCost): Promise<readonly ExtractResult[]> {
    return this.#pool.run("extract", batch, cost);
  }

  plainFile(id: ContentId): Raw | undefined {
    return this.#store.pathOf(id);
  }

  sizeOf(id: ContentId): number | undefined {
    return this.#store.sizeOf(id);
  }
}
