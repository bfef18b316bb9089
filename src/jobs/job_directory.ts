/** The job directory: which job is next, and what its file says. */
import { type Raw, rawOf } from "../core/raw.ts";
import { type Dir, DiskFault, type Stat } from "../platform/disk.ts";
import { msOfNs } from "../core/time_text.ts";
import { parseJob } from "./job_file.ts";
import type { FileMark } from "./record.ts";
import { readTextIn } from "./text_file.ts";

/** A file that changed a moment ago may still be being written. */
export const SETTLED_MS = 2000;
/** No job is longer; what is, is cut off, and so no job. */
const MOST_BYTES = 1024 * 1024;
const JOB_FILE = /^[^.~#].*\.jsonc?$/i;

/** A job file as it is now. */
export interface JobFile {
  readonly name: Raw;
  readonly text: string;
  readonly stat: Stat;
}

/** Names of job files, in order of their bytes; links, directories, hidden and temporary names are none. */
export function jobNames(directory: Dir): Raw[] {
  const { names, kinds } = directory.list();
  return names.filter((name, i) => {
    if (!JOB_FILE.test(name)) return false;
    return (kinds[i] ?? directory.stat(name)?.kind) === "file";
  }).sort();
}

/** Undefined if it is no longer there. */
export function readJobFile(directory: Dir, name: Raw): JobFile | undefined {
  try {
    const stat = directory.stat(name);
    if (stat?.kind !== "file") return undefined;
    const text = readTextIn(directory, name, MOST_BYTES);
    return text === undefined ? undefined : { name, text, stat };
  } catch (error) {
    // It became something else in between.
    if (error instanceof DiskFault && ["ELOOP", "ENXIO", "EISDIR"].includes(error.errno)) return undefined;
    throw error;
  }
}

/** True for what is no JSON (yet) and changed a moment ago: its turn comes at the next look. */
export function isBeingWritten({ text, stat }: JobFile, nowMs: number): boolean {
  const { job, ...parsed } = parseJob(text);
  if (job !== undefined || ("isJson" in parsed && parsed.isJson)) return false;
  // The time of change is this machine's; the time of modification may be anybody's.
  return Math.abs(nowMs - msOfNs(stat.ctime ?? stat.mtime)) < SETTLED_MS;
}

/** What tells this file from another of the same name. */
export function markOf({ stat: { inode, mtime, size } }: JobFile): FileMark {
  return { inode, mtime, size };
}

/** Removes the job file unless it is another one by now. @returns whether it did */
export function removeJobFile(directory: Dir, name: Raw, mark: FileMark, text: string): boolean {
  const there = readJobFile(directory, name);
  if (there === undefined || there.text !== text) return false;
  const { inode, mtime, size } = markOf(there);
  if (inode !== mark.inode || mtime !== mark.mtime || size !== mark.size) return false;
  directory.unlink(name);
  directory.sync();
  return true;
}

/** Where records and locks are kept, in the job directory. */
export const CONTROL = rawOf(".backup-tool");
