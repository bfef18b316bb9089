/** Sends notifications about jobs, including those that ended just before a crash, and about overdue backups. */
import type { Clock } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import { BadJson, fieldsOf, parseJson } from "../../core/json.ts";
import { hashBytes } from "../../core/digest.ts";
import { bytesOf, type Raw, rawOf, textOf } from "../../core/raw.ts";
import { type Expectations, type Late, LateNotes, lateNotice, lateSeries } from "../../notify/late.ts";
import { eventOf, type Notice } from "../../notify/notice.ts";
import type { Notifier } from "../../notify/notifier.ts";
import type { Dir } from "../../platform/disk.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { readJobFile } from "../queue/job_directory.ts";
import { parseJob } from "../schema/job_file.ts";
import { nameText } from "../state/job_name.ts";
import type { HistoryEntry } from "../state/stored_state.ts";
import { readTextIn, replaceOwnTextIn } from "../state/text_file.ts";

const CURSOR = rawOf("notified.json");
const MOST_BYTES = 1024 * 1024;
const SEND_MS = 60_000, LATE_MS = 15 * 60_000;

export interface NoticeOptions {
  readonly notifier: Notifier;
  readonly host: string;
  readonly expect: Expectations;
}

/** What notifications need from the service. */
export interface NoticeSources {
  readonly clock: Clock;
  /** The job directory, and that of its state; neither is closed here. */
  readonly jobs: Dir;
  readonly control: Dir;
  /** All runs that have ended, oldest first. */
  readonly history: () => Iterable<HistoryEntry>;
  readonly snapshots: () => readonly SnapshotInfo[];
  /** Recurring jobs that are overdue, without the running one. */
  readonly overdue: (nowMs: number, doing: string | undefined) => readonly { name: string; sinceMs: number }[];
}

export class JobNotices {
  readonly #options: NoticeOptions;
  readonly #sources: NoticeSources;
  readonly #late: LateNotes;
  #sentMs = -Infinity;
  #lookedMs = -Infinity;

  constructor(options: NoticeOptions, sources: NoticeSources) {
    this.#options = options;
    this.#sources = sources;
    this.#late = new LateNotes(sources.control);
  }

  /** True if there is anybody to notify. */
  get isNeeded(): boolean {
    return this.#options.notifier.hasTargets;
  }

  /**
   * Prepares notifications about runs that ended before a crash. The first time, there are none: those runs ended
   * before anybody asked for notifications.
   */
  catchUp(): void {
    const last = this.#cursor(), entries: HistoryEntry[] = [];
    for (const entry of this.#sources.history()) {
      if (entry.run === last?.run) entries.length = 0;
      else if (last === undefined) entries.splice(0, 1, entry);
      else if (entry.end >= last.end) entries.push(entry);
    }
    const [newest] = entries;
    if (last !== undefined) { for (const entry of entries) this.#put(entry); }
    else if (newest !== undefined) this.#setCursor(newest);
    else this.#setCursor({ run: "", end: "0000" });
    this.#send();
  }

  /** Notifies services that measure the duration of runs. */
  started(name: Raw): void {
    const { clock, jobs } = this.#sources, { notifier, host } = this.#options;
    const nowMs = clock.nowMs(), at = new Date(nowMs).toISOString();
    const text = readJobFile(jobs, name)?.text, { kind = null, notify } = wishesIn(text);
    const notice: Notice = {
      id: hashBytes("sha256", bytesOf(rawOf(`started\0${textOf(name)}\0${at}`))).slice(0, 32),
      event: "started",
      at,
      host,
      subject: nameText(name),
      kind,
      start: at,
      counts: {},
      problemCount: 0,
      problems: [],
    };
    notifier.started(notice, notify);
  }

  ended(entry: HistoryEntry): void {
    this.#put(entry);
    this.#send();
  }

  /** Retries failed notifications, and looks for overdue backups. @param doing file name of the running job */
  tick(doing: Raw | undefined): void {
    if (!this.isNeeded) return;
    const nowMs = this.#sources.clock.nowMs();
    if (Math.abs(nowMs - this.#lookedMs) >= LATE_MS) this.#tellLate(nowMs, doing);
    if (Math.abs(nowMs - this.#sentMs) >= SEND_MS) this.#send();
  }

  #tellLate(nowMs: number, doing: Raw | undefined): void {
    this.#lookedMs = nowMs;
    const { expect, notifier, host } = this.#options;
    const overdue = this.#sources.overdue(nowMs, doing === undefined ? undefined : textOf(doing)).map(lateJob);
    const hasExpectations = Object.keys(expect).length > 0;
    const series = hasExpectations ? lateSeries(expect, this.#sources.snapshots(), nowMs) : [];
    for (const one of this.#late.toTell([...overdue, ...series], nowMs)) notifier.put(lateNotice(one, host, nowMs));
  }

  /** Kept before it is noted as kept: after a crash in between it is put once more, under the same id. */
  #put(entry: HistoryEntry): void {
    const { notifier, host } = this.#options;
    notifier.put(noticeOf(entry, host), wishesIn(entry.text ?? undefined).notify);
    this.#setCursor(entry);
  }

  #send(): void {
    this.#sentMs = this.#sources.clock.nowMs();
    this.#options.notifier.send();
  }

  #cursor(): Pick<HistoryEntry, "run" | "end"> | undefined {
    try {
      const { run, end } = fieldsOf(parseJson(readTextIn(this.#sources.control, CURSOR, MOST_BYTES) ?? ""));
      return typeof run === "string" && typeof end === "string" ? { run, end } : undefined;
    } catch (error) {
      if (error instanceof BadJson || error instanceof Fault) return undefined;
      throw error;
    }
  }

  #setCursor({ run, end }: Pick<HistoryEntry, "run" | "end">): void {
    const { control } = this.#sources;
    replaceOwnTextIn(control, control, CURSOR, `${JSON.stringify({ run, end })}\n`);
  }
}

export function noticeOf(entry: HistoryEntry, host: string): Notice {
  const { run, name, kind, outcome, start, end, counts, problems, problemCount, snapshot, error } = entry;
  return {
    id: hashBytes("sha256", bytesOf(rawOf(run))).slice(0, 32),
    event: eventOf(outcome, [error, ...problems]),
    at: end,
    host,
    subject: nameText(rawOf(name)),
    kind,
    start,
    end,
    counts,
    problems,
    problemCount,
    ...(snapshot !== undefined && { snapshot }),
    ...(error !== undefined && { error }),
  };
}

function lateJob({ name, sinceMs }: { readonly name: string; readonly sinceMs: number }): Late {
  const since = new Date(sinceMs).toISOString().slice(0, 16).replace("T", " ");
  return { subject: nameText(rawOf(name)), reason: `Its run of ${since} UTC has not been done yet` };
}

/** The targets that the text of a job names; none if it is no valid job. */
function wishesIn(text: string | undefined): { readonly kind?: string; readonly notify?: readonly string[] } {
  const { job } = text === undefined ? { job: undefined } : parseJob(text);
  return job === undefined ? {} : { kind: job.kind, ...(job.notify !== undefined && { notify: job.notify }) };
}
