/** Reads many contents of a vault. */
import type { ContentId } from "../../core/content_id.ts";
import type { BatchCost } from "../../core/work.ts";
import type { Disk } from "../../platform/disk.ts";
import type { ExtractBatch, Extraction, ExtractResult } from "../../snapshot/extract_batch.ts";
import type { ContentParts } from "../../snapshot/snapshot_sink.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import { VaultExtraction } from "./extraction.ts";
import { FrameSource } from "./frame_source.ts";
import type { VaultPool } from "../threads/vault_executor.ts";
import type { VaultContents } from "../store/contents.ts";
import { identitiesFor, type SealedObjects } from "../store/sealed_objects.ts";
import type { UnitIndex } from "../store/unit_index.ts";

export interface ReadVault {
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  readonly contents: VaultContents;
}

export interface ReaderOptions {
  readonly disk: Disk;
  readonly signal: AbortSignal;
  /** Called before the first files are written; the pool is closed with the reader. */
  readonly openPool: () => VaultPool;
  /** Number of files that are noted in memory. */
  readonly mostFilesInMemory: number | undefined;
}

export class VaultReader implements ContentReader {
  readonly #vault: ReadVault;
  readonly #options: ReaderOptions;
  #pool: VaultPool | undefined;
  readonly width = 1;

  constructor(vault: ReadVault, options: ReaderOptions) {
    this.#vault = vault;
    this.#options = options;
  }

  get bytes(): number {
    return this.#pool?.bytes ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]();
  }

  assertReads(): void {
    identitiesFor(this.#vault.objects.access, "data");
  }

  read(id: ContentId): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    return this.#vault.contents.read(id);
  }

  sizeOf(id: ContentId): Promise<number | undefined> {
    return this.#vault.contents.sizeOf(id);
  }

  partsOf(id: ContentId): Promise<ContentParts | undefined> {
    return this.#vault.contents.storedParts(id);
  }

  collect(): Extraction {
    const { objects, index, contents } = this.#vault, { disk, signal, openPool, mostFilesInMemory } = this.#options;
    const pool = this.#pool ??= openPool(), source = new FrameSource(objects, signal);
    return new VaultExtraction({ index, contents, source, pool, disk, signal }, mostFilesInMemory);
  }

  async extract(batch: ExtractBatch, _cost: BatchCost): Promise<readonly ExtractResult[]> {
    await using extraction = this.collect();
    const results = [...await extraction.add(batch, batch.files.map((_, target) => ({ target })))];
    for await (const { note: { target }, result } of extraction.run()) results[target] = result;
    return results.filter((result) => result !== undefined);
  }
}
