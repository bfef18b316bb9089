/** Jobs that change the tags of snapshots. */
import { shortId } from "../../core/short_id.ts";
import { tag } from "../../operations/forget/tag.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";
import { chosenSnapshots } from "./chosen_snapshots.ts";

/** Changes tags; the log shows the new ids. */
export async function performTag(run: JobRun, job: JobOf<"tag">): Promise<void> {
  const { ids: snapshots } = await chosenSnapshots(run, job.snapshots),
    { add = [], remove = [], set, description } = job;
  const request = { snapshots, add, remove, set, ...(description !== undefined && { description }) };
  for (const { former, id } of await tag(run.repository, request)) {
    if (id !== former) run.monitor.notice(`Tagged ${shortId(former)}: it is now ${shortId(id)}`);
  }
}
