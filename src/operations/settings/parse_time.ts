/** Parses times as people write them. */
import type { Clock } from "../../core/clock.ts";
import { BadUsage } from "../../core/fault.ts";
import { parseSpan } from "../../core/policy.ts";

const MINUTE_MS = 60_000;
const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?$/;

/**
 * Parses "2026-11-20", "2026-11-20 23:05", "2026-11-20T22:05:11Z", or an age: "7d", "1y6m", "12h". Without a zone,
 * local time is assumed; without a time, the start of the day.
 * @returns milliseconds since 1970
 * @throws BadUsage
 */
export function parseMoment(text: string, clock: Pick<Clock, "nowMs" | "offsetMinutes">): number {
  const found = DATE.exec(text.trim());
  if (found === null) return ago(text.trim(), clock);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map((n) => Number(n ?? 0));
  const asUtc = Date.UTC(year, month - 1, day, hour, minute, second);
  const isReal = new Date(asUtc).toISOString().startsWith(text.trim().slice(0, 10)) && hour < 24 && minute < 60;
  if (!isReal) throw unreadable(text);
  return asUtc - offsetMs(found[7], asUtc, clock);
}

function offsetMs(zone: string | undefined, asUtc: number, clock: Pick<Clock, "nowMs" | "offsetMinutes">): number {
  if (zone === "Z") return 0;
  if (zone !== undefined) {
    const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
    return (zone.startsWith("-") ? -minutes : minutes) * MINUTE_MS;
  }
  const guess = clock.offsetMinutes(asUtc) * MINUTE_MS;
  return clock.offsetMinutes(asUtc - guess) * MINUTE_MS; // that of the moment itself, on days when clocks change
}

function ago(text: string, clock: Pick<Clock, "nowMs" | "offsetMinutes">): number {
  try {
    const { years, months, days, hours } = parseSpan(text);
    const at = new Date(clock.nowMs());
    at.setUTCFullYear(at.getUTCFullYear() - years, at.getUTCMonth() - months, at.getUTCDate() - days);
    return at.getTime() - hours * 60 * MINUTE_MS;
  } catch (error) {
    if (!(error instanceof BadUsage)) throw error;
    throw unreadable(text);
  }
}

function unreadable(text: string): BadUsage {
  return new BadUsage(
    `Cannot read ${JSON.stringify(text)} as a time`,
    "Write it like 2026-11-20, 2026-11-20 23:05 or, for how long ago, 7d or 1y6m",
  );
}
