/** A summary of the last week, for whoever wants to hear that all is well. */
import type { Notice, Outcome } from "./notice.ts";
import { hashBytes } from "../core/digest.ts";
import { bytesOf, rawOf } from "../core/raw.ts";
import { pluralText } from "../core/size_text.ts";

export const WEEK_MS = 7 * 86_400_000;

interface Ended {
  readonly outcome: Outcome;
  /** ISO 8601, UTC. */
  readonly end: string;
}

interface Made {
  readonly time: string;
  readonly complete: boolean;
}

/** @param overdue names of jobs and series that are late now */
export function weeklyNotice(
  { runs, snapshots, overdue }: {
    readonly runs: Iterable<Ended>;
    readonly snapshots: readonly Made[];
    readonly overdue: readonly string[];
  },
  host: string,
  nowMs: number,
): Notice {
  const sinceMs = nowMs - WEEK_MS, at = new Date(nowMs).toISOString(), counts = { runs: 0, problems: 0, failed: 0 };
  for (const { outcome, end } of runs) {
    if (Date.parse(end) < sinceMs) continue;
    counts.runs++;
    if (outcome === "problems") counts.problems++;
    if (outcome === "failed" || outcome === "rejected") counts.failed++;
  }
  const made = snapshots.filter(({ complete, time }) => complete && Date.parse(time) >= sinceMs).length;
  const isGood = counts.problems + counts.failed + overdue.length === 0 && made > 0;
  const facts = [
    pluralText(made, "new snapshot"),
    pluralText(counts.runs, "run"),
    `${counts.problems} with problems`,
    `${counts.failed} failed`,
  ].join(", ");
  const late = overdue.length === 0 ? "" : `. Late: ${overdue.join(", ")}`;
  return {
    id: hashBytes("sha256", bytesOf(rawOf(`weekly\0${host}\0${at}`))).slice(0, 32),
    event: "weekly",
    at,
    host,
    subject: "the last week",
    kind: null,
    counts,
    problemCount: 0,
    problems: [],
    reason: `${isGood ? "All is well" : "Not all is well"}: ${facts}${late}`,
  };
}
