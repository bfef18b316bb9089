/** What somebody should look at, with the reason and what to do. */
import type { AlertFile, Dismissal, Warn } from "../exchange/alert_file.ts";
import { sha256 } from "../accounts/passwords.ts";
import { isAllowed } from "../accounts/account.ts";
import { NotAllowed, NotFound } from "../exchange/problem.ts";
import type { Exchange } from "../exchange/route.ts";
import { jobNameOf } from "../jobs/job_name.ts";
import type { RecurringState } from "../jobs/job_desk.ts";
import { Fault } from "../../core/fault.ts";
import { pluralText } from "../../core/size_text.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";
import type { Stats } from "../../operations/browse/stats.ts";
import { leftLocks } from "../../source/lock/left_locks.ts";

const DAY_MS = 24 * 60 * 60 * 1000, SHOWN_DAYS = 7, RUNS_LOOKED_AT = 500, ID_LENGTH = 16;
/** What clocks of several machines may differ by. */
const MOST_SKEW_MS = 60 * 60 * 1000;
/** Codes of alerts that can't be dismissed: they end by themselves. */
const LASTING: readonly string[] = ["paused"];

export interface Alert {
  /** Changes when the reason does: a dismissal is for one reason. */
  readonly id: string;
  readonly code: string;
  /** ISO 8601. */
  readonly since: string;
  readonly subject: string;
  readonly message: string;
  readonly hint: string;
  /** Set if somebody has dismissed it. */
  readonly dismissed?: Omit<Dismissal, "id">;
}

/** An alert, and what else distinguishes it and its reason from others. */
type Found = Omit<Alert, "id" | "dismissed"> & { readonly reason: string };

export const USUAL_WARN: Warn = { unverifiedDays: 90, freePercent: 5 };

/** What alerts about series need to know. */
interface SeriesSeen {
  readonly host: string;
  readonly name: string;
  readonly last: { readonly time: string };
  readonly state: string;
}

type Asking = Pick<Exchange, "site" | "account">;

/** All alerts that the account may see, those about jobs first. @throws DiskFault */
export async function alertsOf(asking: Asking, { series, stats, recurring }: {
  readonly series: readonly SeriesSeen[];
  readonly stats: Stats | undefined;
  readonly recurring: readonly RecurringState[];
}): Promise<Alert[]> {
  const { site, account } = asking, nowMs = site.clock.nowMs(), warn = site.warn ?? USUAL_WARN;
  const isWhole = account?.series === undefined, isReader = isAllowed(account, "read");
  const found = [
    ...(isWhole ? await failureAlerts(asking, isReader) : []),
    ...series.flatMap((one) => [...lateAlert(one, nowMs), ...futureAlert(one, nowMs)]),
    ...(isWhole ? pausedAlerts(recurring, isReader, nowMs) : []),
    ...(isWhole ? machineAlerts(asking, isReader) : []),
    ...(stats === undefined ? [] : statsAlerts(stats, warn, nowMs)),
  ];
  return found.map(({ reason, ...alert }) => {
    const id = sha256(`${alert.code}\0${reason}`).slice(0, ID_LENGTH), dismissal = site.alerts.dismissal(id);
    if (dismissal === undefined) return { id, ...alert };
    const { by, at } = dismissal;
    return { id, ...alert, dismissed: { by, at } };
  });
}

/** Dismisses one of these alerts. @throws NotFound, NotAllowed, DiskFault */
export function dismiss({ site, account }: Asking, alerts: readonly Alert[], id: string): Alert {
  const found = alertIn(alerts, id);
  if (LASTING.includes(found.code)) throw new NotAllowed("This alert can't be dismissed", "It ends by itself");
  site.alerts.dismiss({ id, by: account?.name ?? "?", at: new Date(site.clock.nowMs()).toISOString() });
  return found;
}

/** Shows a dismissed alert again. @throws NotFound, DiskFault */
export function recall({ site }: Asking, alerts: readonly Alert[], id: string): Alert {
  const found = alertIn(alerts, id);
  site.alerts.recall(id);
  return found;
}

export function canBeDismissed({ code }: Pick<Alert, "code">): boolean {
  return !LASTING.includes(code);
}

function alertIn(alerts: readonly Alert[], id: string): Alert {
  const found = alerts.find((one) => one.id === id);
  if (found === undefined) throw new NotFound("There is no such alert any more");
  return found;
}

/** Alerts for jobs whose last run failed, within a week. Names are only for whoever may read. */
async function failureAlerts({ site }: Asking, isReader: boolean): Promise<Found[]> {
  if (site.jobs === undefined) return [];
  const runs = await site.reader.jobHistory(RUNS_LOOKED_AT), oldestMs = site.clock.nowMs() - SHOWN_DAYS * DAY_MS;
  return [...Map.groupBy(runs, ({ name }) => jobNameOf(name))].flatMap(([name, own]) => {
    const last = own.at(-1)!, { outcome, end, error } = last;
    if (!isFailure(last) || Date.parse(end) < oldestMs) return [];
    // The same failure night after night is one reason, until the job has succeeded meanwhile.
    const good = own.findLast((one) => !isFailure(one))?.run ?? "";
    const reason = [name, good, error?.code, error?.message].join("\0");
    const code = outcome, what = outcome === "failed" ? "Failed" : "No job";
    if (!isReader) {
      return [{ code, since: end, subject: "A job failed", message: "Its last run", hint: "Readers see why", reason }];
    }
    const { message = "", hint = "" } = error ?? {};
    return [{ code, since: end, subject: `${what}: ${name}`, message, hint, reason }];
  });
}

