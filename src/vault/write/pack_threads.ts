/** The threads that pack for one backup, copy or prune, and the results of what they were given. */
import { joinRatios } from "../../catalog/compression_ratios.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { FaultData } from "../../core/fault_data.ts";
import type { BatchCost, WorkOptions } from "../../core/work.ts";
import type { Machine } from "../../platform/machine.ts";
import { newMeterTable } from "../../platform/meter.ts";
import { newStopTable } from "../../platform/stop_flag.ts";
import { ThreadPool } from "../../platform/thread_pool.ts";
import type { Raw } from "../../core/raw.ts";
import type { Ratios } from "../../snapshot/catalog_queries.ts";
import type { StoreResult } from "../../snapshot/ingest_batch.ts";
import { handedWith } from "../threads/frame_batch.ts";
import type { ContentLists } from "../pack/parts_list.ts";
import { gearOf, type SealedObjects } from "../store/sealed_objects.ts";
import type { Candidate, ContentFacts } from "./content_packer.ts";
import { answerAt, type MainDesk, type PackDesk } from "./pack_desk.ts";
import type { RunOptions } from "./run_store.ts";
import { type PackBatches, PackExecutor, type PackPool, type PackSetup } from "./pack_executor.ts";
import { type Chunks, OpenStreams } from "./pieces.ts";
import type { PackedContent } from "./stream_packer.ts";
import type { TakenBatch } from "./taken_packer.ts";
import type { FileBatches } from "./vault_intake.ts";

/** Name of the worker threads, by which the worker script recognises its task. */
export const PACK_THREAD = "vault-pack";

export interface PackThreadsOptions extends WorkOptions {
  readonly machine: Machine;
  /** Compression ratios by file type. */
  readonly ratios: Ratios;
}

/** What they pack for. */
export interface PackStore extends PackDesk {
  readonly objects: Pick<SealedObjects, "access">;
  readonly options: Pick<RunOptions, "unitBytes" | "compression">;
}

export interface StreamedFile {
  readonly facts: ContentFacts;
  /** Bytes that it has, about. */
  readonly size: number;
}

export class PackThreads implements AsyncDisposable {
  readonly #pool: PackPool;
  readonly #streams = new OpenStreams();
  #learnt: Ratios = new Map();

  constructor(store: PackStore, { machine, ratios, workers, signal }: PackThreadsOptions) {
    const { access } = store.objects, { unitBytes, compression } = store.options, { disk, clock, throttle } = machine;
    const setup: PackSetup = {
      vault: access.config.id,
      chunking: access.config.chunker,
      gear: gearOf(access),
      unitBytes,
      compression,
      ratios,
      stop: newStopTable(),
      meter: newMeterTable(workers + 1),
      ...(throttle !== undefined && { throttle }),
    };
    const desk = deskOf(store, this.#streams);
    this.#pool = new ThreadPool<PackBatches>(setup, {
      openExecutor: () => new PackExecutor(disk, desk, setup, 0),
      answer: (question) => answerAt(desk, question),
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

  store(files: FileBatches, cost: BatchCost): Promise<StoreResult[][]> {
    return files.batches.length === 0 ? Promise.resolve([]) : this.#pool.run("store", files, cost);
  }

  /**
   * Packs contents, unless they are there.
   * @param memory holds the bytes of all; it is given away
   * @throws DamagedContent
   */
  async contents(contents: readonly Candidate[], memory: ArrayBuffer): Promise<readonly boolean[]> {
    if (contents.length === 0) return [];
    const bytes = contents.reduce((sum, { bytes: { length } }) => sum + length, 0);
    return await this.#pool.run("contents", contents, { items: contents.length, bytes }, [memory]);
  }

  /** Packs a content of any size. @param chunks are given away @throws DamagedContent, Interrupted */
  async stream(chunks: Chunks, id: ContentId, { facts, size }: StreamedFile): Promise<PackedContent> {
    return await this.#streams.with(
      chunks,
      (stream) => this.#pool.run("stream", { stream, id, facts }, { items: 1, bytes: size }),
    );
  }

  /** Stores the lists of a content whose parts are packed, unless lists exist. @param file its name in units */
  async lists(lists: ContentLists, file: Raw): Promise<void> {
    await this.#pool.run("lists", { lists, file }, { items: 1, bytes: 0 });
  }

  /** Packs items of another unit. @returns why that can't be read: some of them are packed all the same */
  async taken(batch: TakenBatch): Promise<FaultData | undefined> {
    const { frames: { stored }, items } = batch, cost = { items: items.flat().length, bytes: stored.length };
    return await this.#pool.run("taken", batch, cost, handedWith(batch.frames)) ?? undefined;
  }

  /** Makes all threads hand over what they have packed so far. */
  async finish(): Promise<void> {
    for (const learnt of await this.#pool.everywhere("finish", null)) this.#learnt = joinRatios(this.#learnt, learnt);
  }
}

function deskOf(store: PackDesk, streams: OpenStreams): MainDesk {
  return {
    claim: (ids) => store.claim(ids),
    keepLists: (lists) => store.keepLists(lists),
    hand: (unit) => store.hand(unit),
    begin: (unitClass) => store.begin(unitClass),
    chunkOf: (stream) => streams.chunkOf(stream),
  };
}
