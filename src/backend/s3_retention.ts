/** Object locks of S3: how long objects are protected from removal, if requested. */
import { BadUsage } from "../core/fault.ts";
import type { Settings } from "./location.ts";

export interface Retention {
  readonly mode: "GOVERNANCE" | "COMPLIANCE";
  readonly ms: number;
}

const DAY_MS = 24 * 3600 * 1000;
const UNITS: Readonly<Record<string, number>> = { d: 1, w: 7, m: 30, y: 365 };

/**
 * Parses `retention=30d` and `retention-mode`, which is "governance" by default; not even administrators can lift
 * "compliance".
 * @returns undefined if no retention is given
 * @throws BadUsage
 */
export function retentionOf(settings: Settings, location: string): Retention | undefined {
  const text = settings.get("retention"), mode = settings.get("retention-mode") ?? "governance";
  if (text === undefined) return undefined;
  const [, number = "", unit = "d"] = /^(\d{1,5})([dwmy]?)$/.exec(text) ?? [];
  const days = Number(number) * (UNITS[unit || "d"] ?? 0);
  if (number === "" || days === 0) {
    throw new BadUsage(
      `Cannot use the retention ${JSON.stringify(text)} of ${location}`,
      "Give it as in `retention=30d`",
    );
  }
  if (mode !== "governance" && mode !== "compliance") {
    throw new BadUsage(
      `Cannot use the retention mode ${JSON.stringify(mode)} of ${location}`,
      "Give `governance` or `compliance`",
    );
  }
  return { mode: mode === "governance" ? "GOVERNANCE" : "COMPLIANCE", ms: days * DAY_MS };
}
