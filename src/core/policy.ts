/** Retention policies as people and files write them: the rules of `forget`. retention.ts defines what they mean. */
import { BadUsage } from "./fault.ts";
import { parseSize } from "./size_text.ts";

/** A number of snapshots; "unlimited": all of them. */
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

/** Names of the rules that keep the newest snapshot of each period within a span of time. */
export type WithinPeriod = `within${Capitalize<Period>}`;

/** The tag that protects a snapshot from every rule. */
export const PIN = "pinned";

/**
 * For each kind of period: the number of periods of which to keep the newest snapshot, or a span ("30d") of periods.
 */
type PeriodRules = { readonly [P in Period]?: Amount } & { readonly [P in WithinPeriod]?: string };

/** A policy has at least one rule, and a snapshot is kept if any rule keeps it. The keys are the same in files. */
export interface Policy extends PeriodRules {
  /** Number of newest snapshots to keep. */
  readonly last?: Amount;
  /** Keeps all snapshots made within this span before the newest one: "2y5m7d3h". */
  readonly within?: string;
  /** Keeps all snapshots with one of these tags; "a,b" requires both. */
  readonly tag?: readonly string[];
  /**
   * Space to keep free, in bytes or as "50G": the oldest snapshots are removed for it, even those that other rules
   * keep.
   */
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

/** "withinDaily" for "daily". */
export function withinPeriod(period: Period): WithinPeriod {
  return `within${period[0]?.toUpperCase()}${period.slice(1)}` as WithinPeriod;
}
const MOST = 1_000_000;

/** Parses "7" or "unlimited"; "-1" means unlimited too, as in restic. @throws BadUsage */
export function parseAmount(text: string): Amount {
  if (text === "unlimited" || text === "-1") return "unlimited";
  if (/^\d+$/.test(text) && Number(text) <= MOST) return Number(text);
  throw new BadUsage(`Cannot read ${JSON.stringify(text)} as an amount`, "Write a whole number, or `unlimited`");
}

const SPAN = /^(?:(\d{1,5})y)?(?:(\d{1,5})m)?(?:(\d{1,5})d)?(?:(\d{1,5})h)?$/;

/** Parses "2y5m7d3h": years, months, days and hours, at least one of them. @throws BadUsage */
export function parseSpan(text: string): Span {
  const found = SPAN.exec(text);
  if (found === null || text === "") {
    throw new BadUsage(`Cannot read ${JSON.stringify(text)} as a span of time`, "Write it like 30d, 1y6m or 2y5m7d3h");
  }
  const [years = 0, months = 0, days = 0, hours = 0] = found.slice(1).map((digits) => Number(digits ?? 0));
  return { years, months, days, hours };
}

/** Checks a policy from a file. @throws BadUsage naming the rule that is wrong or unknown, or if there are no rules */
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

/** The number of bytes that a policy keeps free; 0 if it has no such rule. @throws BadUsage */
export function freeBytesOf({ free = 0 }: Policy): number {
  return typeof free === "number" ? free : parseSize(free);
}

/** True if free space is the policy's only rule: as long as there is enough, every snapshot stays. */
export function keepsAll(policy: Policy): boolean {
  return freeBytesOf(policy) > 0 && !keepsSome(policy);
}

/**
 * True if the policy has an effective rule: amounts and spans of 0 have no effect.
 * @throws BadUsage if its span can't be parsed
 */
export function hasRule(policy: Policy): boolean {
  return AMOUNTS.some((rule) => (policy[rule] ?? 0) !== 0) ||
    SPANS.some((rule) => isSpanOfTime(policy[rule])) || (policy.tag ?? []).length > 0 || freeBytesOf(policy) > 0;
}

/** False for none, and for "0d" and its like. */
function isSpanOfTime(text: string | undefined): boolean {
  return text !== undefined && Object.values(parseSpan(text)).some((count) => count > 0);
}

/** The policy as command-line options: "--keep-daily 7 --keep-tag a,b". */
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

/** "half-yearly" for "halfYearly". */
export function optionText(rule: string): string {
  return rule.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Splits one value of `tag` into its tags. */
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
