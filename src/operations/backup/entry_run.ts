/** The unit that is passed from station to station: a part of one directory, in the order of the walk. */
import type { Apath } from "../../core/apath.ts";
import type { WorkBatch } from "../../snapshot/work_batch.ts";
import type { BackupEntry } from "../comparison/backup_entry.ts";

export interface EntryRun {
  readonly directory: Apath;
  readonly entries: BackupEntry[];
  /** The last batch that contains one of its files; undefined if the run waits for none. */
  batch: WorkBatch<BackupEntry> | undefined;
}

export function newRun(directory: Apath): EntryRun {
  return { directory, entries: [], batch: undefined };
}
