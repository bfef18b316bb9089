/** How a prune proceeds: what users can choose, and the rules that keep it safe. */
import { BadUsage } from "../../core/fault.ts";
import type { RemovalPace } from "../../snapshot/repository.ts";

export interface PrunePace {
  /**
   * Time in ms between dooming and deleting a unit. It protects readers, and allows for places that list objects late.
   */
  readonly graceMs: number;
  /** Time in ms for which a unit must be unused before it is doomed: until then writers may use it again. */
  readonly keepUnusedMs: number;
  /** Share of all bytes that may be unused in units with needed items, 0 to 1. */
  readonly maxUnused: number;
  /** Stored bytes of units that one prune repacks at most. */
  readonly maxRepackBytes: number;
}

const HOUR_MS = 3_600_000, GiB = 1024 ** 3;
/** Shortest safe grace in ms: ordinary readers are done by then. */
const SHORTEST_GRACE_MS = HOUR_MS;

/** The pace with defaults for what is absent. @throws BadUsage */
export function paceOf(asked: RemovalPace = {}): PrunePace {
  const { graceMs = 24 * HOUR_MS, keepUnusedMs = 7 * 24 * HOUR_MS, maxUnused = 0.05, maxRepackBytes = 10 * GiB } =
    asked;
  if (graceMs < SHORTEST_GRACE_MS && asked.unsafe !== true) {
    throw new BadUsage(
      "Cannot delete what was needed less than an hour ago: somebody may still read it",
      "Give a longer `--grace`; or `--unsafe`, if nobody restores from the vault now",
    );
  }
  return { graceMs, keepUnusedMs, maxUnused, maxRepackBytes };
}

/** The rules that safety depends on. All of them apply; tests switch single ones off to show that they matter. */
export interface PruneRules {
  /** Nothing is removed while a needed item is in no unit. */
  readonly stop: boolean;
  /** Units that no index lists are inspected first. */
  readonly tails: boolean;
  /** The index is listed before a ledger is written. This only saves work. */
  readonly lookBefore: boolean;
  /** The index is listed again before anything is deleted. */
  readonly lookAfter: boolean;
  /** Ledgers are written twice. */
  readonly twins: boolean;
  /** Tombstones are kept. */
  readonly tombstones: boolean;
  /** A ledger lists everything that was superseded and is still there. */
  readonly superseded: boolean;
}

export const ALL_RULES: PruneRules = {
  stop: true,
  tails: true,
  lookBefore: true,
  lookAfter: true,
  twins: true,
  tombstones: true,
  superseded: true,
};
