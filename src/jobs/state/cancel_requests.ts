/** Wishes to end a run that has begun: files in `.backup-tool/cancel/`, each named as the run. */
import { rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { openOwnDirectory, openUnlessMissing } from "./text_file.ts";
import type { JobRecord } from "./job_state.ts";

const PRIVATE = 0o700, PRIVATE_FILE = 0o600;
/** Below the job directory's `.backup-tool/`. */
export const CANCEL = rawOf("cancel");
const RUN = /^[0-9a-f]{32}$/;

/** @param control the directory .backup-tool */
export function isCancelled(control: Dir, run: string): boolean {
  if (!RUN.test(run)) return false;
  using directory = openUnlessMissing(() => control.openDir(CANCEL));
  return directory?.stat(rawOf(run)) !== undefined;
}

/** Durable when it returns. @throws DiskFault */
export function requestCancel(control: Dir, run: string): void {
  using directory = openOwnDirectory(control, CANCEL, PRIVATE);
  using _ = directory.openOrCreate(rawOf(run), PRIVATE_FILE);
  directory.sync();
}

/** Has the directory be there, for those who listen to it. @throws DiskFault */
export function makeCancelDirectory(control: Dir): void {
  using _ = openOwnDirectory(control, CANCEL, PRIVATE);
}

export function forgetCancel(control: Dir, run: string): void {
  using directory = openUnlessMissing(() => control.openDir(CANCEL));
  if (RUN.test(run)) directory?.unlink(rawOf(run));
}

/** An import whose copy is complete is not stopped between its archive and its source: only its end is left to do. */
export function mayBeCancelled({ phase, copy }: Pick<JobRecord, "phase" | "copy">): boolean {
  return phase === "begun" && copy === undefined;
}
