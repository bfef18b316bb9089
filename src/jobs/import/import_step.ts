/** What an import does next: decided from what is on disk alone, so that a kill at any moment changes nothing. */
import type { JobRecord } from "../state/job_state.ts";

export interface ImportFacts {
  /** The complete snapshot that this run made, and how many of its items have problems. */
  readonly snapshot: { readonly problems: number } | undefined;
  /** Inode of what is ready in the temporary directory. */
  readonly copy: string | undefined;
  /** Inode of what is at the destination. */
  readonly destination: string | undefined;
}

export type ImportStep =
  /** Back up the source. */
  | "snapshot"
  /** End as failed: something could not be read. */
  | "refuse"
  /** Make what is to be published, from the snapshot. */
  | "copy"
  /** Put it in its place. */
  | "publish"
  /** Write down that it is there. */
  | "record"
  | "remove-source"
  | "end";

/** Where the platform has no inodes: equal for all, so it proves nothing. */
const NO_INODE = "0";

/** @param removes whether the source is to go */
export function nextImportStep(
  record: Pick<JobRecord, "phase" | "copy">,
  facts: ImportFacts,
  removes: boolean,
): ImportStep {
  if (record.phase === "published") return removes ? "remove-source" : "end";
  if (facts.snapshot === undefined) return "snapshot";
  if (facts.snapshot.problems > 0) return "refuse";
  if (record.copy === undefined) return "copy";
  if (record.copy !== NO_INODE && facts.destination === record.copy) return "record";
  return facts.copy === record.copy ? "publish" : "copy";
}
