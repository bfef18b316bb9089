/** Jobs that acknowledge alarms. */
import { shortId } from "../../core/short_id.ts";
import { acknowledge } from "../../operations/unusual/acknowledge.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";
import { chosenSnapshots } from "./chosen_snapshots.ts";

export async function performAlarm(run: JobRun, { acknowledge: which }: JobOf<"alarm">): Promise<void> {
  const names = which === "all" ? undefined : (await chosenSnapshots(run, which)).ids;
  for (const { former, id } of await acknowledge(run.repository, names)) {
    run.monitor.notice(`Acknowledged ${shortId(former)}: it is now ${shortId(id)}`);
  }
}
