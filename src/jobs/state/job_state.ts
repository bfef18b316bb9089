/** Records of jobs that have begun and not ended. They let a run that was killed end like one that was not. */
import type { NsText } from "../../core/entry.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";
import { isJobName } from "./job_name.ts";
import { type HistoryEntry, readRecord } from "./stored_state.ts";
import { openOwnDirectory, readTextIn, replaceOwnTextIn } from "./text_file.ts";

const FORMAT = "backup-tool job";
const RUNNING = rawOf("running");
const PRIVATE = 0o700;
/** The text of a job, escaped, and what it came to. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Distinguishes files of the same name. */
export interface FileMark {
  readonly inode: string;
  readonly mtime: NsText;
  readonly size: number;
}

export interface JobRecord {
  readonly run: string;
  /** Name of the job file. */
  readonly name: Raw;
  readonly text: string;
  readonly mark: FileMark;
  /** ISO 8601, UTC. */
  readonly start: string;
  readonly phase: "begun" | "published" | "ended";
  /** Why somebody other than the user of the service may have written the job file; its commands are not run then. */
  readonly untrusted?: string;
  /** Imports: inode of the copy to be published. */
  readonly copy?: string;
  /** Restores: id of the snapshot. The target was empty, so what it contains now is this job's own. */
  readonly snapshot?: string;
  /** Jobs that change snapshots: ids of those named. Set once the job has begun; some may have been replaced since. */
  readonly chosen?: readonly string[];
  readonly entry?: HistoryEntry;
}

/** The records of one job directory. */
export class RecordStore implements Disposable {
  readonly #control: Dir;
  readonly #running: Dir;

  /** @param control the directory .backup-tool; closed with the store */
  constructor(control: Dir) {
    this.#control = control;
    this.#running = openOwnDirectory(control, RUNNING, PRIVATE);
  }

  [Symbol.dispose](): void {
    this.#running[Symbol.dispose]();
    this.#control[Symbol.dispose]();
  }

  /** Names of the job files that have begun, sorted. */
  names(): Raw[] {
    const { names, kinds } = this.#running.list();
    return names.filter((name, i) => isJobName(name) && (kinds[i] ?? this.#running.stat(name)?.kind) === "file").sort();
  }

  /**
   * Loads a record; undefined if that job has not begun. An invalid record, such as a crash may leave, is removed.
   * @param damaged called for such a record
   */
  load(name: Raw, damaged: () => void = () => {}): JobRecord | undefined {
    if (this.#running.stat(name)?.kind !== "file") return undefined;
    const text = readTextIn(this.#running, name, MOST_BYTES);
    const record = text === undefined ? undefined : decode(text, name);
    if (text !== undefined && record === undefined) {
      damaged();
      this.remove(name);
    }
    return record;
  }

  /** Saves a record; durable on return. */
  save(record: JobRecord): void {
    replaceOwnTextIn(this.#control, this.#running, record.name, encode(record));
  }

  remove(name: Raw): void {
    this.#running.unlink(name);
    this.#running.sync();
  }
}

function encode({ name, ...record }: JobRecord): string {
  return `${JSON.stringify({ format: FORMAT, version: 1, ...record, name: textOf(name) }, undefined, 2)}\n`;
}

function decode(text: string, name: Raw): JobRecord | undefined {
  const stored = readRecord(text, name);
  if (stored === undefined) return undefined;
  const { format: _, version: __, ...record } = stored;
  return { ...record, name, mark: { ...record.mark, mtime: record.mark.mtime as NsText } };
}