function isFailure({ outcome }: HistoryEntry): boolean {
  return outcome === "failed" || outcome === "rejected";
}

function lateAlert({ host, name, last, state }: SeriesSeen, nowMs: number): Found[] {
  if (state !== "late") return [];
  const days = Math.floor((nowMs - Date.parse(last.time)) / DAY_MS);
  return [{
    code: "late",
    since: last.time,
    subject: `${name} on ${host}`,
    message: `The last snapshot is ${days} days old`,
    hint: "Check that its backups run, and that their disks are mounted",
    reason: [host, name, last.time].join("\0"),
  }];
}

/** Such a snapshot hides that backups are late, and retention keeps it in the place of good ones. */
function futureAlert({ host, name, last: { time } }: SeriesSeen, nowMs: number): Found[] {
  if (Date.parse(time) <= nowMs + MOST_SKEW_MS) return [];
  return [{
    code: "future-snapshot",
    since: new Date(nowMs).toISOString(),
    subject: `${name} on ${host}`,
    message: `A snapshot is from ${time.slice(0, 16).replace("T", " ")} UTC, later than this clock`,
    hint: "If the clock of its machine was wrong, forget that snapshot; if nobody made it, change the passwords",
    reason: [host, name, time].join("\0"),
  }];
}

/** Alerts for recurring jobs that are paused: whoever has stolen an account must not do it silently. */
function pausedAlerts(recurring: readonly RecurringState[], isReader: boolean, nowMs: number): Found[] {
  return recurring.flatMap(({ file, pausedUntil }) =>
    pausedUntil === undefined ? [] : [{
      code: "paused",
      since: new Date(nowMs).toISOString(),
      subject: isReader ? `Paused: ${file}` : "A recurring job is paused",
      message: `It does not run until ${pausedUntil.slice(0, 16).replace("T", " ")} UTC`,
      hint: "Resume it on the page of jobs",
      reason: file,
    }]
  );
}

/** Alerts about this machine: a catalog that was rebuilt, and sources that a killed backup left locked. */
function machineAlerts({ site }: Asking, isReader: boolean): Found[] {
  return [...rebuiltAlert(site.alerts, site.clock.nowMs()), ...lockAlerts(site, isReader)];
}

function rebuiltAlert({ rebuilt }: AlertFile, nowMs: number): Found[] {
  if (rebuilt === undefined || nowMs - Date.parse(rebuilt) > SHOWN_DAYS * DAY_MS) return [];
  const message = "The catalog could not be used, and was rebuilt", reason = rebuilt;
  const hint = "Nothing is lost; if it happens again, check the disk and its cables";
  return [{ code: "catalog-rebuilt", since: rebuilt, subject: "Storage", message, hint, reason }];
}

function lockAlerts({ disk, locks, clock }: Asking["site"], isReader: boolean): Found[] {
  const since = new Date(clock.nowMs()).toISOString(), code = "lock-left";
  const hint = "The next backup undoes it; now: `backup-tool recover`";
  return left(() => locks === undefined ? [] : leftLocks(disk, locks)).map(({ name, record }) => {
    const sources = isReader && record !== undefined ? `: ${record.sources.join(", ")}` : "";
    return {
      code,
      since: record?.started ?? since,
      subject: `Source left locked${sources}`,
      message: "A backup was interrupted, and what it had stopped, mounted or frozen is still so",
      hint,
      reason: `${name}\0${record?.started}`,
    };
  });
}

/** None if another user's state can't be read. */
function left<T>(look: () => readonly T[]): readonly T[] {
  try {
    return look();
  } catch (error) {
    if (error instanceof Fault) return [];
    throw error;
  }
}

function statsAlerts({ verification, freeBytes, contentBytes }: Stats, warn: Warn, nowMs: number): Found[] {
  const alerts: Found[] = [], since = new Date(nowMs).toISOString(), subject = "Storage";
  const { damaged: { contents: damaged }, oldest } = verification;
  if (damaged > 0) {
    const message = `${pluralText(damaged, "content is damaged", "contents are damaged")}`;
    const hint = "Run `backup-tool repair`, then `backup-tool check`";
    alerts.push({ code: "damage", since, subject, message, hint, reason: String(damaged) });
  }
  const days = oldest === null ? 0 : Math.floor((nowMs - Date.parse(oldest)) / DAY_MS);
  if (days > warn.unverifiedDays) {
    const message = `Some contents were last read ${days} days ago`, hint = "Let a job check a part each week";
    // Once dismissed, it returns each month.
    const reason = String(Math.floor(days / 30));
    alerts.push({ code: "unverified", since: oldest ?? since, subject, message, hint, reason });
  }
  const percent = freeBytes === undefined ? 100 : 100 * freeBytes / Math.max(1, freeBytes + contentBytes);
  if (percent < warn.freePercent) {
    const message = "Its disk is nearly full", hint = "Forget and prune old snapshots, or get a larger disk";
    alerts.push({ code: "little-space", since, subject, message, hint, reason: String(Math.floor(percent)) });
  }
  return alerts;
}
