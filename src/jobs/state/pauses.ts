/**
 * Paused recurring jobs: files in `.backup-tool/paused/`, each named after the job, with the time at which the pause
 * ends.
 */
import { rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { openOwnDirectory, openUnlessMissing, readTextIn, replaceTextIn } from "./text_file.ts";

const PRIVATE = 0o700, MOST_BYTES = 100;
/** Name of the directory below the job directory's `.backup-tool/`. */
export const PAUSED = rawOf("paused");

/**
 * When the pause of a recurring job ends, in ms since 1970; undefined if it isn't paused. An unreadable file means no
 * pause: an unwanted backup does less harm than one that never runs.
 * @param control the directory .backup-tool
 * @param name of the job's file
 */
export function pausedUntilMs(control: Dir, name: string, nowMs: number): number | undefined {
  using directory = openUnlessMissing(() => control.openDir(PAUSED));
  const untilMs = Date.parse((directory && readTextIn(directory, rawOf(name), MOST_BYTES)) ?? "");
  return untilMs > nowMs ? untilMs : undefined;
}

/** Pauses a job; durable on return. @throws DiskFault */
export function pause(control: Dir, name: string, untilMs: number): void {
  using directory = openOwnDirectory(control, PAUSED, PRIVATE);
  replaceTextIn(control, directory, rawOf(name), new Date(untilMs).toISOString());
}

/** Ends the pause of a job. @throws DiskFault */
export function resume(control: Dir, name: string): void {
  using directory = openUnlessMissing(() => control.openDir(PAUSED));
  directory?.unlink(rawOf(name));
}

/** Creates the directory, so that it can be watched. @throws DiskFault */
export function makePauseDirectory(control: Dir): void {
  using _ = openOwnDirectory(control, PAUSED, PRIVATE);
}
