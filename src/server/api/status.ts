/** The status in a few numbers, for the first page and for monitoring. */
import { type SeriesOf, seriesOf, visibleSnapshots } from "../exchange/visible.ts";
import type { Exchange } from "../exchange/route.ts";
import { type Alert, alertsOf } from "../alerts/alerts.ts";
import { mayReadAll } from "../jobs/job_access.ts";
import type { RecurringState, RunningJob } from "../jobs/job_desk.ts";
import { isRunOf } from "../jobs/job_name.ts";
import type { Outcome } from "../../jobs/state/history.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";
import { VERSION } from "../../core/version.ts";
import type { Stats } from "../../operations/browse/stats.ts";

type Asking = Pick<Exchange, "site" | "account">;

const RUNS_LOOKED_AT = 500, MOST_RUNS = 7;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Time in ms after which a series without a recurring job is late. */
const USUAL_PERIOD_MS = 7 * DAY_MS;

export interface SeriesStatus {
  readonly host: string;
  readonly name: string;
  readonly last: {
    readonly id: string;
    readonly time: string;
    readonly files: number;
    readonly bytes: number;
    readonly problems: number;
  };
  readonly snapshots: number;
  /** "failed": the last run of its job. "late" says more: nothing was backed up for long. */
  readonly state: "ok" | "late" | "failed";
  /** The last runs of jobs that backed it up, newest first. */
  readonly runs: readonly SeriesRun[];
  readonly next?: string;
  readonly recurring?: string;
}

export interface SeriesRun {
  /** Absent for accounts that may not look at runs. */
  readonly run?: string;
  readonly outcome: Outcome;
  /** ISO 8601. */
  readonly start: string;
  readonly end: string;
}

export interface Status {
  readonly version: string;
  readonly storage: {
    readonly id?: string;
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
export async function statusOf(exchange: Asking): Promise<Status> {
  const { site, account } = exchange, isWhole = account?.series === undefined;
  const recurring = site.jobs?.recurring.all() ?? [], series = await allSeries(exchange, recurring);
  const stats = isWhole ? await site.reader.stats() : undefined, running = site.jobs?.running();
  return {
    version: VERSION,
    storage: await storageFacts(exchange, stats),
    series,
    ...(stats !== undefined && { verification: stats.verification }),
    ...(running !== undefined && mayReadAll(exchange) && { running }),
    waiting: isWhole ? site.jobs?.waiting().length ?? 0 : 0,
    alerts: await alertsOf(exchange, { series, stats, recurring }),
  };
}

async function storageFacts({ site, account }: Asking, stats: Stats | undefined): Promise<Status["storage"]> {
  if (stats === undefined) return {};
  const { contentBytes, logicalBytes, freeBytes } = stats;
  return {
    id: await site.reader.id(),
    ...(account?.role === "admin" && { path: site.location }),
    contentBytes,
    logicalBytes,
    ...(freeBytes !== undefined && { freeBytes }),
  };
}

/** The series that the account may see, with their last runs. */
export async function allSeries(exchange: Asking, recurring: readonly RecurringState[]): Promise<SeriesStatus[]> {
  const { site } = exchange, nowMs = site.clock.nowMs(), mayOpen = mayReadAll(exchange);
  const all = seriesOf(await visibleSnapshots(exchange));
  const history = site.jobs === undefined || all.length === 0 ? [] : await site.reader.jobHistory(RUNS_LOOKED_AT);
  return all.map((one) => {
    const job = recurring.find(({ kind, name }) => kind === "backup" && name === one.name);
    // Another machine's series may have the same name.
    const own = runsOf(one, one.host === site.host ? job : undefined, history).map(({ run, outcome, start, end }) => ({
      ...(mayOpen && { run }),
      outcome,
      start,
      end,
    }));
    return seriesStatus(one, job, own, nowMs);
  });
}

/** Runs that made a snapshot of the series, or tried to, newest first. What they made may be forgotten, or tagged. */
function runsOf({ snapshots }: SeriesOf, job: RecurringState | undefined, history: readonly HistoryEntry[]) {
  const ids = new Set<string>(snapshots.map(({ id }) => id));
  const own = history.filter(({ name, snapshot }) =>
    (snapshot !== undefined && ids.has(snapshot)) || (job !== undefined && isRunOf(name, job.file))
  );
  return own.slice(-MOST_RUNS).reverse();
}

function seriesStatus(
  { host, name, snapshots, last }: SeriesOf,
  job: RecurringState | undefined,
  runs: readonly SeriesRun[],
  nowMs: number,
): SeriesStatus {
  const { id, time, files, bytes, problems } = last, [next, second] = job?.next ?? [];
  const periodMs = next === undefined || second === undefined ? USUAL_PERIOD_MS : Date.parse(second) - Date.parse(next);
  const isLate = nowMs - Date.parse(time) > 2 * periodMs,
    isFailed = ["failed", "rejected"].includes(runs[0]?.outcome ?? "");
  return {
    host,
    name,
    last: { id, time, files, bytes, problems },
    snapshots: snapshots.length,
    state: isLate ? "late" : isFailed ? "failed" : "ok",
    runs,
    ...(next !== undefined && { next }),
    ...(job !== undefined && { recurring: job.file }),
  };
}
