/** Recurring jobs that rest for a while: files in `.backup-tool/paused/`, each named as the job, with the time of its end. */
import { rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { openOwnDirectory, openUnlessMissing, readTextIn, replaceTextIn } from "./text_file.ts";

const PRIVATE = 0o700, MOST_BYTES = 100;
/** Below the job directory's `.backup-tool/`. */
export const PAUSED = rawOf("paused");

/**
 * Until when a recurring job isn't started by itself, in ms since 1970; undefined if it is. What can't be read is none: a
 * backup that nobody wanted does less harm than one that never comes.
 * @param control the directory .backup-tool @param name of its file
 */
export function pausedUntilMs(control: Dir, name: string, nowMs: number): number | undefined {
  using directory = openUnlessMissing(() => control.openDir(PAUSED));
  const untilMs = Date.parse((directory && readTextIn(directory, rawOf(name), MOST_BYTES)) ?? "");
  return untilMs > nowMs ? untilMs : undefined;
}

/** Durable when it returns. @throws DiskFault */
export function pause(control: Dir, name: string, untilMs: number): void {
  using directory = openOwnDirectory(control, PAUSED, PRIVATE);
  replaceTextIn(control, directory, rawOf(name), new Date(untilMs).toISOString());
}

/** @throws DiskFault */
export function resume(control: Dir, name: string): void {
  using directory = openUnlessMissing(() => control.openDir(PAUSED));
  directory?.unlink(rawOf(name));
}

/** Has the directory be there, for those who listen to it. @throws DiskFault */
export function makePauseDirectory(control: Dir): void {
  using _ = openOwnDirectory(control, PAUSED, PRIVATE);
}
