/** Which snapshots are to be kept, as people and files write it: the rules of `forget`. What they mean: retention.ts. */
import { BadUsage } from "./fault.ts";
import { parseSize } from "./size_text.ts";

/** How many; "unlimited": as many as there are. */
export type Amount = number | "unlimited";

/** Periods of which the newest snapshot can be kept. */
export const PERIODS = [
  "minutely",
  "hourly",
  "daily",
  "weekly",
  "monthly",
  "quarterly",
  "halfYearly",
  "yearly",
] as const;
export type Period = typeof PERIODS[number];

/** The rules that keep the newest snapshot of each period for so long. */
export type WithinPeriod = `within${Capitalize<Period>}`;

/** A snapshot with that tag is removed by no rule. */
export const PIN = "pinned";

/** Of each of so many periods the newest one; or of all periods that are not older than a span, "30d". */
type PeriodRules = { readonly [P in Period]?: Amount } & { readonly [P in WithinPeriod]?: string };

/** At least one rule is given; a snapshot is kept if any of them keeps it. Files have the same names. */
export interface Policy extends PeriodRules {
  /** The newest ones. */
  readonly last?: Amount;
  /** All that are not older than that before the newest one: "2y5m7d3h". */
  readonly within?: string;
  /** All that have one of these tags; "a,b": both. */
  readonly tag?: readonly string[];
  /** So much space is to be free: for that the oldest go, whatever keeps them. Bytes, or "50G". */
  readonly free?: string | number;
}

/** A span in calendar units. */
export interface Span {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
}

const AMOUNTS = ["last", ...PERIODS] as const;
const SPANS = ["within", ...PERIODS.map(withinPeriod)] as const;

/** "withinDaily" of "daily". */
export function withinPeriod(period: Period): WithinPeriod {
  return `within${period[0]?.toUpperCase()}${period.slice(1)}` as WithinPeriod;
}
const MOST = 1_000_000;

/** Reads "7" or "unlimited"; "-1" means that too, as restic has it. @throws BadUsage */
export function parseAmount(text: string): Amount {
  if (text === "unlimited" || text === "-1") return "unlimited";
  if (/^\d+$/.test(text) && Number(text) <= MOST) return Number(text);
  throw new BadUsage(`Cannot read ${JSON.stringify(text)} as an amount`, "Write a whole number, or `unlimited`");
}

const SPAN = /^(?:(\d{1,5})y)?(?:(\d{1,5})m)?(?:(\d{1,5})d)?(?:(\d{1,5})h)?$/;

/** Reads "2y5m7d3h": years, months, days, hours; each may be missing, not all. @throws BadUsage */
export function parseSpan(text: string): Span {
  const found = SPAN.exec(text);
  if (found === null || text === "") {
    throw new BadUsage(`Cannot read ${JSON.stringify(text)} as a span of time`, "Write it like 30d, 1y6m or 2y5m7d3h");
  }
  const [years = 0, months = 0, days = 0, hours = 0] = found.slice(1).map((digits) => Number(digits ?? 0));
  return { years, months, days, hours };
}

/**
 * Checks a policy that comes from a file.
 * @throws BadUsage naming the rule that is wrong or unknown, or if there is none
 */
export function parsePolicy(value: unknown): Policy {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("it is no object");
  for (const [rule, given] of Object.entries(value)) checkRule(rule, given);
  const policy = value as Policy;
  if (!hasRule(policy)) throw bad("it keeps nothing");
  return policy;
}

/** True if the policy says anything that keeps a snapshot. */
function keepsSome(policy: Policy): boolean {
  const { free: _, ...rules } = policy;
  return hasRule(rules);
}

/** The bytes that a policy wants free; 0 if it says nothing of that. @throws BadUsage */
export function freeBytesOf({ free = 0 }: Policy): number {
  return typeof free === "number" ? free : parseSize(free);
}

/** True if a policy's only wish is free space: without that, everything stays. */
export function keepsAll(policy: Policy): boolean {
  return freeBytesOf(policy) > 0 && !keepsSome(policy);
}

/** True if the policy says anything: amounts and spans of 0 don't. @throws BadUsage if its span can't be read */
export function hasRule(policy: Policy): boolean {
  return AMOUNTS.some((rule) => (policy[rule] ?? 0) !== 0) ||
    SPANS.some((rule) => isSpanOfTime(policy[rule])) || (policy.tag ?? []).length > 0 || freeBytesOf(policy) > 0;
}

/** False for none, and for "0d" and its like. */
function isSpanOfTime(text: string | undefined): boolean {
  return text !== undefined && Object.values(parseSpan(text)).some((count) => count > 0);
}

/** As options of the command line: "--keep-daily 7 --keep-tag a,b". */
export function policyText(policy: Policy): string {
  const { tag = [] } = policy, option = (rule: string) => `--keep-${optionText(rule)}`;
  return [
    ...[...AMOUNTS, ...SPANS].filter((rule) => policy[rule] !== undefined).map((rule) =>
      `${option(rule)} ${policy[rule]}`
    ),
    ...tag.map((tags) => `--keep-tag ${tags}`),
    ...(policy.free === undefined ? [] : [`--keep-free ${policy.free}`]),
  ].join(" ");
}

/** "half-yearly" of "halfYearly". */
export function optionText(rule: string): string {
  return rule.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The tags of one value of `tag`. */
export function tagList(text: string): string[] {
  return text.split(",").map((tag) => tag.trim()).filter((tag) => tag !== "");
}

function checkRule(rule: string, given: unknown): void {
  if (AMOUNTS.some((name) => name === rule)) {
    const isAmount = given === "unlimited" ||
      (Number.isSafeInteger(given) && Number(given) >= 0 && Number(given) <= MOST);
    if (!isAmount) throw bad(`its "${rule}" is neither a whole number nor "unlimited"`);
  } else if (SPANS.some((name) => name === rule)) {
    if (typeof given !== "string") throw bad(`its "${rule}" is no text`);
    parseSpan(given);
  } else if (rule === "tag") {
    const isList = Array.isArray(given) && given.every((tag) => typeof tag === "string" && tagList(tag).length > 0);
    if (!isList) throw bad(`its "${rule}" is no list of tags`);
  } else if (rule === "free") {
    if (typeof given === "string") parseSize(given);
    else if (!Number.isSafeInteger(given) || Number(given) < 0) throw bad(`its "${rule}" is no size`);
  } else throw bad(`there is no rule "${rule}"`);
}

function bad(why: string): BadUsage {
  return new BadUsage(`Cannot use that policy: ${why}`, "The rules are those of `backup-tool help policy set`");
}
