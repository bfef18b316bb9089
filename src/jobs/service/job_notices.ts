/** Sends notifications about jobs, including those that ended just before a crash, and about overdue backups. */
import type { Clock } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import { BadJson, fieldsOf, parseJson } from "../../core/json.ts";
import { hashBytes } from "../../core/digest.ts";
import { bytesOf, type Raw, rawOf, textOf } from "../../core/raw.ts";
import { type Expectations, type Late, LateNotes, lateNotice, lateSeries } from "../../notify/late.ts";
import { eventOf, type Notice } from "../../notify/notice.ts";
import { WEEK_MS, weeklyNotice } from "../../notify/weekly.ts";
import type { Notifier } from "../../notify/notifier.ts";
import type { Dir } from "../../platform/disk.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { readJobFile } from "../queue/job_directory.ts";
import { parseJob } from "../schema/job_file.ts";
import { nameText } from "../state/job_name.ts";
import type { HistoryEntry } from "../state/stored_state.ts";
import { readTextIn, replaceOwnTextIn } from "../state/text_file.ts";

const CURSOR = rawOf("notified.json"), WEEKLY = rawOf("weekly.json");
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
    if (Math.abs(nowMs - this.#lookedMs) >= LATE_MS) this.#lookAround(nowMs, doing);
    if (Math.abs(nowMs - this.#sentMs) >= SEND_MS) this.#send();
  }

  #lookAround(nowMs: number, doing: Raw | undefined): void {
    this.#lookedMs = nowMs;
    const late = this.#lateNow(nowMs, doing), { notifier, host } = this.#options;
    for (const one of this.#late.toTell(late, nowMs)) notifier.put(lateNotice(one, host, nowMs));
    if (notifier.isWanted("weekly")) this.#sumUp(late, nowMs);
  }

  /** Sums up once a week; the first week begins when somebody wants to know. */
  #sumUp(late: readonly Late[], nowMs: number): void {
    const lastMs = this.#summedUpMs(), { notifier, host } = this.#options;
    if (lastMs !== undefined && Math.abs(nowMs - lastMs) < WEEK_MS) return;
    if (lastMs !== undefined) {
      const overdue = late.map(({ subject }) => subject), { history, snapshots } = this.#sources;
      notifier.put(weeklyNotice({ runs: history(), snapshots: snapshots(), overdue }, host, nowMs));
    }
    const { control } = this.#sources;
    replaceOwnTextIn(control, control, WEEKLY, `${JSON.stringify({ at: new Date(nowMs).toISOString() })}\n`);
  }

  #summedUpMs(): number | undefined {
    try {
      const { at } = fieldsOf(parseJson(readTextIn(this.#sources.control, WEEKLY, MOST_BYTES) ?? ""));
      return typeof at === "string" && !Number.isNaN(Date.parse(at)) ? Date.parse(at) : undefined;
    } catch (error) {
      if (error instanceof BadJson || error instanceof Fault) return undefined;
      throw error;
    }
  }

  #lateNow(nowMs: number, doing: Raw | undefined): readonly Late[] {
    const { expect } = this.#options;
    const overdue = this.#sources.overdue(nowMs, doing === undefined ? undefined : textOf(doing)).map(lateJob);
    const hasExpectations = Object.keys(expect).length > 0;
    const series = hasExpectations ? lateSeries(expect, this.#sources.snapshots(), nowMs) : [];
    return [...overdue, ...series];
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
