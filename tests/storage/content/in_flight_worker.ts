/** Claims ids in the order it is told, and answers which were its own. */
import { InFlightContents } from "../../../src/storage/content/in_flight.ts";

export interface Order {
  readonly table: SharedArrayBuffer;
  readonly ids: readonly string[];
  /** Ids that it claims, holds for a while and then gives up; the others are done at once. */
  readonly failing: readonly string[];
}

const scope = globalThis as unknown as Worker;
/** Stands for the writing of an item. */
const pause = new Int32Array(new SharedArrayBuffer(4));

scope.onmessage = ({ data }: MessageEvent<Order>) => {
  const claims = new InFlightContents(data.table), failing = new Set(data.failing);
  const written: string[] = [];
  const outcomes = { mine: 0, done: 0, full: 0 };
  for (const id of data.ids) {
    const claim = claims.claim(id);
    outcomes[claim.outcome]++;
    if (claim.outcome !== "mine") continue;
    Atomics.wait(pause, 0, 0, failing.has(id) ? 5 : 0.01);
    if (failing.delete(id)) claims.failed(claim);
    else {
      written.push(id);
      claims.done(claim);
    }
  }
  scope.postMessage({ written, outcomes });
};
