/** What checks have found, in portions of contents that were found in the same state. */
export type VerifiedState = "ok" | "damaged";

export interface VerifiedPortion {
  /** Sorted. */
  readonly ids: readonly string[];
  readonly state: VerifiedState;
}

/** Of one time. */
export interface DatedPortion extends VerifiedPortion {
  readonly atMs: number;
}

/** Bounds the memory for one statement, and for one line of a file. */
export const VERIFICATIONS_AT_ONCE = 10_000;

/** What comes later replaces what came before it. */
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

/** The same with the time at which it was found. */
export function* dated(
  items: Iterable<{ readonly id: string; readonly state: VerifiedState }>,
  atMs: number,
): Generator<DatedPortion> {
  for (const portion of portionsOf(items)) yield { ...portion, atMs };
}
