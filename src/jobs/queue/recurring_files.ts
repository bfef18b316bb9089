/** The files in recurring/: each is read only when it is new or has changed. */
import { complaintText } from "../../core/jsonc.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { lookInto, readJobFile } from "./job_directory.ts";
import { type Origin, refuseUntrusted, whyUntrusted } from "../schema/commands.ts";
import { parseRecurringJob } from "../schema/job_file.ts";
import { nameText } from "../state/job_name.ts";
import type { Log } from "../log/log.ts";
import type { RecurringJob } from "../schema/schema.ts";
import { ToldOnce } from "../log/told_once.ts";
import { UntrustedCommands } from "../../operations/hooks/faults.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";

const RECURRING = rawOf("recurring");

export interface RecurringFile {
  /** File name as text: the key in the state. */
  readonly name: string;
  readonly job: RecurringJob;
  readonly mode: number;
}

interface Known {
  /** State of the file when it was read, to recognise changes. */
  readonly look: string;
  /** Undefined if the file is no valid job or can't be read, which was logged. */
  readonly file: RecurringFile | undefined;
}

export class RecurringFiles {
  readonly #jobs: Dir;
  readonly #known = new Map<Raw, Known>();
  readonly #told: ToldOnce;
  #names: ReadonlySet<string> = new Set();

  /** @param jobs the job directory; not closed here */
  constructor(jobs: Dir, log: Log) {
    this.#jobs = jobs;
    this.#told = new ToldOnce(log);
  }

  /**
   * Reads all recurring jobs; invalid files are reported. Undefined if the directory can't be read at the moment, which
   * is reported too.
   * @param seenMs when a job of that name was last seen: a schedule without any time after that never runs
   */
  read(seenMs: (name: string) => number): RecurringFile[] | undefined {
    try {
      using directory = openIfThere(this.#jobs, RECURRING);
      this.#names = new Set();
      const files = directory === undefined ? [] : this.#readIn(directory, seenMs);
      this.#told.forget("");
      return files;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#told.tell("", { level: "error", event: "recurring-broken", message: error.message });
      return undefined;
    }
  }

  /** Names of all files found by the last scan, including invalid ones. */
  names(): ReadonlySet<string> {
    return this.#names;
  }

  #readIn(directory: Dir, seenMs: (name: string) => number): RecurringFile[] {
    const { jobs, others } = lookInto(directory);
    for (const { name, kind } of others) this.#tell(name, `it is no file, but a ${kind}`);
    const there = new Set(jobs);
    this.#names = new Set(jobs.map(textOf));
    for (const name of this.#known.keys()) if (!there.has(name)) this.#known.delete(name);
    this.#told.retain(new Set([...jobs, ...others.map(({ name }) => name)]));
    return jobs.flatMap((name) => this.#readOne(directory, name, seenMs) ?? []);
  }

  #readOne(directory: Dir, name: Raw, seenMs: (name: string) => number): RecurringFile | undefined {
    try {
      const stat = directory.stat(name);
      if (stat === undefined) return undefined;
      const places = [this.#jobs.statSelf(), directory.statSelf()];
      const look = [lookOf(stat), ...places.map(({ mode, uid }) => `${mode} ${uid}`)].join(),
        known = this.#known.get(name);
      if (known?.look === look) return known.file;
      // What changes while it is read has another look afterwards, and is read again.
      const read = this.#parse(directory, name, stat, seenMs);
      const file = read && this.#trusted(name, read, { file: stat, directories: places });
      this.#known.set(name, { look, file });
      return file;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#tell(name, error.message);
      return undefined;
    }
  }

  #parse(
    directory: Dir,
    raw: Raw,
    { mode }: Stat,
    seenMs: (name: string) => number,
  ): RecurringFile | undefined {
    const read = readJobFile(directory, raw), name = textOf(raw);
    if (read === undefined) return undefined;
    const { job, problems } = parseRecurringJob(read.text, seenMs(name), read.stat.size);
    if (job === undefined) this.#tell(raw, problems.map(complaintText).join("; "));
    else this.#told.forget(raw);
    return job && { name, job, mode };
  }

  /** What is dropped for it would be this user's own: whoever wrote it must be that user. */
  #trusted(name: Raw, file: RecurringFile, origin: Origin): RecurringFile | undefined {
    try {
      refuseUntrusted(`recurring/${file.name}`, file.job, whyUntrusted(origin));
      return file;
    } catch (error) {
      if (!(error instanceof UntrustedCommands)) throw error;
      this.#tell(name, error.message, "waits");
      return undefined;
    }
  }

  #tell(name: Raw, why: string, what = "can't be read"): void {
    this.#told.tell(name, {
      level: "error",
      event: "recurring-broken",
      message: `recurring/${nameText(name)} ${what}: ${why}`,
      fields: { file: textOf(name) },
    });
  }
}

/** Changes whenever the file does, or what may be done with it. */
function lookOf({ inode, size, mtime, ctime, mode, uid, gid }: Stat): string {
  return [inode, size, mtime, ctime, mode, uid, gid].join();
}

function openIfThere(parent: Dir, name: Raw): Dir | undefined {
  return parent.stat(name)?.kind === "dir" ? parent.openDir(name) : undefined;
}
