/** Results of checks, in portions of contents that were found in the same state. */
export type VerifiedState = "ok" | "damaged";

export interface VerifiedPortion {
  /** Sorted. */
  readonly ids: readonly string[];
  readonly state: VerifiedState;
}

/** A portion with the time of its verification. */
export interface DatedPortion extends VerifiedPortion {
  readonly atMs: number;
}

/** Limits the memory for one statement, and for one line of a file. */
export const VERIFICATIONS_AT_ONCE = 10_000;

/** Groups consecutive results into portions, in order: of several results for one id, the last one counts. */
export function* portionsOf(
  items: Iterable<{ readonly id: string; readonly state: VerifiedState }>,
): Generator<VerifiedPortion> {
  let ids: string[] = [], last: VerifiedState = "ok";
  for (const { id, state } of items) {
    if (ids.length > 0 && (state !== last || ids.length === VERIFICATIONS_AT_ONCE)) {
      yield { ids: ids.sort(), state: last };
      ids = [];
    }
    ids.push(id);
    last = state;
  }
  if (ids.length > 0) yield { ids: ids.sort(), state: last };
}

/** Groups results in the same way, and adds the time of the verification. */
export function* dated(
  items: Iterable<{ readonly id: string; readonly state: VerifiedState }>,
  atMs: number,
): Generator<DatedPortion> {
  for (const portion of portionsOf(items)) yield { ...portion, atMs };
}
