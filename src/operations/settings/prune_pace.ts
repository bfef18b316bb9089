/** Settings for pruning a vault, as people write them on a command line or in a job. */
import { defined } from "../../core/defined.ts";
import { BadUsage } from "../../core/fault.ts";
import { parseSize } from "../../core/size_text.ts";
import type { RemovalPace } from "../../snapshot/repository.ts";

/** Texts, or amounts that are parsed already. */
export interface WrittenPace {
  /** "24h", "7d". */
  readonly grace?: string | undefined;
  readonly keepUnused?: string | undefined;
  /** "5%". */
  readonly maxUnused?: string | undefined;
  /** "10G". */
  readonly maxRepack?: string | number | undefined;
  readonly unsafe?: boolean | undefined;
}

/** Parses the settings; undefined if there are none. @throws BadUsage */
export function paceFrom({ grace, keepUnused, maxUnused, maxRepack, unsafe }: WrittenPace): RemovalPace | undefined {
  const pace = defined<RemovalPace>({
    graceMs: grace === undefined ? undefined : parseDuration(grace),
    keepUnusedMs: keepUnused === undefined ? undefined : parseDuration(keepUnused),
    maxUnused: maxUnused === undefined ? undefined : parseShare(maxUnused),
    maxRepackBytes: typeof maxRepack === "string" ? parseSize(maxRepack) : maxRepack,
    unsafe,
  });
  return Object.keys(pace).length === 0 ? undefined : pace;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Parses "0", "30s", "90m", "24h", "7d", "2w". @returns milliseconds @throws BadUsage */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  const [, count = "", unit = ""] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [], unitMs = UNIT_MS[unit];
  if (unitMs !== undefined) return Number(count) * unitMs;
  throw new BadUsage(`Cannot read ${JSON.stringify(text)} as a time`, "Write it like 30s, 90m, 24h, 7d, or 0");
}

/** Parses "5%". @returns a fraction, such as 0.05 @throws BadUsage */
export function parseShare(text: string): number {
  const percent = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100) return Number(percent) / 100;
  throw new BadUsage(`Cannot read ${JSON.stringify(text)} as a share`, "Write it like 5%");
}
