/**
 * The work that one thread does for a backup into a vault, a copy, or a prune: the same code runs in the main thread and in
 * workers.
 */
import type { ContentId } from "../../core/content_id.ts";
import type { FaultData } from "../../core/fault_data.ts";
import { hashBytes } from "../../core/digest.ts";
import { releaseMemory } from "../../core/garbage.ts";
import type { Raw } from "../../core/raw.ts";
import type { WaitingSteps } from "../../core/steps.ts";
import type { Disk } from "../../platform/disk.ts";
import { Meter } from "../../platform/meter.ts";
import { StopFlag } from "../../platform/stop_flag.ts";
import type { PoolSetup, ThreadPool, WaitingExecutor } from "../../platform/thread_pool.ts";
import type { ThrottleTable } from "../../platform/throttle.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { StoreResult } from "../../snapshot/ingest_batch.ts";
import type { UnitClass } from "../pack/items.ts";
import type { Ratio } from "../pack/lane_choice.ts";
import type { ContentLists } from "../pack/parts_list.ts";
import type { Chunking } from "../store/config.ts";
import { type Compression, levelOf } from "./compression.ts";
import { type Candidate, type ContentFacts, ContentPacker } from "./content_packer.ts";
import { LearntRatios } from "./learnt_ratios.ts";
import type { MainDesk } from "./pack_desk.ts";
import { Pieces } from "./pieces.ts";
import type { PackedContent, ReadNext } from "./stream_packer.ts";
import { type TakenBatch, TakenPacker } from "./taken_packer.ts";
import { UnitPacker } from "./unit_packer.ts";
import { type FileBatches, VaultIntake } from "./vault_intake.ts";

/** Everything that a thread needs to know; plain data, except for the shared tables. */
export interface PackSetup extends PoolSetup {
  /** UUID of the vault. */
  readonly vault: string;
  readonly chunking: Chunking;
  readonly gear: Uint32Array;
  readonly unitBytes: number;
  readonly compression: Compression;
  /** Compression ratios by file type. */
  readonly ratios: ReadonlyMap<string, Ratio>;
  /** Limits the rate of reading. */
  readonly throttle?: ThrottleTable;
}

/** A content that comes as a stream. */
export interface StreamedContent {
  /** Its number at the desk. */
  readonly stream: number;
  readonly id: ContentId;
  readonly facts: ContentFacts;
}

/** Lists of a content, and the name of its file in unpacked units. */
export interface PackedLists {
  readonly lists: ContentLists;
  readonly file: Raw;
}

/** The kinds of batches and their results. */
export interface PackBatches {
  readonly store: { readonly batch: FileBatches; readonly results: StoreResult[][] };
  /**
   * Packs contents in memory, which is released, if they are those of their ids.
   * @returns for each whether it was needed
   */
  readonly contents: { readonly batch: readonly Candidate[]; readonly results: readonly boolean[] };
  readonly stream: { readonly batch: StreamedContent; readonly results: PackedContent };
  /** Stores the lists of a content whose parts are packed. @returns whether they were needed */
  readonly lists: { readonly batch: PackedLists; readonly results: boolean };
  /** Packs items of another unit. @returns why that can't be read, if so */
  readonly taken: { readonly batch: TakenBatch; readonly results: FaultData | null };
  /** Hands over open units. @returns compression ratios by file type since the last call */
  readonly finish: { readonly batch: null; readonly results: ReadonlyMap<string, Ratio> };
}
export type PackPool = ThreadPool<PackBatches>;

export class PackExecutor implements WaitingExecutor<PackBatches> {
  readonly #held = new DisposableStack();
  readonly #desk: MainDesk;
  readonly #stop: StopFlag;
  readonly #packer: ContentPacker;
  readonly #intake: VaultIntake;
  readonly #taken: TakenPacker;
  readonly #ratios: LearntRatios;

  /** @param thread distinguishes the threads of a run; 0 is the main thread */
  constructor(disk: Disk, desk: MainDesk, setup: PackSetup, thread: number) {
    const { vault, chunking, gear, unitBytes, compression } = setup;
    const level = levelOf(compression), compresses = compression !== "off";
    const packerOf = (unitClass: UnitClass) => new UnitPacker(desk, disk, { vault, unitClass, unitBytes, level });
    const packer = this.#held.use(packerOf("data"));
    this.#ratios = new LearntRatios(setup.ratios);
    this.#packer = new ContentPacker({ desk, packer, compressibility: this.#ratios, compresses });
    this.#desk = desk;
    const stop = this.#stop = new StopFlag(setup.stop), meter = new Meter(setup.meter, thread);
    const intake = new VaultIntake({ disk, packer: this.#packer, chunking, gear, stop, meter });
    this.#intake = this.#held.use(intake);
    this.#taken = this.#held.use(new TakenPacker(packerOf, stop));
  }

  run<K extends keyof PackBatches>(kind: K, batch: PackBatches[K]["batch"]): WaitingSteps<PackBatches[K]["results"]> {
    return this.#works[kind](batch);
  }

  readonly #works: {
    readonly [K in keyof PackBatches]: (batch: PackBatches[K]["batch"]) => WaitingSteps<PackBatches[K]["results"]>;
  } = {
    store: (batch) => this.#intake.run(batch),
    contents: (batch) => this.#addContents(batch),
    stream: (batch) => this.#addStream(batch),
    lists: ({ lists, file }) => this.#packer.addLists(lists, file),
    taken: (batch) => this.#taken.add(batch),
    finish: () => this.#finish(),
  };

  *#addContents(candidates: readonly Candidate[]): WaitingSteps<readonly boolean[]> {
    for (const { id, bytes } of candidates) {
      if (hashBytes("sha256", bytes) !== id) throw otherBytes(id);
    }
    const needed = yield* this.#packer.add(candidates);
    for (const { bytes } of candidates) releaseMemory(bytes);
    return needed;
  }

  *#addStream({ stream, id, facts }: StreamedContent): WaitingSteps<PackedContent> {
    const pieces = new Pieces(() => this.#desk.chunkOf(stream)), stop = this.#stop;
    const read: ReadNext = function* (into) {
      stop.check();
      return yield* pieces.read(into);
    };
    const packed = yield* this.#intake.addStream(read, facts, id);
    if (packed.id !== id) throw otherBytes(id);
    return packed;
  }

  *#finish(): WaitingSteps<ReadonlyMap<string, Ratio>> {
    yield* this.#packer.finish();
    yield* this.#taken.finish();
    return this.#ratios.takeLearnt();
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }
}

function otherBytes(id: string): DamagedContent {
  return new DamagedContent(id, "the bytes that came are not those of its checksum");
}
