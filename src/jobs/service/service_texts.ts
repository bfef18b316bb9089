/** Log messages of a service about its jobs. */
import type { FaultData } from "../../core/fault_data.ts";
import { changesText } from "../../core/monitor.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { pluralText, sizeText } from "../../core/size_text.ts";
import { durationText } from "../../core/time_text.ts";
import type { LogEvent } from "../log/log.ts";
import { nameText } from "../state/job_name.ts";
import type { HistoryEntry } from "../state/stored_state.ts";

/** @param name of the job file */
export function startedEvent(name: Raw): LogEvent {
  return { level: "info", event: "job-started", message: `${nameText(name)}: started`, fields: { job: textOf(name) } };
}

export function endedEvent(entry: HistoryEntry, elapsedMs: number): LogEvent {
  const { name: job, kind, outcome, error, problemCount, snapshot, counts } = entry;
  const level = outcome === "done" ? "info" : outcome === "problems" || outcome === "cancelled" ? "warning" : "error";
  const fields = { job, kind, outcome, problems: problemCount, snapshot, counts, ...(error && { code: error.code }) };
  return { level, event: "job-ended", message: `${nameText(rawOf(job))}: ${endText(entry, elapsedMs)}`, fields };
}

/** @param name of the job file @param why the job was postponed */
export function postponedEvent(name: Raw, { code, message }: FaultData): LogEvent {
  // Of a bug, the rest is where it happened.
  const [why = ""] = message.split("\n");
  return {
    level: code === "bug" ? "error" : "warning",
    event: "job-postponed",
    message: `${nameText(name)}: ${why}`,
    fields: { job: textOf(name), code },
  };
}

function endText({ outcome, kind, error, problemCount, counts }: HistoryEntry, elapsedMs: number): string {
  if (outcome === "rejected") return `rejected and removed: ${error?.message}`;
  if (outcome === "cancelled") return `${kind} cancelled in ${durationText(elapsedMs)}`;
  if (outcome === "failed") return `${kind} failed: ${error?.message}`;
  const { readFiles = 0, unchangedFiles = 0, restoredFiles = 0, readBytes = 0 } = counts;
  const files = kind === "restore" ? restoredFiles : readFiles + unchangedFiles;
  const amount = files > 0
    ? `, ${pluralText(files, "file")}${changesText(counts)}${readBytes > 0 ? `, ${sizeText(readBytes)} read` : ""}`
    : "";
  const problems = problemCount > 0 ? ` with ${pluralText(problemCount, "problem")}` : "";
  return `${kind} done${problems} in ${durationText(elapsedMs)}${amount}`;
}
