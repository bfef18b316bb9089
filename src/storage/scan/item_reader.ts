/** Lets all threads read items and compare them with their names, a few batches at a time. Results arrive in order. */
import type { Raw } from "../../core/raw.ts";
import type { StoragePool } from "../threads/batch_executor.ts";
import type { VerifyResult } from "../threads/verify.ts";

export interface ItemBatch {
  readonly leaf: Raw;
  readonly names: readonly Raw[];
}

/** Messages between threads cost, and large items should spread over all of them. */
const BATCH_ITEMS = 512, BATCH_BYTES = 64 * 1024 * 1024, FEWEST_ITEMS = 16;

export class ItemReader {
  readonly #pool: StoragePool;
  readonly #usualBytes: number;
  readonly #batchItems: number;
  readonly #take: (batch: ItemBatch, result: VerifyResult) => void;
  readonly #underWay: { readonly batch: ItemBatch; readonly result: Promise<VerifyResult> }[] = [];

  /** @param usualBytes approximate size of one item: whether threads are worthwhile is decided before the first read */
  constructor(pool: StoragePool, usualBytes: number, take: (batch: ItemBatch, result: VerifyResult) => void) {
    this.#pool = pool;
    this.#usualBytes = usualBytes;
    this.#batchItems = Math.min(BATCH_ITEMS, Math.max(FEWEST_ITEMS, Math.floor(BATCH_BYTES / Math.max(usualBytes, 1))));
    this.#take = take;
  }

  /** Starts reading a batch. Returns when it is worthwhile to add more. */
  async read({ leaf, names }: ItemBatch): Promise<void> {
    for (let at = 0; at < names.length; at += this.#batchItems) {
      const batch = { leaf, names: names.slice(at, at + this.#batchItems) };
      const items = batch.names.length;
      const load = { items, bytes: items * this.#usualBytes };
      const result = this.#pool.run("verify", { leaf, names: batch.names.join("/") }, load);
      result.catch(() => {}); // awaited in order later; until then a failure is no unhandled one
      this.#underWay.push({ batch, result });
      while (this.#underWay.length > this.#pool.width) await this.#finishOldest();
    }
  }

  async finish(): Promise<void> {
    while (this.#underWay.length > 0) await this.#finishOldest();
  }

  async #finishOldest(): Promise<void> {
    const { batch, result } = this.#underWay.shift()!;
    this.#take(batch, await result);
  }
}
