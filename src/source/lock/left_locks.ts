/** Locks whose holder ended without undoing what it had done to the sources. */
import { DamagedJournal, JournalDirectory, type JournalRecord } from "./journal.ts";
import type { Raw } from "../../core/raw.ts";
import type { Disk } from "../../platform/disk.ts";

export interface LeftLock {
  readonly name: string;
  /** Undefined if its journal can't be read. */
  readonly record: JournalRecord | undefined;
}

/** Lists them; changes nothing. @param state directory of journals @throws DiskFault */
export function leftLocks(disk: Disk, state: Raw): readonly LeftLock[] {
  using journals = JournalDirectory.existing(disk, state);
  if (journals === undefined) return [];
  return journals.names().filter((name) => !journals.isHeld(name)).flatMap((name): LeftLock[] => {
    try {
      const record = journals.read(name);
      return record === undefined ? [] : [{ name, record }]; // undone in this moment
    } catch (error) {
      if (error instanceof DamagedJournal) return [{ name, record: undefined }];
      throw error;
    }
  });
}
