/** The job directory: finds and reads job files. */
import type { Kind } from "../../core/entry.ts";
import { baseName, type Raw, raw, rawOf, sliceRaw } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { msOfNs } from "../../core/time_text.ts";
import { parseJob } from "../schema/job_file.ts";
import { isJobName } from "../state/job_name.ts";
import type { FileMark } from "../state/job_state.ts";
import { openOwnDirectory, readTextIn } from "../state/text_file.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";

/** A file modified more recently than this may still be being written. */
export const SETTLED_MS = 2000;
/** An invalid job that is longer than this is moved away as a file instead of into the history. */
const MOST_TEXT_BYTES = 4 * 1024 * 1024;
/** Subdirectory of the job directory that holds records and locks. */
export const CONTROL = rawOf(".backup-tool");
/** Below that: what was in the job directory, but is too long for the history. */
const REJECTED = rawOf("rejected");
const PRIVATE = 0o700;
/** A name can have 255 bytes; this leaves room for what is added. */
const LONGEST_STEM = 200;

/** A job file in its current state. */
export interface JobFile {
  readonly name: Raw;
  /** "" if it is too long to be kept in the history. */
  readonly text: string;
  readonly stat: Stat;
}

export interface Names {
  /** Names of job files, in byte order. */
  readonly jobs: readonly Raw[];
  /** Objects that have the name of a job file but are not files. */
  readonly others: readonly { readonly name: Raw; readonly kind: Kind }[];
}

/** Lists the job directory; hidden files, temporary files and other extensions are ignored. */
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

/** Reads a job file; undefined if it no longer exists. */
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

/** True if a file is too long for the history. */
export function isTooLong({ size }: Pick<Stat, "size">): boolean {
  return size > MOST_TEXT_BYTES;
}

/** True for a recent file that is not (yet) valid JSON: it is read again at the next scan. */
export function isBeingWritten({ text, stat }: JobFile, nowMs: number): boolean {
  const { job, ...parsed } = parseJob(text, stat.size);
  if (job !== undefined || ("isJson" in parsed && parsed.isJson)) return false;
  // The time of change is this machine's; the time of modification may be anybody's.
  return Math.abs(nowMs - msOfNs(stat.ctime ?? stat.mtime)) < SETTLED_MS;
}

/** Makes a mark that distinguishes this file from another of the same name. */
export function markOf({ stat: { inode, mtime, size } }: JobFile): FileMark {
  return { inode, mtime, size };
}

/** Removes the job file unless another has replaced it. @returns whether it was removed */
export function removeJobFile(directory: Dir, name: Raw, mark: FileMark, text: string): boolean {
  const there = readJobFile(directory, name);
  if (there === undefined || there.text !== text || !isMarked(there, mark)) return false;
  directory.unlink(name);
  directory.sync();
  return true;
}

/** Path below the job directory to which {@link keepJobFile} moves a file. @param run id of the job's run */
export function keptPath(name: Raw, run: string): Raw {
  const { stem, ending } = splitName(name);
  return raw`${CONTROL}/${REJECTED}/${sliceRaw(stem, 0, LONGEST_STEM)}.${rawOf(run.slice(0, 8))}${ending}`;
}

/** Moves an invalid job file to where it is kept unchanged, unless another has replaced it. */
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
