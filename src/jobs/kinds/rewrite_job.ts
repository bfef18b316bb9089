/** Jobs that rewrite snapshots. */
import { apathOf } from "../../core/apath.ts";
import { defined } from "../../core/defined.ts";
import { rawOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import { rewrite, type RewriteChoice } from "../../operations/rewrite/rewrite.ts";
import type { NewFacts } from "../../operations/rewrite/new_facts.ts";
import { parseMoment } from "../../operations/settings/parse_time.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";
import { chosenSnapshots } from "./chosen_snapshots.ts";

/** Rewrites snapshots; the log shows the new ids. */
export async function performRewrite(run: JobRun, job: JobOf<"rewrite">): Promise<void> {
  const { setup: { machine: { clock }, signal }, repository, monitor } = run;
  const { snapshots, host, name, tag, remove = [], exclude: patterns = [] } = job;
  const names = Array.isArray(snapshots) ? snapshots : [];
  const { ids, isRepeated } = await chosenSnapshots(run, names);
  const among: RewriteChoice = names.length > 0 ? { snapshots: ids } : defined({ host, name, tag });
  const unwanted = { paths: remove.map((path) => apathOf(`/${rawOf(path).replace(/^\/+|\/+$/g, "")}`)), patterns };
  const facts = defined<NewFacts>({
    host: job.newHost,
    name: job.newName,
    description: job.newDescription,
    startMs: job.newTime === undefined ? undefined : parseMoment(job.newTime, clock),
    set: job.newTags,
  });
  const result = await rewrite(repository, { among, unwanted, facts, dryRun: false, isRepeated, signal }, monitor);
  for (const { former, id } of result.snapshots) {
    if (id !== undefined) monitor.notice(`Rewrote ${shortId(former)}: it is now ${shortId(id)}`);
  }
}
