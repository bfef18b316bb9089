/**
 * Which snapshots a policy keeps, and why. The rules are restic's. Snapshots of different series don't compete, nor do those of
 * different sources whose names nobody gave (core/series.ts).
 *
 * Days and weeks are those of the place and time of each snapshot: what was made at 23:30 belongs to that day, wherever
 * the question is asked. A week begins on Monday and belongs to the year of its Thursday (ISO 8601).
 */
import {
  type Amount,
  keepsAll,
  optionText,
  parseSpan,
  type Period,
  PERIODS,
  PIN,
  type Policy,
  type Span,
  tagList,
  withinPeriod,
} from "./policy.ts";
import type { Alarm } from "./unusual_change.ts";
import { groupedBySeries, type SeriesMember } from "./series.ts";

/** The properties of a snapshot that rules look at. */
export interface Candidate extends SeriesMember {
  /** Increases with each snapshot: their order, whatever the clock showed. */
  readonly sequence: number;
  /** Start of the backup: ISO 8601 in UTC. */
  readonly time: string;
  /** Minutes that local time was ahead of UTC at that time and place. */
  readonly offsetMinutes: number;
  readonly tags: readonly string[];
  /** False for a backup that did not finish. */
  readonly complete: boolean;
  /** The backup found an unusual change. */
  readonly alarm?: Pick<Alarm, "acknowledged">;
}

export interface Decision<T> {
  readonly snapshot: T;
  readonly keep: boolean;
  /**
   * The rules that keep it, such as "last 2" or "daily 2026-11-20". For a snapshot to be removed: why no rule applied
   * to it; mostly empty.
   */
  readonly reasons: readonly string[];
}

/** Decisions on the snapshots of one series. */
export interface SeriesDecisions<T> {
  readonly host: string;
  readonly name: string;
  /** Newest first. */
  readonly decisions: readonly Decision<T>[];
}

/**
 * Decides on all snapshots, series by series. Rules ignore incomplete ones: those newer than every complete one stay,
 * because the next backup builds on them, and the others are removed. At least one complete snapshot of each series
 * always stays.
 * @param nowMs later times are clock errors, and don't serve as a measure of age
 */
export function decide<T extends Candidate>(
  snapshots: readonly T[],
  policy: Policy,
  nowMs: number,
): SeriesDecisions<T>[] {
  return groupedBySeries(snapshots).map((series) => {
    const newestFirst = series.toSorted((a, b) => b.sequence - a.sequence);
    const { host, name } = newestFirst[0]!;
    return { host, name, decisions: decideSeries(newestFirst, policy, nowMs) };
  });
}

/**
 * Lists the snapshots that may be removed to free space, oldest first: complete ones that rules keep. The newest of
 * each series, pinned ones, and those that an alarm keeps are not among them.
 */
export function dispensable<T extends Candidate>(series: readonly SeriesDecisions<T>[]): T[] {
  return series.flatMap(({ decisions }) => {
    const [, ...older] = decisions.filter(({ keep, snapshot }) => keep && snapshot.complete);
    const free = older.filter(({ reasons }) => !reasons.includes(ALARMED) && !reasons.includes(BEFORE_ALARM));
    return free.map(({ snapshot }) => snapshot).filter(({ tags }) => !tags.includes(PIN));
  }).toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time) || a.sequence - b.sequence);
}

function decideSeries<T extends Candidate>(newestFirst: readonly T[], policy: Policy, nowMs: number): Decision<T>[] {
  const complete = newestFirst.filter((snapshot) => snapshot.complete);
  const rules = rulesOf(policy, complete, nowMs);
  const reasons = new Map(complete.map((snapshot, index) => {
    const isOldest = index === complete.length - 1;
    return [snapshot, rules.map((rule) => rule(snapshot, isOldest)).filter((reason) => reason !== undefined)];
  }));
  const [newest] = complete;
  if (newest !== undefined && ![...reasons.values()].some((kept) => kept.length > 0)) {
    reasons.set(newest, ["the newest of its series"]);
  }
  // A pin saves its snapshot, and none of the others in its place.
  for (const [{ tags }, kept] of reasons) if (tags.includes(PIN)) kept.push(PIN);
  for (const [snapshot, why] of heldByAlarms(complete)) reasons.get(snapshot)?.push(why);
  return newestFirst.map((snapshot) => {
    const kept = reasons.get(snapshot);
    if (kept !== undefined) return { snapshot, keep: kept.length > 0, reasons: kept };
    const keep = newest === undefined || snapshot.sequence > newest.sequence;
    return { snapshot, keep, reasons: [keep ? "the next backup continues it" : "incomplete, and no longer needed"] };
  });
}

const ALARMED = "unusual change, not acknowledged", BEFORE_ALARM = "before an unusual change";

/** Until somebody has looked, what an unusual change may have spoilt is there as it was before. */
function heldByAlarms<T extends Candidate>(newestFirst: readonly T[]): Map<T, string> {
  const isOpen = (snapshot: T | undefined) => snapshot?.alarm?.acknowledged === false;
  const held = new Map<T, string>();
  for (const [index, snapshot] of newestFirst.entries()) {
    if (isOpen(snapshot)) held.set(snapshot, ALARMED);
    else if (isOpen(newestFirst[index - 1])) held.set(snapshot, BEFORE_ALARM);
  }
  return held;
}

/**
 * Completes decisions on some snapshots where others of their series may have alarms.
 * @param all all snapshots of the storage
 */
