/**
 * Checks whether a directory is used for jobs, before invalid jobs are removed from it: files of others must not be.
 */
import { fieldsOf } from "../../core/json.ts";
import { parseJsonc } from "../../core/jsonc.ts";
import { baseName, parentPath, type Raw, rawOf } from "../../core/raw.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { BadJobDirectory } from "../faults.ts";
import { CONTROL, lookInto, readJobFile } from "./job_directory.ts";
import { nameText } from "../state/job_name.ts";
import { JOB_KINDS } from "../schema/schema.ts";

const PUBLIC = 0o755;
const RECURRING = rawOf("recurring");
/** How many files are looked at to find a job among them, and how many are named if there is none. */
const MOST_LOOKED_AT = 1000, MOST_NAMED = 3;
const OTHER_FILES = "Name the directory that jobs are put into; if it is this one, move these files away first";

/** Opens the job directory, creating it and its missing parents. @throws BadJobDirectory, DiskFault */
export function openJobDirectory(disk: Disk, path: Raw): Dir {
  using held = new DisposableStack();
  const jobs = held.use(openOrMake(disk, path));
  if (jobs.stat(CONTROL) === undefined) assertForJobs(jobs, path);
  held.move();
  return jobs;
}

function openOrMake(disk: Disk, path: Raw): Dir {
  try {
    makePath(disk, path);
    return disk.openDir(path);
  } catch (error) {
    if (!(error instanceof DiskFault) || error.errno !== "ENOTDIR") throw error;
    throw new BadJobDirectory(path, "it is no directory");
  }
}

/** One that nobody has served before: either it has no JSON files, or one of them speaks of a job. */
function assertForJobs(jobs: Dir, path: Raw): void {
  const { jobs: names } = lookInto(jobs);
  if (names.length === 0 || jobs.stat(RECURRING)?.kind === "dir") return;
  if (names.slice(0, MOST_LOOKED_AT).some((name) => speaksOfJob(jobs, name))) return;
  const named = names.slice(0, MOST_NAMED).map(nameText).join(", ");
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  throw new BadJobDirectory(path, `none of its JSON files is a job (${named}${more})`, OTHER_FILES);
}

/** True for a job, also for one with mistakes. */
function speaksOfJob(jobs: Dir, name: Raw): boolean {
  try {
    const { kind } = fieldsOf(parseJsonc(readJobFile(jobs, name)?.text ?? ""));
    return JOB_KINDS.some((known) => known === kind);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    return false;
  }
}

/** Makes a directory and its missing parents. */
function makePath(disk: Disk, path: Raw): void {
  const parent = parentPath(path);
  try {
    disk.openDir(path)[Symbol.dispose]();
  } catch (error) {
    if (parent === path || !(error instanceof DiskFault) || error.errno !== "ENOENT") throw error;
    makePath(disk, parent);
    using above = disk.openDir(parent);
    above.mkdir(baseName(path), PUBLIC);
  }
}
