/**
 * How an operation reports its progress: counters, and problems with single items. The last word of a counter is its
 * unit.
 */
import { countText } from "./size_text.ts";

export const COUNTERS = [
  "walkedEntries", // entries of the source that were looked at
  "unchangedFiles", // regular files taken over from the previous snapshot without opening them
  "unchangedBytes",
  "readFiles", // regular files that were opened and read
  "readBytes",
  "newFiles", // files read whose path the previous snapshot doesn't have, and streams
  "changedFiles", // regular files read that differ from the previous snapshot, in content or metadata
  "storedItems", // contents that were new
  "storedBytes",
  "reusedItems", // contents that were read and found to be already present
  "linkedFiles", // hard links made in a tree
  "copiedFiles", // independent copies in a tree, where no link could be made
  "writtenHunks",
  "reusedHunks",
  "excludedEntries", // entries of the source that were excluded; what is below an excluded directory isn't known
  "restoredFiles",
  "restoredBytes",
  "keptFiles", // files that were in the target of a restore and stayed as they were
  "keptBytes",
  "removedEntries", // what a restore removed because the snapshot doesn't have it
  "checkedItems",
  "checkedBytes",
  "readHunks", // pieces of manifests that a prune has gone through
  "removedItems",
] as const;
export type Counter = typeof COUNTERS[number];

/** " (3 new, 1 changed)" for a backup that has read files; "" otherwise. */
export function changesText({ newFiles = 0, changedFiles = 0 }: Readonly<Record<string, number>>): string {
  return newFiles + changedFiles === 0 ? "" : ` (${countText(newFiles)} new, ${countText(changedFiles)} changed)`;
}

/**
 * Phases of operations, in words for people. They are part of the interface: progress with `--json` and the logs of
 * jobs contain them.
 */
export const PHASES = [
  "reading the source",
  "making it durable", // waiting for the disk to have written what it was given
  "updating the catalog",
  "finishing the tree",
  "building the tree",
  "restoring",
  "setting attributes",
  "verifying",
  "reading manifests",
  "looking for what is not needed",
  "removing",
  "writing the archive",
  "packing",
  "running hooks",
] as const;
export type Phase = typeof PHASES[number];

/**
 * The outcome for one object. Of a backup: compared with the snapshot before, "failed" if it could not be read. Of a
 * restore: "restored", or "kept" as it was.
 */
export type EntryStatus =
  | "new"
  | "changed"
  | "unchanged"
  | "gone"
  | "excluded"
  | "failed"
  | "restored"
  | "kept"
  | "removed";

export interface Monitor {
  count(counter: Counter, by?: number): void;
  /** Shows what is being worked on now: a path or a phase, as text. */
  current(what: string): void;
  /** Reports the start of a phase. */
  phase(phase: Phase): void;
  /**
   * Lets progress include bytes that are processed but not yet counted, because the current file may take hours. Ends
   * when disposed.
   * @param done returns all bytes of the counter so far, including those of finished files
   */
  follow(counter: Counter, done: () => number): Disposable;
  /** Sets the known size of the whole work, from which the share done and the remaining time are computed. */
  setTotal(total: { readonly items?: number; readonly bytes?: number }): void;
  /** Reports that one item failed. The operation continues, and the exit status reflects it. */
  problem(fault: Error): void;
  /** Reports something worth a line that is not a failure. */
  notice(text: string): void;
  /** Called for each object. Absent unless it is needed, because there may be millions. @param path as text */
  readonly status?: ((fate: EntryStatus, path: string) => void) | undefined;
}

/** Wraps a monitor and passes everything on. @param heard called with each problem before it is passed on */
export function countingProblems(monitor: Monitor, heard: (fault: Error) => void): Monitor {
  return {
    count: (counter, by) => monitor.count(counter, by),
    current: (what) => monitor.current(what),
    phase: (phase) => monitor.phase(phase),
    follow: (counter, done) => monitor.follow(counter, done),
    setTotal: (total) => monitor.setTotal(total),
    problem: (fault) => {
      heard(fault);
      monitor.problem(fault);
    },
    notice: (text) => monitor.notice(text),
    ...(monitor.status !== undefined && { status: monitor.status }),
  };
}