export function heldBack<T extends Candidate>(
  decided: readonly SeriesDecisions<T>[],
  all: readonly T[],
): SeriesDecisions<T>[] {
  const held = new Map<T, string>();
  for (const series of groupedBySeries(all)) {
    const complete = series.filter((snapshot) => snapshot.complete).toSorted((a, b) => b.sequence - a.sequence);
    for (const [snapshot, why] of heldByAlarms(complete)) held.set(snapshot, why);
  }
  return decided.map((series) => ({
    ...series,
    decisions: series.decisions.map((decision) => {
      const why = held.get(decision.snapshot);
      if (why === undefined || decision.reasons.includes(why)) return decision;
      return { ...decision, keep: true, reasons: [...decision.reasons, why] };
    }),
  }));
}

/** Is asked of each complete snapshot of a series, newest first. @returns why it keeps it */
type Rule = (snapshot: Candidate, isOldest: boolean) => string | undefined;

function rulesOf(policy: Policy, newestFirst: readonly Candidate[], nowMs: number): Rule[] {
  const rules: Rule[] = [];
  if (policy.last !== undefined) rules.push(lastRule(policy.last));
  for (const period of PERIODS) {
    const amount = policy[period];
    if (amount !== undefined) rules.push(periodRule(period, amount));
  }
  if (policy.within !== undefined) rules.push(withinRule(policy.within, newestFirst, nowMs));
  for (const period of PERIODS) {
    const span = policy[withinPeriod(period)];
    if (span !== undefined) rules.push(periodWithinRule(period, span, { newestFirst, nowMs }));
  }
  if (keepsAll(policy)) rules.push(() => `free ${policy.free}`);
  for (const tags of policy.tag ?? []) rules.push(tagRule(tagList(tags)));
  return rules;
}

function lastRule(amount: Amount): Rule {
  const most = limitOf(amount);
  let count = 0;
  return () => count < most ? `last ${++count}` : undefined;
}

/** The newest of each of the newest periods; and the very oldest snapshot while there are fewer periods than wanted. */
function periodRule(period: Period, amount: Amount): Rule {
  const most = limitOf(amount), seen = new Set<string>();
  return (snapshot, isOldest) => {
    const label = LABELS[period](localTime(snapshot));
    const isNew = !seen.has(label);
    if (seen.size >= most || !(isNew || isOldest)) return undefined;
    seen.add(label);
    return `${isNew ? "" : "oldest "}${optionText(period)} ${label}`;
  };
}

/** The newest of each period in a span; and the oldest snapshot, if it is in the span. */
function periodWithinRule(
  period: Period,
  text: string,
  { newestFirst, nowMs }: { readonly newestFirst: readonly Candidate[]; readonly nowMs: number },
): Rule {
  const isWithin = withinRule(text, newestFirst, nowMs), nameOf = periodRule(period, "unlimited");
  return (snapshot, isOldest) => {
    const within = isWithin(snapshot, isOldest), name = within && nameOf(snapshot, isOldest);
    return name === undefined ? undefined : `${name} ${within}`;
  };
}

function withinRule(text: string, newestFirst: readonly Candidate[], nowMs: number): Rule {
  const past = newestFirst.filter(({ time }) => Date.parse(time) <= nowMs);
  const newest = past.reduce<Candidate | undefined>(
    (a, b) => a === undefined || Date.parse(b.time) > Date.parse(a.time) ? b : a,
    undefined,
  );
  const sinceMs = newest === undefined ? -Infinity : before(newest, parseSpan(text));
  return ({ time }) => Date.parse(time) > sinceMs ? `within ${text}` : undefined;
}

function tagRule(tags: readonly string[]): Rule {
  return (snapshot) => tags.every((tag) => snapshot.tags.includes(tag)) ? `tag ${tags.join(",")}` : undefined;
}

function limitOf(amount: Amount): number {
  return amount === "unlimited" ? Infinity : amount;
}

/** A date whose UTC fields are local ones. */
function localTime({ time, offsetMinutes }: Candidate): Date {
  return new Date(Date.parse(time) + offsetMinutes * 60_000);
}

/** The moment that lies a span before a snapshot, by its calendar. */
function before(snapshot: Candidate, { years, months, days, hours }: Span): number {
  const local = localTime(snapshot);
  local.setUTCFullYear(local.getUTCFullYear() - years, local.getUTCMonth() - months, local.getUTCDate() - days);
  local.setUTCHours(local.getUTCHours() - hours);
  return local.getTime() - snapshot.offsetMinutes * 60_000;
}

const LABELS: Readonly<Record<Period, (local: Date) => string>> = {
  minutely: (local) => local.toISOString().slice(0, 16).replace("T", " "),
  hourly: (local) => local.toISOString().slice(0, 13).replace("T", " ") + "h",
  daily: (local) => local.toISOString().slice(0, 10),
  weekly: weekLabel,
  monthly: (local) => local.toISOString().slice(0, 7),
  quarterly: (local) => `${local.toISOString().slice(0, 4)}-Q${Math.floor(local.getUTCMonth() / 3) + 1}`,
  halfYearly: (local) => `${local.toISOString().slice(0, 4)}-H${Math.floor(local.getUTCMonth() / 6) + 1}`,
  yearly: (local) => local.toISOString().slice(0, 4),
};

const DAY_MS = 86_400_000;

/** "2026-W47". */
function weekLabel(local: Date): string {
  const day = Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate());
  const thursday = new Date(day + (3 - (local.getUTCDay() + 6) % 7) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7) + 1;
  return `${year}-W${String(week).padStart(2, "0")}`;
}
