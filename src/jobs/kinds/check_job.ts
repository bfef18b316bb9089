/** Jobs that look for damage. */
import { parseSubset } from "../../core/subset.ts";
import { check, type CheckRequest, type Finding } from "../../operations/check/check.ts";
import { DamageFound } from "../faults.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { JobMonitor } from "../run/job_monitor.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";

export async function performCheck({ setup, repository, monitor }: JobRun, job: JobOf<"check">): Promise<void> {
  const request = {
    readData: job.readData ?? false,
    ...(job.readDataSubset !== undefined && { subset: parseSubset(job.readDataSubset) }),
    workers: job.workers ?? setup.workers,
    signal: setup.signal,
  };
  await checkAndTell(repository, request, monitor);
}

/** Damage is a problem of the job. */
export async function checkAndTell(
  repository: OpenedRepository,
  request: CheckRequest,
  monitor: JobMonitor,
): Promise<void> {
  const found = (finding: Finding) => {
    if (finding.severity === "damage") monitor.problem(new DamageFound(finding.where, finding.what, finding.paths));
    else monitor.notice(`${finding.where}: ${finding.what}`);
  };
  await check(repository, request, found, monitor);
}
