/** Jobs that forget snapshots: the named ones, or those that rules don't keep. */
import { defined } from "../../core/defined.ts";
import { pluralText } from "../../core/size_text.ts";
import { forget, type ForgetRequest, type SeriesFilter } from "../../operations/forget/forget.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";
import { chosenSnapshots } from "./chosen_snapshots.ts";
import { policyOf } from "./prune_job.ts";

export async function performForget(run: JobRun, job: JobOf<"forget">): Promise<void> {
  const { setup: { signal }, monitor, repository } = run, workers = job.workers ?? run.setup.workers;
  const { removed } = await forget(repository, { ...await askedOf(run, job), workers, signal }, monitor);
  monitor.notice(`Removed ${pluralText(removed.length, "snapshot")}`);
}

/** After a kill, the snapshots that are gone have been removed already. */
async function askedOf(run: JobRun, { snapshots, keep, name, host, tags }: JobOf<"forget">): Promise<ForgetRequest> {
  if (snapshots !== undefined) return { snapshots: (await chosenSnapshots(run, snapshots)).ids, dryRun: false };
  const among = defined<SeriesFilter>({ name, host, tags });
  return { policy: policyOf(keep ?? "policy"), among, dryRun: false };
}
