/** Contents of a storage for those who read many: threads write files, one by one are read here. */
import type { ContentId } from "../../core/content_id.ts";
import type { BatchCost } from "../../core/work.ts";
import type { ExtractBatch, ExtractResult } from "../../snapshot/extract_batch.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import type { StoragePool } from "../threads/batch_executor.ts";
import type { ContentStore } from "./content_store.ts";

export class StorageReader implements ContentReader {
  readonly #pool: StoragePool;
  readonly #store: ContentStore;

  /** @param store closed with the reader, as the pool is */
  constructor(pool: StoragePool, store: ContentStore) {
    this.#pool = pool;
    this.#store = store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
    this.#store[Symbol.dispose]();
  }

  get width(): number {
    return this.#pool.width;
  }

  get bytes(): number {
    return this.#pool.bytes;
  }

  read(id: ContentId): Generator<Uint8Array<ArrayBuffer>> {
    return this.#store.read(id);
  }

  extract(batch: ExtractBatch, cost: BatchCost): Promise<readonly ExtractResult[]> {
    return this.#pool.run("extract", batch, cost);
  }

  sizeOf(id: ContentId): number | undefined {
    return this.#store.sizeOf(id);
  }
}
