/** Converts the history of jobs for monitoring. */
import type { RunFact } from "../../operations/metrics/metrics.ts";
import { nameText } from "./job_name.ts";
import { rawOf } from "../../core/raw.ts";
import type { HistoryEntry } from "./stored_state.ts";

/** What the recurring jobs' runs end in; see queue/recurring.ts. */
const STAMP = /\.\d{8}T\d{6}Z\.json$/;

export function runFactsOf(entries: Iterable<HistoryEntry>): RunFact[] {
  return Array.from(entries, ({ name, kind, outcome, start, end }) => ({
    job: nameText(rawOf(name.replace(STAMP, ""))),
    kind,
    outcome,
    startMs: Date.parse(start),
    endMs: Date.parse(end),
  }));
}
