/** The status in a few numbers, for the first page and for monitoring. */
import { type SeriesOf, seriesOf, visibleSnapshots } from "../exchange/visible.ts";
import type { Exchange } from "../exchange/route.ts";
import { ROLES } from "../accounts/account.ts";
import type { RecurringState, RunningJob } from "../jobs/job_desk.ts";
import { VERSION } from "../../core/version.ts";
import type { Stats } from "../../operations/browse/stats.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Time in ms after which a series without a recurring job is late. */
const USUAL_PERIOD_MS = 7 * DAY_MS;
const UNVERIFIED_DAYS = 90, FREE_SHARE = 0.05;

export interface Alert {
  readonly code: string;
  /** ISO 8601. */
  readonly since: string;
  readonly subject: string;
  readonly message: string;
  readonly hint: string;
}

export interface SeriesStatus {
  readonly host: string;
  readonly name: string;
  readonly last: { readonly id: string; readonly time: string; readonly files: number; readonly bytes: number };
  readonly snapshots: number;
  readonly state: "ok" | "late";
  readonly next?: string;
  readonly recurring?: string;
}

export interface Status {
  readonly version: string;
  readonly storage: {
    readonly contentBytes?: number;
    readonly logicalBytes?: number;
    readonly freeBytes?: number;
    readonly path?: string;
  };
  readonly series: readonly SeriesStatus[];
  readonly verification?: Stats["verification"];
  readonly running?: RunningJob;
  readonly waiting: number;
  readonly alerts: readonly Alert[];
}

/** The status, as far as the account may see it. */
export async function statusOf(exchange: Pick<Exchange, "site" | "account">): Promise<Status> {
  const { site, account } = exchange, nowMs = site.clock.nowMs();
  const recurring = site.jobs?.recurring.all() ?? [];
  const series = seriesOf(await visibleSnapshots(exchange)).map((one) => seriesStatus(one, recurring, nowMs));
  const stats = account?.series === undefined ? await site.reader.stats() : undefined;
  const running = site.jobs?.running();
  const isReader = account !== undefined && account.role !== "objects" && ROLES.indexOf(account.role) > 0;
  return {
    version: VERSION,
    storage: {
      ...(account?.role === "admin" && { path: site.location }),
      ...(stats !== undefined && { contentBytes: stats.contentBytes, logicalBytes: stats.logicalBytes }),
      ...(stats?.freeBytes !== undefined && { freeBytes: stats.freeBytes }),
    },
    series,
    ...(stats !== undefined && { verification: stats.verification }),
    ...(running !== undefined && isReader && account.series === undefined && { running }),
    waiting: account?.series === undefined ? site.jobs?.waiting().length ?? 0 : 0,
    alerts: [
      ...series.flatMap((one) => lateAlert(one, nowMs)),
      ...(account?.series === undefined ? pausedAlerts(recurring, isReader, nowMs) : []),
      ...(stats === undefined ? [] : statsAlerts(stats, nowMs)),
    ],
  };
}

function seriesStatus(
  { host, name, snapshots, last }: SeriesOf,
  jobs: readonly RecurringState[],
  nowMs: number,
): SeriesStatus {
  const { id, time, files, bytes } = last;
  const job = jobs.find((one) => one.kind === "backup" && one.name === name), [next, second] = job?.next ?? [];
  const periodMs = next === undefined || second === undefined ? USUAL_PERIOD_MS : Date.parse(second) - Date.parse(next);
  return {
    host,
    name,
    last: { id, time, files, bytes },
    snapshots: snapshots.length,
    state: nowMs - Date.parse(time) > 2 * periodMs ? "late" : "ok",
    ...(next !== undefined && { next }),
    ...(job !== undefined && { recurring: job.file }),
  };
}

function lateAlert({ host, name, last, state }: SeriesStatus, nowMs: number): Alert[] {
  if (state === "ok") return [];
  const days = Math.floor((nowMs - Date.parse(last.time)) / DAY_MS);
  return [{
    code: "late",
    since: last.time,
    subject: `${name} on ${host}`,
    message: `The last snapshot is ${days} days old`,
    hint: "Check that its backups run, and that their disks are mounted",
  }];
}

/** Alerts for recurring jobs that are paused: whoever has stolen an account must not do it silently. */
function pausedAlerts(recurring: readonly RecurringState[], isReader: boolean, nowMs: number): Alert[] {
  return recurring.flatMap(({ file, pausedUntil }) =>
    pausedUntil === undefined ? [] : [{
      code: "paused",
      since: new Date(nowMs).toISOString(),
      subject: isReader ? `Paused: ${file}` : "A recurring job is paused",
      message: `It does not run until ${pausedUntil.slice(0, 16).replace("T", " ")} UTC`,
      hint: "Resume it on the page of jobs",
    }]
  );
}

function statsAlerts({ verification, freeBytes, contentBytes }: Stats, nowMs: number): Alert[] {
  const alerts: Alert[] = [], since = new Date(nowMs).toISOString();
  const { damaged, oldest } = verification;
  if (damaged.contents > 0) {
    const message = `${damaged.contents} contents are damaged`;
    const hint = "Run `backup-tool repair`, then `backup-tool check`";
    alerts.push({ code: "damage", since, subject: "Storage", message, hint });
  }
  const days = oldest === null ? 0 : Math.floor((nowMs - Date.parse(oldest)) / DAY_MS);
  if (days > UNVERIFIED_DAYS) {
    const message = `Some contents were last read ${days} days ago`, hint = "Let a job check a part each week";
    alerts.push({ code: "unverified", since: oldest ?? since, subject: "Storage", message, hint });
  }
  if (freeBytes !== undefined && freeBytes < FREE_SHARE * (freeBytes + contentBytes)) {
    const message = "Its disk is nearly full", hint = "Forget and prune old snapshots, or get a larger disk";
    alerts.push({ code: "little-space", since, subject: "Storage", message, hint });
  }
  return alerts;
}
