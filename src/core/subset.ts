/** The part of the data that a check reads, as people write it. */
import { BadUsage } from "./fault.ts";
import { parseSize } from "./size_text.ts";

/**
 * `part`: one of `of` equal parts by checksum, counted from 1, independent of earlier checks. `share`, `bytes`: that
 * much of the data, beginning with what was never read, then with what was read longest ago.
 */
export type Subset =
  | { readonly kind: "part"; readonly part: number; readonly of: number }
  | { readonly kind: "share"; readonly percent: number }
  | { readonly kind: "bytes"; readonly bytes: number };

const MOST_PARTS = 1_000_000;
const OLDEST = "oldest:";

/**
 * Parses "1/7", "5%", "10G", "oldest:5%" or "oldest:10G"; the last two mean the same as the two before them.
 * @throws BadUsage
 */
export function parseSubset(text: string): Subset {
  const fraction = /^(\d{1,7})\/(\d{1,7})$/.exec(text);
  if (fraction !== null) return partOf(text, Number(fraction[1]), Number(fraction[2]));
  const amount = text.startsWith(OLDEST) ? text.slice(OLDEST.length) : text;
  const percent = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(amount);
  if (percent !== null) return shareOf(text, Number(percent[1]));
  try {
    const bytes = parseSize(amount);
    if (bytes > 0) return { kind: "bytes", bytes };
  } catch (error) {
    if (!(error instanceof BadUsage)) throw error;
  }
  throw bad(text);
}

/** True if a content belongs to that part. */
export function isInPart(id: string, { part, of }: { readonly part: number; readonly of: number }): boolean {
  return parseInt(id.slice(0, DIGITS), 16) % of === part - 1;
}

/** Enough for a million parts, and no more than the shortest checksum has. */
const DIGITS = 8;

function partOf(text: string, part: number, of: number): Subset {
  if (part < 1 || part > of || of > MOST_PARTS) throw bad(text);
  return { kind: "part", part, of };
}

function shareOf(text: string, percent: number): Subset {
  if (percent <= 0 || percent > 100) throw bad(text);
  return { kind: "share", percent };
}

function bad(text: string): BadUsage {
  return new BadUsage(`Cannot read ${JSON.stringify(text)} as a part of the data`, "Write it like 5%, 10G or 1/7");
}
