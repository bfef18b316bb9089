/** Records of jobs that have begun and not ended: what makes a run that was killed end like one that was left alone. */
import type { NsText } from "../core/entry.ts";
import { type Raw, rawOf, textOf } from "../core/raw.ts";
import type { Dir } from "../platform/disk.ts";
import type { HistoryEntry } from "./history.ts";
import { readTextIn, replaceTextIn } from "./text_file.ts";

const FORMAT = "backup-tool job";
const RUNNING = rawOf("running");
const PRIVATE = 0o700;

/** Tells one file from another of the same name. */
export interface FileMark {
  readonly inode: string;
  readonly mtime: NsText;
  readonly size: number;
}

export interface JobRecord {
  readonly run: string;
  /** Of the job file. */
  readonly name: Raw;
  readonly text: string;
  readonly mark: FileMark;
  /** ISO 8601, UTC. */
  readonly start: string;
  readonly phase: "begun" | "published" | "ended";
  /** Imports: inode of what is to be published. */
  readonly copy?: string;
  /** Restores: id of the snapshot; the target was empty, so that what is there by now is this job's own. */
  readonly snapshot?: string;
  readonly entry?: HistoryEntry;
}

/** The records of one job directory. */
export class RecordStore implements Disposable {
  readonly #control: Dir;
  readonly #running: Dir;

  /** @param control the directory .backup-tool; closed with the store */
  constructor(control: Dir) {
    this.#control = control;
    control.mkdir(RUNNING, PRIVATE);
    this.#running = control.openDir(RUNNING);
  }

  [Symbol.dispose](): void {
    this.#running[Symbol.dispose]();
    this.#control[Symbol.dispose]();
  }

  /** Names of the job files that have begun, in order. */
  names(): Raw[] {
    return [...this.#running.list().names].sort();
  }

  /** Undefined if that job has not begun; a record that can't be read is one that a crash left, and is removed. */
  load(name: Raw): JobRecord | undefined {
    const text = readTextIn(this.#running, name);
    const record = text === undefined ? undefined : decode(text);
    if (text !== undefined && record === undefined) this.remove(name);
    return record;
  }

  /** Durable when it returns. */
  save(record: JobRecord): void {
    replaceTextIn(this.#control, this.#running, record.name, encode(record));
  }

  remove(name: Raw): void {
    this.#running.unlink(name);
    this.#running.sync();
  }
}

function encode({ name, ...record }: JobRecord): string {
  return `${JSON.stringify({ format: FORMAT, version: 1, ...record, name: textOf(name) }, undefined, 2)}\n`;
}

function decode(text: string): JobRecord | undefined {
  try {
    const { format, version, name, ...record } = JSON.parse(text);
    if (format !== FORMAT || version !== 1) return undefined;
    return { ...record, name: rawOf(name) };
  } catch {
    return undefined;
  }
}
