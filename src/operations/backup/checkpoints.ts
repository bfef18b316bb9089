/** Partial snapshots of a long run: a crash or an interruption costs at most the work since the last one. */
import type { Clock } from "../../core/clock.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";

const CHECKPOINT_MS = 5 * 60_000;
const CHECKPOINT_BYTES = 8 * 1024 ** 3;

export interface CheckpointSetup {
  readonly clock: Clock;
  readonly startMs: number;
  /** Milliseconds between checkpoints. Default: five minutes. */
  readonly everyMs: number | undefined;
  /** Bytes read between checkpoints. Default: 8 GiB. */
  readonly everyBytes: number | undefined;
  /** Returns the number of bytes read so far. */
  readonly readBytes: () => number;
  /** Returns all hunks of the snapshot so far. */
  readonly hunks: () => readonly HunkRef[];
  readonly make: (hunks: readonly HunkRef[]) => Promise<void>;
}

export class Checkpoints {
  readonly #setup: CheckpointSetup;
  #lastMs: number;
  #lastBytes = 0;

  constructor(setup: CheckpointSetup) {
    this.#setup = setup;
    this.#lastMs = setup.startMs;
  }

  async makeIfDue(): Promise<void> {
    const { clock, readBytes, everyMs = CHECKPOINT_MS, everyBytes = CHECKPOINT_BYTES } = this.#setup;
    const now = clock.nowMs(), bytes = readBytes();
    if (now - this.#lastMs < everyMs && bytes - this.#lastBytes < everyBytes) return;
    this.#lastMs = now;
    this.#lastBytes = bytes;
    await this.make();
  }

  /** Makes a partial snapshot of what is done so far, which the next run continues. */
  async make(): Promise<void> {
    const hunks = this.#setup.hunks();
    if (hunks.length > 0) await this.#setup.make(hunks);
  }
}
