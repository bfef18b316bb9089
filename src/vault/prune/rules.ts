/** How a prune proceeds: what somebody may choose, and the rules that keep it safe. */
import { BadUsage } from "../../core/fault.ts";
import type { RemovalPace } from "../../snapshot/repository.ts";

export interface PrunePace {
  /** A unit is deleted when it has been doomed for so long. It spares readers, and places that list late. */
  readonly graceMs: number;
  /** A unit is doomed when nothing has needed it for so long: until then writers may use it again. */
  readonly keepUnusedMs: number;
  /** Share of all bytes that may lie unused in units of which something is needed. */
  readonly maxUnused: number;
  /** Stored bytes of units that one prune packs anew. */
  readonly maxRepackBytes: number;
}

const HOUR_MS = 3_600_000, GiB = 1024 ** 3;
/** What readers of a usual kind are done in. */
const SHORTEST_GRACE_MS = HOUR_MS;

/** @throws BadUsage */
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

/** The rules that safety hangs on. All are kept; a test switches one off to see that it is missed. */
export interface PruneRules {
  /** Nothing is removed while something that is needed is in no unit. */
  readonly stop: boolean;
  /** Units that no index lists are looked into before. */
  readonly tails: boolean;
  /** The index is listed before a ledger is written. It saves work; nothing is lost without. */
  readonly lookBefore: boolean;
  /** It is listed again before anything is deleted. */
  readonly lookAfter: boolean;
  /** Ledgers are written twice. */
  readonly twins: boolean;
  /** Tombstones stay. */
  readonly tombstones: boolean;
  /** A ledger names everything that was superseded and is still listed. */
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
