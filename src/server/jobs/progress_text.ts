/** Describes the progress of a job. */
import { pluralText, sizeText } from "../../core/size_text.ts";
import type { JobProgress } from "../../jobs/run/job_monitor.ts";

export interface ProgressText {
  readonly text: string;
  /** Undefined if the total is unknown. */
  readonly percent?: number;
}

/** Counters of work that is done item by item; a kind of job never has two of them. */
const ITEMS = ["walkedEntries", "restoredFiles", "checkedItems", "linkedFiles", "removedItems"] as const;

export function progressText({ phase, place, counts, total }: JobProgress): ProgressText {
  const of = (name: string) => counts[name] ?? 0;
  const bytes = of("readBytes") + of("unchangedBytes") + of("restoredBytes") + of("checkedBytes");
  const items = ITEMS.map(of).find((count) => count > 0) ?? 0;
  const share = total.bytes !== undefined && total.bytes > 0 && bytes > 0
    ? bytes / total.bytes
    : total.items !== undefined && total.items > 0
    ? items / total.items
    : undefined;
  const facts = [
    phase ?? "beginning",
    ...(items > 0 ? [pluralText(items, "item")] : []),
    ...(bytes > 0 ? [sizeText(bytes)] : []),
    ...(place === "" ? [] : [place]),
  ];
  return { text: facts.join(", "), ...(share !== undefined && { percent: Math.min(99, Math.floor(100 * share)) }) };
}
