/** Times in text, for people and for programs. */
import type { NsText } from "./entry.ts";

const MINUTE_MS = 60_000;
const SECOND_MS = 1000;
const NS_PER_MS = 1_000_000n;
/** What a JavaScript date can hold (ECMA-262, 21.4.1.1). */
const LARGEST_DATE_MS = 8_640_000_000_000_000n;

/** Formats an offset from UTC as in ISO 8601: "+01", "-03:30", "+00". */
export function zoneText(offsetMinutes: number): string {
  const sign = offsetMinutes < 0 ? "-" : "+";
  const hours = two(Math.floor(Math.abs(offsetMinutes) / 60)), minutes = Math.abs(offsetMinutes) % 60;
  return sign + hours + (minutes === 0 ? "" : `:${two(minutes)}`);
}

/**
 * Formats local time and its zone: "2026-11-20 23:05 +01".
 * @param offsetMinutes that local time is ahead of UTC at that time
 */
export function localTimeText(atMs: number, offsetMinutes: number): string {
  const local = new Date(atMs + offsetMinutes * MINUTE_MS);
  if (Number.isNaN(local.getTime())) return `@${Math.floor(atMs / SECOND_MS)}`;
  return `${local.toISOString().replace(/^\+?(.+)T(\d\d:\d\d).*$/, "$1 $2")} ${zoneText(offsetMinutes)}`;
}

/**
 * Formats a time with nine decimals: "2026-11-20T22:05:11.123456789Z". A time outside the range of Date becomes
 * "@SECONDS.DECIMALS", which `date -d` accepts too.
 */
export function isoOfNs(ns: NsText): string {
  const total = BigInt(ns);
  const below = ((total % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const decimals = String(below).padStart(9, "0");
  const wholeMs = (total - below) / NS_PER_MS;
  if (wholeMs > LARGEST_DATE_MS || wholeMs < -LARGEST_DATE_MS) {
    return `@${(total - below) / 1_000_000_000n}.${decimals}`;
  }
  return new Date(Number(wholeMs)).toISOString().replace(/\.\d+Z$/, `.${decimals}Z`);
}

/** Converts to milliseconds, rounded down. */
export function msOfNs(ns: NsText): number {
  const total = BigInt(ns), rest = total % NS_PER_MS;
  return Number((total - (rest < 0n ? rest + NS_PER_MS : rest)) / NS_PER_MS);
}

/** Formats a duration: "0.4 s", "12 s", "3 min 20 s", "2 h 05 min", "3 d 04 h". */
export function durationText(ms: number): string {
  const seconds = Math.max(0, ms) / SECOND_MS;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
