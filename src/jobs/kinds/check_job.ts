/** Jobs that check for damage. */
import { apathOf } from "../../core/apath.ts";
import { rawOf } from "../../core/raw.ts";
import { parseSubset } from "../../core/subset.ts";
import { check, type CheckRequest, type Finding } from "../../operations/check/check.ts";
import { orLastSeen } from "../../operations/browse/last_seen.ts";
import { resolvePath } from "../../operations/browse/resolve_path.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import { DamageFound } from "../faults.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { JobMonitor } from "../run/job_monitor.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";

export async function performCheck({ setup, repository, monitor }: JobRun, job: JobOf<"check">): Promise<void> {
  const request = {
    readData: job.readData ?? false,
    ...(job.readDataSubset !== undefined && { subset: parseSubset(job.readDataSubset) }),
    ...(job.snapshot !== undefined && { only: await chosenIn(repository, job.snapshot, job.path) }),
    workers: job.workers ?? setup.workers,
    signal: setup.signal,
  };
  await checkAndTell(repository, request, monitor);
}

/** @throws NoSnapshot, AmbiguousSnapshot, NotInSnapshot */
async function chosenIn(
  repository: OpenedRepository,
  name: string,
  path = "/",
): Promise<Required<CheckRequest>["only"]> {
  const snapshot = resolveSnapshot(name, await repository.snapshots()),
    manifest = await repository.manifest(snapshot.id);
  const wanted = apathOf(`/${rawOf(path).replace(/^\/+|\/+$/g, "")}`);
  return {
    snapshot: snapshot.id,
    path: await orLastSeen(repository, () => resolvePath(manifest, wanted, snapshot)),
  };
}

/** Runs a check; damage becomes a problem of the job. */
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
