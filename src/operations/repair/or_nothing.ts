import { Fault } from "../../core/fault.ts";

/** What is wrong with one copy alone; whatever else happens ends the repair. */
const OF_ONE_COPY: readonly string[] = [
  "damaged-content",
  "damaged-manifest",
  "damaged-object",
  "bad-id",
  // A vault that was opened by such a key gives no contents.
  "write-only-key",
];

/**
 * The result of `action`; undefined if something that it needs is damaged.
 * @throws any failure that is not limited to one copy
 */
export async function orNothing<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Fault && OF_ONE_COPY.includes(error.code)) return undefined;
    throw error;
  }
}
