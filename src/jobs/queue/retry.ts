/** Submits failed jobs again, with the text from the history. */
import { BadUsage, Fault } from "../../core/fault.ts";
import { bytesOf, type Raw, raw, rawOf, sliceRaw } from "../../core/raw.ts";
import type { Random } from "../../core/clock.ts";
import type { UntrustedCommands } from "../../operations/hooks/faults.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import { parseJob } from "../schema/job_file.ts";
import { isJobName, nameText } from "../state/job_name.ts";
import type { HistoryEntry } from "../state/stored_state.ts";
import { lookInto, readJobFile } from "./job_directory.ts";

/** Shorter beginnings of ids would too often fit by accident. */
const SHORTEST_PREFIX = 4;
/** Code of {@link UntrustedCommands}: a file that is put in again would be trusted. */
const UNTRUSTED: UntrustedCommands["code"] = "untrusted-commands";
/** Only for the user that the service runs as. */
const PRIVATE = 0o600;

export class NoRun extends Fault {
  readonly code = "no-run";
  readonly hint = "List the runs with `backup-tool job history --json`";
  constructor(name: string) {
    super(`Cannot find a run ${JSON.stringify(name)} in the history of jobs`);
  }
}

/**
 * Finds a run by its id, a prefix of the id, or the name of its job, which means the last run.
 * @throws NoRun, BadUsage if the prefix is ambiguous
 */
export function runNamed(name: string, history: readonly HistoryEntry[]): HistoryEntry {
  const isPrefix = name.length >= SHORTEST_PREFIX;
  const byId = history.filter(({ run }) => run === name || isPrefix && run.startsWith(name));
  const [only, ...others] = byId;
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined) throw new BadUsage(`Several runs begin with ${JSON.stringify(name)}`, "Give more of the id");
  const last = history.findLast((entry) => entry.name === name || entry.name.replace(/\.jsonc?$/i, "") === name);
  if (last === undefined) throw new NoRun(name);
  return last;
}

/** The text with which a job is submitted again. @param force true: also one that succeeded @throws BadUsage */
export function retriedText({ name, outcome, text, kept, error }: HistoryEntry, force: boolean): string {
  const job = nameText(rawOf(name));
  if (outcome === "done" && !force) {
    throw new BadUsage(`The job ${job} was done without problems`, "Use `--force` to run it again all the same");
  }
  if (text === null) {
    const where = kept === undefined ? "" : `; it is in ${kept} of the job directory`;
    throw new BadUsage(`The text of the job ${job} is not in the history${where}`, "Put its file in again yourself");
  }
  if (error?.code === UNTRUSTED) {
    throw new BadUsage(
      `The job ${job} runs commands that somebody else may have written`,
      "Look at them in `job history`, and put its file in again yourself",
    );
  }
  if (parseJob(text).job === undefined) {
    throw new BadUsage(`The job ${job} is not valid`, "Put it in again when you have corrected it");
  }
  return text;
}

export interface PutRequest {
  readonly disk: Disk;
  readonly random: Random;
  /** Name of the job. */
  readonly name: Raw;
  readonly text: string;
}

/**
 * Durably puts a job file into the job directory in one step; under another name if its own is taken by a different
 * job.
 * @returns its name
 * @throws BadUsage if the same job is there already, DiskFault
 */
export function putAgain(directory: Dir, { disk, random, name, text }: PutRequest): Raw {
  const free = freeName(directory, name, text), temporary = rawOf(`.retry-${random(8).toHex()}.tmp`);
  {
    using file = directory.create(temporary, PRIVATE);
    if (file === undefined) throw new Error("A random name is taken");
    file.write(bytesOf(rawOf(text)), 0);
    // Who runs the service owns the directory; root may put something in for it.
    const { uid, gid } = directory.statSelf();
    if (disk.uid === 0 && disk.abilities.owners) file.setAttributes({ uid, gid });
    file.sync();
  }
  directory.rename(temporary, directory, free);
  directory.sync();
  return free;
}

/** @throws BadUsage */
function freeName(directory: Dir, name: Raw, text: string): Raw {
  if (!isJobName(name)) {
    throw new BadUsage(`${nameText(name)} is no name of a job file`, "Put its file in again yourself");
  }
  const taken = new Set<string>(lookInto(directory).jobs), dot = name.lastIndexOf(".");
  for (let n = 1;; n++) {
    const next = n === 1 ? name : raw`${sliceRaw(name, 0, dot)}-${rawOf(String(n))}${sliceRaw(name, dot)}`;
    if (!taken.has(next)) return next;
    if (readJobFile(directory, next)?.text === text) {
      throw new BadUsage(`The job ${nameText(next)} is in the job directory already`, "Its turn will come");
    }
  }
}
