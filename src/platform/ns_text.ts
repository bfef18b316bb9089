/** Times as decimal text in nanoseconds (core/entry.ts), without bigints, which were four times as slow. */
import type { NsText } from "../core/entry.ts";

/** "000" to "999". */
const THREE_DIGITS = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, "0"));

/** Formats times. Neighbours often have equal seconds, so their text, the expensive part, is cached. */
export class TimeText {
  #seconds = 0;
  #text = "0";

  /** @param seconds whole seconds since 1970, rounded down @param nanoseconds the remainder, 0 to 999,999,999 */
  text(seconds: number, nanoseconds: number): NsText {
    if (seconds <= 0) return smallTime(seconds, nanoseconds);
    if (seconds !== this.#seconds) {
      this.#seconds = seconds;
      this.#text = String(seconds);
    }
    return this.#text + nineDigits(nanoseconds);
  }
}

/** In three parts: faster than padStart(). */
function nineDigits(nanoseconds: number): string {
  const millions = (nanoseconds / 1_000_000) | 0;
  const rest = nanoseconds - millions * 1_000_000;
  const thousands = (rest / 1000) | 0;
  return `${THREE_DIGITS[millions]}${THREE_DIGITS[thousands]}${THREE_DIGITS[rest - thousands * 1000]}`;
}

/** Times up to the first second of 1970. */
function smallTime(seconds: number, nanoseconds: number): NsText {
  if (seconds === 0) return String(nanoseconds);
  const whole = nanoseconds === 0 ? -seconds : -seconds - 1;
  const part = nanoseconds === 0 ? 0 : 1_000_000_000 - nanoseconds;
  return whole === 0 ? `-${part}` : `-${whole}${nineDigits(part)}`;
}

/** Splits a time into seconds, rounded down, and the remainder of 0 to 999,999,999 ns. */
export function splitTime(time: NsText): { seconds: number; nanoseconds: number } {
  const negative = time.startsWith("-");
  const digits = negative ? time.slice(1) : time;
  const whole = digits.length > 9 ? Number(digits.slice(0, -9)) : 0;
  const part = Number(digits.slice(-9));
  if (!negative) return { seconds: whole, nanoseconds: part };
  if (part === 0) return { seconds: whole === 0 ? 0 : -whole, nanoseconds: 0 };
  return { seconds: -whole - 1, nanoseconds: 1_000_000_000 - part };
}

/** Converts from whole milliseconds since 1970. */
export function timeOfMs(ms: number): NsText {
  return ms === 0 ? "0" : `${ms}000000`;
}

/** Converts to whole milliseconds since 1970, rounded down. */
export function msOfTime(time: NsText): number {
  const { seconds, nanoseconds } = splitTime(time);
  return seconds * 1000 + Math.floor(nanoseconds / 1_000_000);
}
