/** Which units are worth packing anew: so much of them is unused that the rest should move. */
import type { UnitClass } from "../pack/items.ts";

/** A unit of which something is needed, and something not. */
export interface PartlyUsed {
  readonly name: string;
  readonly unitClass: UnitClass;
  /** Stored. */
  readonly bytes: number;
  /** The share of these that is for what nothing needs. */
  readonly unusedBytes: number;
}

export interface RepackLimits {
  /** Stored bytes of all units of which something is needed. */
  readonly liveBytes: number;
  /** Share of these that may be unused. */
  readonly maxUnused: number;
  readonly maxRepackBytes: number;
  readonly canReadData: boolean;
}

/** The worst ones, until little enough is unused. */
export function chooseRepack(units: readonly PartlyUsed[], limits: RepackLimits): string[] {
  const { liveBytes, maxUnused, maxRepackBytes, canReadData } = limits;
  const worstFirst = units.toSorted((a, b) => b.unusedBytes / b.bytes - a.unusedBytes / a.bytes);
  let unused = units.reduce((sum, unit) => sum + unit.unusedBytes, 0), repacked = 0;
  const chosen: string[] = [];
  for (const { name, unitClass, bytes, unusedBytes } of worstFirst) {
    if (unused <= maxUnused * liveBytes) break;
    if ((unitClass === "data" && !canReadData) || repacked + bytes > maxRepackBytes) continue;
    chosen.push(name);
    repacked += bytes;
    unused -= unusedBytes;
  }
  return chosen;
}
