/** When the contents of a storage were last read and found intact. */
import type { Amount } from "../../snapshot/catalog_queries.ts";
import type { OpenedRepository } from "../opened.ts";

export interface VerificationReport {
  /** Contents that snapshots need. */
  readonly all: Amount;
  /** Contents never read since they were stored. */
  readonly never: Amount;
  readonly damaged: Amount;
  /** Contents found intact in the last `days` days. */
  readonly within: readonly (Amount & { readonly days: number })[];
  /** Time of the least recent verification, ISO 8601; null if nothing was ever verified. */
  readonly oldest: string | null;
}

const DAYS = [1, 7, 30, 90, 365] as const;
const DAY_MS = 86_400_000;

/** Determines the status, without a lock. */
export async function verificationStatus(repository: OpenedRepository): Promise<VerificationReport> {
  const nowMs = repository.machine.clock.nowMs();
  const sinceMs = DAYS.map((days) => nowMs - days * DAY_MS);
  const { since, oldestMs, ...amounts } = await repository.query(({ verifications }) => verifications.status(sinceMs));
  return {
    ...amounts,
    within: DAYS.map((days, i) => ({ days, ...since[i]! })),
    oldest: oldestMs === undefined ? null : new Date(oldestMs).toISOString(),
  };
}
