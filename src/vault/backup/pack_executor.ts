/** The work that one thread does for a backup into a vault: the same code runs in the main thread and in workers. */
import type { Raw } from "../../core/raw.ts";
import type { WaitingSteps } from "../../core/steps.ts";
import type { Disk } from "../../platform/disk.ts";
import { Meter } from "../../platform/meter.ts";
import { StopFlag } from "../../platform/stop_flag.ts";
import type { PoolSetup, ThreadPool, WaitingExecutor } from "../../platform/thread_pool.ts";
import type { ThrottleTable } from "../../platform/throttle.ts";
import type { StoreBatch, StoreResult } from "../../snapshot/ingest_batch.ts";
import type { Ratio } from "../pack/lane_choice.ts";
import type { Chunking } from "../store/config.ts";
import { type Compression, levelOf } from "../write/compression.ts";
import { ContentPacker } from "../write/content_packer.ts";
import { LearntRatios } from "../write/learnt_ratios.ts";
import type { PackDesk } from "../write/pack_desk.ts";
import { UnitPacker } from "../write/unit_packer.ts";
import { VaultIntake } from "../write/vault_intake.ts";

/** Everything that a thread needs to know; plain data, except for the shared tables. */
export interface PackSetup extends PoolSetup {
  /** UUID of the vault. */
  readonly vault: string;
  readonly chunking: Chunking;
  readonly gear: Uint32Array;
  readonly unitBytes: number;
  readonly compression: Compression;
  /** Directory in which units show the backed-up files, for people. */
  readonly directory: Raw;
  /** Compression ratios by file type. */
  readonly ratios: ReadonlyMap<string, Ratio>;
  /** Limits the rate of reading. */
  readonly throttle?: ThrottleTable;
}

/** The kinds of batches and their results. */
export interface PackBatches {
  readonly store: { readonly batch: readonly StoreBatch[]; readonly results: StoreResult[][] };
  /** Hands over open units. @returns compression ratios by file type since the last call */
  readonly finish: { readonly batch: null; readonly results: ReadonlyMap<string, Ratio> };
}
export type PackPool = ThreadPool<PackBatches>;

export class PackExecutor implements WaitingExecutor<PackBatches> {
  readonly #held = new DisposableStack();
  readonly #packer: ContentPacker;
  readonly #intake: VaultIntake;
  readonly #ratios: LearntRatios;

  /** @param thread distinguishes the threads of a run; 0 is the main thread */
  constructor(disk: Disk, desk: PackDesk, setup: PackSetup, thread: number) {
    const { vault, chunking, gear, unitBytes, compression, directory } = setup;
    const level = levelOf(compression), compresses = compression !== "off";
    const packer = this.#held.use(new UnitPacker(desk, disk, { vault, unitClass: "data", unitBytes, level }));
    this.#ratios = new LearntRatios(setup.ratios);
    this.#packer = new ContentPacker({ desk, packer, compressibility: this.#ratios, compresses });
    const stop = new StopFlag(setup.stop), meter = new Meter(setup.meter, thread);
    const intake = new VaultIntake({ disk, packer: this.#packer, chunking, gear, directory, stop, meter });
    this.#intake = this.#held.use(intake);
  }

  run<K extends keyof PackBatches>(kind: K, batch: PackBatches[K]["batch"]): WaitingSteps<PackBatches[K]["results"]> {
    return kind === "store" ? this.#intake.run(batch as readonly StoreBatch[]) : this.#finish();
  }

  *#finish(): WaitingSteps<ReadonlyMap<string, Ratio>> {
    yield* this.#packer.finish();
    return this.#ratios.takeLearnt();
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }
}
