/** Amounts as people write them. Sizes are in binary units: 1 KiB is 1024 bytes. */
import { BadUsage } from "./fault.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** Formats a size: "0 B", "1023 B", "1.5 MiB", "438 MiB". At most three digits and one decimal, never "1024 KiB". */
export function sizeText(bytes: number): string {
  let value = bytes, unit = 0;
  while (unit < UNITS.length - 1 && Number(rounded(value, unit)) >= 1024) {
    value /= 1024;
    unit++;
  }
  return `${rounded(value, unit)} ${UNITS[unit]}`;
}

/** A formatter of sizes: {@link sizeText} or {@link exactSizeText}. */
export type SizeText = (bytes: number) => string;

/** Formats an exact size: "1,234,567 B". */
export function exactSizeText(bytes: number): string {
  return `${countText(bytes)} B`;
}

/** Whole bytes, and one decimal only where it means something. */
function rounded(value: number, unit: number): string {
  return unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
}

const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgtpe]?)(i?b)?$/i;
const POWERS = "kmgtpe";

/**
 * Parses "500", "10M", "1.5GiB", "20 kB". "K", "M" ... and "KiB", "MiB" ... are powers of 1024, "kB", "MB" ... of 1000,
 * as in GNU's tools.
 * @returns whole bytes
 * @throws BadUsage
 */
export function parseSize(text: string): number {
  const found = SIZE.exec(text.trim());
  const [, digits = "", letter = "", ending = ""] = found ?? [];
  const bytes = Math.round(Number(digits) * unitBytes(letter, ending));
  if (found === null || (letter === "" && ending.length === 2) || !Number.isSafeInteger(bytes)) {
    throw new BadUsage(`Cannot read ${JSON.stringify(text)} as a size`, "Write it like 500K, 10M or 1.5GiB");
  }
  return bytes;
}

/** Parses a rate: a size, with or without "/s". @returns bytes per second @throws BadUsage */
export function parseRate(text: string): number {
  const rate = parseSize(text.trim().replace(/\/s$/i, ""));
  if (rate > 0) return rate;
  throw new BadUsage(`Cannot use ${JSON.stringify(text)} as a rate`, "Give a rate above 0");
}

function unitBytes(letter: string, ending: string): number {
  if (letter === "") return 1;
  const base = ending.length === 1 ? 1000 : 1024;
  return base ** (POWERS.indexOf(letter.toLowerCase()) + 1);
}

/** Formats a count: "1,234,567". */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Formats a count with its noun: "1 file", "2 files", "0 files". */
export function pluralText(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}
