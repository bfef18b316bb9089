/** The text of a notification about a run. */
import type { FaultData } from "../core/fault_data.ts";
import { changesText } from "../core/monitor.ts";
import { pluralText, sizeText } from "../core/size_text.ts";
import { durationText } from "../core/time_text.ts";

/**
 * Events that can trigger a notification; `started` is for services that measure how long a run takes, `weekly` sums up
 * a week.
 */
export const EVENTS = [
  "done",
  "problems",
  "failed",
  "rejected",
  "cancelled",
  "damage",
  "late",
  "started",
  "weekly",
] as const;
export type NoticeEvent = typeof EVENTS[number];
/** Events that trigger a notification by default. */
export const USUAL_EVENTS: readonly NoticeEvent[] = ["problems", "failed", "rejected", "damage", "late"];

export interface Notice {
  /** Identifies the notice: a second one with the same id is not kept. */
  readonly id: string;
  readonly event: NoticeEvent;
  /** Time of the event: ISO 8601, UTC. */
  readonly at: string;
  readonly host: string;
  /** Name of a job file, a command, or a series. */
  readonly subject: string;
  /** Kind of the job, or name of the command; null if unknown. */
  readonly kind: string | null;
  /** Start of the run: ISO 8601, UTC. */
  readonly start?: string;
  readonly end?: string;
  readonly snapshot?: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly problemCount: number;
  /** The first problems of the run. */
  readonly problems: readonly FaultData[];
  readonly error?: FaultData;
  /** Why a backup is considered overdue, or how the week was: one sentence. */
  readonly reason?: string;
}

/** How a run ended, as in the history of jobs. */
export type Outcome = "done" | "problems" | "failed" | "rejected" | "cancelled";

/** Makes a notice to test a target. */
export function testNotice({ id, at, host }: Pick<Notice, "id" | "at" | "host">): Notice {
  const subject = "test of notifications";
  return { id, event: "done", at, host, subject, kind: null, counts: {}, problemCount: 0, problems: [] };
}

/** The event for an outcome: damage that a run found takes precedence over how it ended. */
export function eventOf(outcome: Outcome, faults: readonly (FaultData | undefined)[]): NoticeEvent {
  const isDamage = faults.some((fault) => fault !== undefined && /^(?:damaged|missing)-/.test(fault.code));
  return isDamage ? "damage" : outcome;
}

/** Titles of the events, in words. */
export const TITLES: Readonly<Record<NoticeEvent, string>> = {
  done: "done",
  problems: "done, with problems",
  failed: "failed",
  rejected: "rejected",
  cancelled: "cancelled",
  damage: "DAMAGE found",
  late: "late",
  started: "started",
  weekly: "summed up",
};

/** Makes a title of one line, without control characters. */
export function titleOf({ host, subject, event }: Notice): string {
  return plain(`${host}: ${subject}: ${TITLES[event]}`);
}

const MOST_PROBLEMS = 10;

/** Formats a notice as text. @param detail includes messages, which contain names of files */
export function textOfNotice(notice: Notice, detail: boolean): string {
  const { kind, event, start, end, snapshot, error, problems, problemCount, reason } = notice;
  const took = start === undefined || end === undefined
    ? ""
    : ` in ${durationText(Date.parse(end) - Date.parse(start))}`;
  const lines = [`${titleOf(notice)}${took}`, ...(reason === undefined ? [] : [reason])];
  if (kind !== null && event !== "late") lines.push(`Kind: ${kind}${amountOf(notice)}`);
  if (error !== undefined) lines.push(`Error: ${detail ? `${error.message} (${error.code})` : error.code}`);
  if (error !== undefined && detail && error.hint !== "") lines.push(error.hint);
  if (problemCount > 0) lines.push(pluralText(problemCount, "problem") + (detail ? ":" : codesOf(problems)));
  if (detail) lines.push(...problems.slice(0, MOST_PROBLEMS).map(({ message }) => `- ${message}`));
  if (snapshot !== undefined) lines.push(`Snapshot: ${snapshot.slice(0, 12)}`);
  return lines.map(plain).join("\n");
}

function codesOf(problems: readonly FaultData[]): string {
  const codes = [...new Set(problems.map(({ code }) => code))];
  return codes.length === 0 ? "" : ` (${codes.join(", ")})`;
}

function amountOf({ counts }: Notice): string {
  const { readFiles = 0, unchangedFiles = 0, restoredFiles = 0, readBytes = 0 } = counts;
  const files = readFiles + unchangedFiles + restoredFiles;
  if (files === 0) return "";
  return `, ${pluralText(files, "file")}${changesText(counts)}${readBytes > 0 ? `, ${sizeText(readBytes)} read` : ""}`;
}

/** Formats a notice for programs. @param detail includes messages, which contain names of files */
export function jsonOfNotice(notice: Notice, detail: boolean): Record<string, unknown> {
  const told = ({ code, message, hint }: FaultData) => detail ? { code, message, hint } : { code };
  const { problems, error, ...facts } = notice;
  return {
    ...facts,
    problems: problems.map(told),
    ...(error !== undefined && { error: told(error) }),
    title: titleOf(notice),
    text: textOfNotice(notice, detail),
  };
}

/** What becomes a header or a subject must not begin another line. */
function plain(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f\u0085\u2028\u2029]+/g, " ");
}
