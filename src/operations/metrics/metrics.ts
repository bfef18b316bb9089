/** Metrics of a repository, and of the jobs that were run with it. */
import { VERSION } from "../../core/version.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { type VerificationReport, verificationStatus } from "../check/verification_status.ts";
import type { OpenedRepository } from "../opened.ts";
import type { Family, Sample } from "./exposition.ts";

/** How a run of a job ended. */
export interface RunFact {
  /** Name of the recurring job, or of the job file. */
  readonly job: string;
  /** Null if the file was not a valid job. */
  readonly kind: string | null;
  readonly outcome: string;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
}

export interface MetricFacts {
  readonly snapshots: readonly SnapshotInfo[];
  /** Facts about all series together; absent for accounts that may not see them. */
  readonly storage?: StorageFacts;
  /** Runs, oldest end first. */
  readonly runs: readonly RunFact[];
  /** Absent if there is no service. */
  readonly jobsWaiting?: number;
}

export interface StorageFacts {
  readonly contentBytes: number;
  readonly logicalBytes: number;
  readonly freeBytes: number | undefined;
  readonly verification: VerificationReport;
}

/** Collects the facts, without a lock. */
export async function storageFacts(
  repository: OpenedRepository,
  snapshots: readonly SnapshotInfo[],
  freeBytes: number | undefined,
): Promise<StorageFacts> {
  const figures = await repository.query((catalog) => catalog.figures());
  return {
    contentBytes: figures.reduce((sum, { newBytes }) => sum + newBytes, 0),
    logicalBytes: snapshots.reduce((sum, { bytes }) => sum + bytes, 0),
    freeBytes,
    verification: await verificationStatus(repository),
  };
}

/** Job files may be named anew each time: only so many of the newest names become labels. */
const MOST_JOBS = 200;

/** Makes the metrics, in a stable order. */
export function metricsOf({ snapshots, storage, runs, jobsWaiting }: MetricFacts): Family[] {
  return [
    gauge("info", "The version of backup-tool", [{ labels: { version: VERSION }, value: 1 }]),
    ...seriesMetrics(snapshots),
    ...jobMetrics(runs),
    gauge("jobs_waiting", "Job files that wait", jobsWaiting === undefined ? [] : [{ value: jobsWaiting }]),
    ...(storage === undefined ? [] : storageMetrics(storage)),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `backup_tool_${name}`, type: "gauge", help, samples };
}

/** Partial snapshots are no backups: a series that has no other has no time. */
function seriesMetrics(snapshots: readonly SnapshotInfo[]): Family[] {
  const series = new Map<string, SnapshotInfo[]>();
  for (const one of snapshots.filter(({ complete }) => complete)) {
    const key = JSON.stringify([one.host, one.name]), members = series.get(key) ?? [];
    members.push(one);
    series.set(key, members);
  }
  const all = [...series.values()].map((members) => {
    const last = members.reduce((a, b) => Date.parse(b.time) > Date.parse(a.time) ? b : a);
    return { labels: { host: last.host, name: last.name }, last, count: members.length };
  });
  const each = (value: (one: (typeof all)[number]) => number) =>
    all.map((one) => ({ labels: one.labels, value: value(one) }));
  return [
    gauge(
      "snapshot_last_timestamp_seconds",
      "When the newest complete snapshot of a series was begun",
      each(({ last }) => Date.parse(last.time) / 1000),
    ),
    gauge("snapshot_files", "Files in the newest complete snapshot", each(({ last }) => last.files)),
    gauge("snapshot_bytes", "Bytes of the files in the newest complete snapshot", each(({ last }) => last.bytes)),
    gauge("snapshot_problems", "Problems of the newest complete snapshot", each(({ last }) => last.problems)),
    gauge("snapshots", "Complete snapshots of a series", each(({ count }) => count)),
  ];
}

function jobMetrics(runs: readonly RunFact[]): Family[] {
  const last = new Map<string, RunFact>(), success = new Map<string, RunFact>(), counts = new Map<string, number>();
  for (const run of runs) {
    const { job, kind, outcome } = run, key = JSON.stringify([kind ?? "none", outcome]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    // The newest names come last.
    last.delete(job);
    last.set(job, run);
    if (outcome === "done" || outcome === "problems") success.set(job, run);
  }
  const named = [...last.keys()].slice(-MOST_JOBS);
  const of = (known: ReadonlyMap<string, RunFact>, value: (run: RunFact) => number): Sample[] =>
    named.flatMap((job) => {
      const run = known.get(job);
      return run === undefined ? [] : [{ labels: { job, kind: run.kind ?? "none" }, value: value(run) }];
    });
  const totals = [...counts].sort(([a], [b]) => a < b ? -1 : 1).map(([key, value]) => {
    const [kind, outcome] = JSON.parse(key) as [string, string];
    return { labels: { kind, outcome }, value };
  });
  return [
    gauge("job_last_success_timestamp_seconds", "When a job last ended well", of(success, ({ endMs }) => endMs / 1000)),
    gauge("job_last_end_timestamp_seconds", "When a job last ended, however", of(last, ({ endMs }) => endMs / 1000)),
    gauge("job_duration_seconds", "How long the last run took", of(last, (run) => (run.endMs - run.startMs) / 1000)),
    { name: "backup_tool_job_runs_total", type: "counter", help: "Runs in the history of jobs", samples: totals },
  ];
}

function storageMetrics({ contentBytes, logicalBytes, freeBytes, verification }: StorageFacts): Family[] {
  const one = (value: number | undefined) => value === undefined ? [] : [{ value }];
  const { oldest, never, damaged } = verification;
  return [
    gauge("storage_content_bytes", "Bytes of different contents that snapshots need", one(contentBytes)),
    gauge("storage_logical_bytes", "Bytes of all files of all snapshots", one(logicalBytes)),
    gauge("storage_free_bytes", "Bytes free on the file system of the storage", one(freeBytes)),
    gauge(
      "verification_oldest_timestamp_seconds",
      "When the content was verified that was not for the longest time",
      one(oldest === null ? undefined : Date.parse(oldest) / 1000),
    ),
    gauge("unverified_contents", "Contents that were not read since they were stored", one(never.contents)),
    gauge("damaged_contents", "Contents that a check found damaged", one(damaged.contents)),
  ];
}
