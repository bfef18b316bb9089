/** The job directory: which files are jobs, and what they say. */
import type { Kind } from "../../core/entry.ts";
import { baseName, type Raw, raw, rawOf, sliceRaw } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { msOfNs } from "../../core/time_text.ts";
import { parseJob } from "../schema/job_file.ts";
import { isJobName } from "../state/job_name.ts";
import type { FileMark } from "../state/job_state.ts";
import { openOwnDirectory, readTextIn } from "../state/text_file.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";

/** A file that changed a moment ago may still be being written. */
export const SETTLED_MS = 2000;
/** What is no job, and longer than that, is moved away as a file, and not into the history. */
const MOST_TEXT_BYTES = 4 * 1024 * 1024;
/** Where records and locks are kept, in the job directory. */
export const CONTROL = rawOf(".backup-tool");
/** Below that: what was in the job directory, but is too long for the history. */
const REJECTED = rawOf("rejected");
const PRIVATE = 0o700;
/** A name can have 255 bytes; this leaves room for what is added. */
const LONGEST_STEM = 200;

/** A job file as it is now. */
export interface JobFile {
  readonly name: Raw;
  /** "" if it is too long to be kept in the history. */
  readonly text: string;
  readonly stat: Stat;
}

export interface Names {
  /** Of job files, in order of their bytes. */
  readonly jobs: readonly Raw[];
  /** What is called like a job file, and isn't a file. */
  readonly others: readonly { readonly name: Raw; readonly kind: Kind }[];
}

/** What there is by names; hidden and temporary names, and other endings, are nobody's business. */
export function lookInto(directory: Dir): Names {
  const { names, kinds } = directory.list();
  const jobs: Raw[] = [], others: { name: Raw; kind: Kind }[] = [];
  for (const [i, name] of names.entries()) {
    if (!isJobName(name)) continue;
    const kind = kinds[i] ?? directory.stat(name)?.kind;
    if (kind === "file") jobs.push(name);
    else if (kind !== undefined) others.push({ name, kind });
  }
  return { jobs: jobs.sort(), others };
}

/** Undefined if it is no longer there. */
export function readJobFile(directory: Dir, name: Raw): JobFile | undefined {
  try {
    const stat = directory.stat(name);
    if (stat?.kind !== "file") return undefined;
    if (isTooLong(stat)) return { name, text: "", stat };
    const text = readTextIn(directory, name, MOST_TEXT_BYTES);
    return text === undefined ? undefined : { name, text, stat };
  } catch (error) {
    // It became something else in between.
    if (error instanceof DiskFault && ["ELOOP", "ENXIO", "EISDIR"].includes(error.errno)) return undefined;
    throw error;
  }
}

/** True for what doesn't fit into the history. */
export function isTooLong({ size }: Pick<Stat, "size">): boolean {
  return size > MOST_TEXT_BYTES;
}

/** True for what is no JSON (yet) and changed a moment ago: its turn comes at the next look. */
export function isBeingWritten({ text, stat }: JobFile, nowMs: number): boolean {
  const { job, ...parsed } = parseJob(text, stat.size);
  if (job !== undefined || ("isJson" in parsed && parsed.isJson)) return false;
  // The time of change is this machine's; the time of modification may be anybody's.
  return Math.abs(nowMs - msOfNs(stat.ctime ?? stat.mtime)) < SETTLED_MS;
}

/** Distinguishes this file from another of the same name. */
export function markOf({ stat: { inode, mtime, size } }: JobFile): FileMark {
  return { inode, mtime, size };
}

/** Removes the job file unless it is another one by now. @returns whether it did */
export function removeJobFile(directory: Dir, name: Raw, mark: FileMark, text: string): boolean {
  const there = readJobFile(directory, name);
  if (there === undefined || there.text !== text || !isMarked(there, mark)) return false;
  directory.unlink(name);
  directory.sync();
  return true;
}

/** Where below the job directory {@link keepJobFile} puts a file, as a path. @param run of its job */
export function keptPath(name: Raw, run: string): Raw {
  const { stem, ending } = splitName(name);
  return raw`${CONTROL}/${REJECTED}/${sliceRaw(stem, 0, LONGEST_STEM)}.${rawOf(run.slice(0, 8))}${ending}`;
}

/** Moves a file that is no job to where it stays, as it is, unless it is another one by now. */
export function keepJobFile(directory: Dir, name: Raw, mark: FileMark, run: string): void {
  const there = readJobFile(directory, name);
  if (there === undefined || !isMarked(there, mark)) return;
  using control = directory.openDir(CONTROL);
  using rejected = openOwnDirectory(control, REJECTED, PRIVATE);
  directory.rename(name, rejected, baseName(keptPath(name, run)));
  rejected.sync();
  directory.sync();
}

function splitName(name: Raw): { readonly stem: Raw; readonly ending: Raw } {
  const dot = name.lastIndexOf(".");
  return { stem: sliceRaw(name, 0, dot), ending: sliceRaw(name, dot) };
}

function isMarked(file: JobFile, mark: FileMark): boolean {
  const { inode, mtime, size } = markOf(file);
  return inode === mark.inode && mtime === mark.mtime && size === mark.size;
}
