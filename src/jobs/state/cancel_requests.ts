/** Requests to cancel a run that has begun: files in `.backup-tool/cancel/`, each named after the run. */
import { rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { openOwnDirectory, openUnlessMissing } from "./text_file.ts";
import type { JobRecord } from "./job_state.ts";

const PRIVATE = 0o700, PRIVATE_FILE = 0o600;
/** Name of the directory below the job directory's `.backup-tool/`. */
export const CANCEL = rawOf("cancel");
const RUN = /^[0-9a-f]{32}$/;

/** True if cancelling a run was requested. @param control the directory .backup-tool */
export function isCancelled(control: Dir, run: string): boolean {
  if (!RUN.test(run)) return false;
  using directory = openUnlessMissing(() => control.openDir(CANCEL));
  return directory?.stat(rawOf(run)) !== undefined;
}

/** Requests to cancel a run; durable on return. @throws DiskFault */
export function requestCancel(control: Dir, run: string): void {
  using directory = openOwnDirectory(control, CANCEL, PRIVATE);
  using _ = directory.openOrCreate(rawOf(run), PRIVATE_FILE);
  directory.sync();
}

/** Creates the directory, so that it can be watched. @throws DiskFault */
export function makeCancelDirectory(control: Dir): void {
  using _ = openOwnDirectory(control, CANCEL, PRIVATE);
}

export function forgetCancel(control: Dir, run: string): void {
  using directory = openUnlessMissing(() => control.openDir(CANCEL));
  if (RUN.test(run)) directory?.unlink(rawOf(run));
}

/**
 * False for an import whose copy is complete: it is not stopped between publishing and removing its source, because
 * only its end is left to do.
 */
export function mayBeCancelled({ phase, copy }: Pick<JobRecord, "phase" | "copy">): boolean {
  return phase === "begun" && copy === undefined;
}
