/** The work that one thread does for a vault: the same code runs in the main thread and in workers. */
import { hash } from "node:crypto";
import type { Steps } from "../../core/steps.ts";
import type { Disk } from "../../platform/disk.ts";
import { Meter } from "../../platform/meter.ts";
import { StopFlag } from "../../platform/stop_flag.ts";
import type { Executor, PoolSetup, ThreadPool } from "../../platform/thread_pool.ts";
import type { ThrottleTable } from "../../platform/throttle.ts";
import type { ExtractResult } from "../../snapshot/extract_batch.ts";
import { factsOfHunk, type HunkFacts } from "../../snapshot/verify_hunk.ts";
import type {
  CopyBatch,
  DigestBatch,
  FinishBatch,
  FrameBatch,
  Granted,
  HunkBatch,
  Verified,
  VerifyBatch,
} from "./frame_batch.ts";
import { FrameExtract } from "./frame_extract.ts";
import { verifyFrames } from "./frame_verify.ts";

export interface VaultSetup extends PoolSetup {
  readonly throttle?: ThrottleTable;
}

/** The kinds of batches and their results. */
export interface VaultBatches {
  readonly frames: { readonly batch: FrameBatch; readonly results: Granted[] };
  readonly finish: { readonly batch: FinishBatch; readonly results: ExtractResult };
  readonly copy: { readonly batch: CopyBatch; readonly results: ExtractResult };
  readonly verify: { readonly batch: VerifyBatch; readonly results: Verified };
  /** Results: hex digits of the SHA-256. */
  readonly digest: { readonly batch: DigestBatch; readonly results: string };
  readonly hunk: { readonly batch: HunkBatch; readonly results: HunkFacts };
}
export type VaultPool = ThreadPool<VaultBatches>;

/** Name of the worker threads of vaults. */
export const VAULT_THREAD = "vault";

type Table = {
  readonly [K in keyof VaultBatches]: (batch: VaultBatches[K]["batch"]) => Steps<VaultBatches[K]["results"]>;
};

export class VaultExecutor implements Executor<VaultBatches> {
  readonly #extract: FrameExtract;
  readonly #table: Table;

  /** @param thread distinguishes the threads of a run; 0 is the main thread */
  constructor(disk: Disk, setup: VaultSetup, thread: number) {
    const stop = new StopFlag(setup.stop), meter = new Meter(setup.meter, thread);
    const extract = this.#extract = new FrameExtract(disk, stop, meter);
    this.#table = {
      frames: (batch) => extract.run(batch),
      finish: (batch) => extract.finish(batch),
      copy: (batch) => extract.copy(batch),
      verify: (batch) => verifyFrames(batch, stop, meter),
      digest: ({ bytes }) => oneStep(() => hash("sha256", bytes)),
      hunk: ({ hunk, bytes }) => oneStep(() => factsOfHunk(hunk, bytes)),
    };
  }

  run<K extends keyof VaultBatches>(kind: K, batch: VaultBatches[K]["batch"]): Steps<VaultBatches[K]["results"]> {
    return this.#table[kind](batch);
  }

  [Symbol.dispose](): void {
    this.#extract[Symbol.dispose]();
  }
}

// deno-lint-ignore require-yield -- one step
function* oneStep<T>(action: () => T): Steps<T> {
  return action();
}
