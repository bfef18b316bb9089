/** Jobs that forget and prune. */
import type { Policy } from "../../core/policy.ts";
import { defined } from "../../core/defined.ts";
import { forget, type SeriesFilter } from "../../operations/forget/forget.ts";
import { prune } from "../../operations/forget/prune.ts";
import { paceFrom } from "../../operations/settings/prune_pace.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf, Keep } from "../schema/schema.ts";

export async function performPrune({ setup, repository, monitor }: JobRun, job: JobOf<"prune">): Promise<void> {
  // Each thread takes much memory here.
  const { host, name, tags, workers = 0 } = job, among = defined<SeriesFilter>({ host, name, tags });
  if (job.keep !== undefined) {
    const terms = { dryRun: false, workers: setup.workers, signal: setup.signal };
    await forget(repository, { policy: policyOf(job.keep), among, ...terms }, monitor);
  }
  const pace = paceFrom(job);
  const request = { dryRun: false, workers, signal: setup.signal, ...(pace !== undefined && { pace }) };
  await prune(repository, request, () => {}, monitor);
}

/** The policy that `keep` gives; undefined for that of the storage itself. */
export function policyOf(keep: Keep): Policy | undefined {
  return keep === "policy" ? undefined : keep;
}
