/** The status in a few numbers, for the first page and for monitoring. */
import { type SeriesOf, seriesOf, visibleSnapshots } from "../exchange/visible.ts";
import type { Exchange } from "../exchange/route.ts";
import { type Alert, alertsOf } from "../alerts/alerts.ts";
import { mayReadAll } from "../jobs/job_access.ts";
import type { RecurringState, RunningJob } from "../jobs/job_desk.ts";
import { VERSION } from "../../core/version.ts";
import type { Stats } from "../../operations/browse/stats.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Time in ms after which a series without a recurring job is late. */
const USUAL_PERIOD_MS = 7 * DAY_MS;

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
  return {
    version: VERSION,
    storage: {
      ...(account?.role === "admin" && { path: site.location }),
      ...(stats !== undefined && { contentBytes: stats.contentBytes, logicalBytes: stats.logicalBytes }),
      ...(stats?.freeBytes !== undefined && { freeBytes: stats.freeBytes }),
    },
    series,
    ...(stats !== undefined && { verification: stats.verification }),
    ...(running !== undefined && mayReadAll(exchange) && { running }),
    waiting: account?.series === undefined ? site.jobs?.waiting().length ?? 0 : 0,
    alerts: await alertsOf(exchange, { series, stats, recurring }),
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
