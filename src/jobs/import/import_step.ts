/** Decides the next step of an import from what is on disk alone, so that a kill at any moment makes no difference. */
import type { JobRecord } from "../state/job_state.ts";

export interface ImportFacts {
  /** The complete snapshot that this run made, and the number of its items with problems. */
  readonly snapshot: { readonly problems: number } | undefined;
  /** Inode of the finished copy in the temporary directory. */
  readonly copy: string | undefined;
  /** Inode of the object at the destination. */
  readonly destination: string | undefined;
}

export type ImportStep =
  /** Back up the source. */
  | "snapshot"
  /** Fail, because something could not be read. */
  | "refuse"
  /** Make the copy to be published from the snapshot. */
  | "copy"
  /** Move the copy to its destination. */
  | "publish"
  /** Record that the copy is published. */
  | "record"
  | "remove-source"
  | "end";

/** Where the platform has no inodes: equal for all, so it proves nothing. */
const NO_INODE = "0";

/** @param removes whether the source is to be removed */
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
