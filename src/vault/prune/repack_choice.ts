/** Chooses units to repack: those with so much unused data that the rest should move. */
import type { UnitClass } from "../pack/items.ts";

/** A unit of which some items are needed and others are not. */
export interface PartlyUsed {
  readonly name: string;
  readonly unitClass: UnitClass;
  /** Stored size in bytes. */
  readonly bytes: number;
  /** Share of these bytes that belongs to unneeded items. */
  readonly unusedBytes: number;
}

export interface RepackLimits {
  /** Stored bytes of all units with needed items. */
  readonly liveBytes: number;
  /** Share of these that may be unused, 0 to 1. */
  readonly maxUnused: number;
  readonly maxRepackBytes: number;
  readonly canReadData: boolean;
}

/** Chooses the worst units until the unused share is small enough. @returns their names */
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
