/** Runs each kind of job: the same operation, with the same request, as the command of that name. */
import { performImport } from "../import/import.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobKind, JobOf } from "../schema/schema.ts";
import { performAlarm } from "./alarm_job.ts";
import { performBackup } from "./backup_job.ts";
import { performCheck } from "./check_job.ts";
import { performCopy } from "./copy_job.ts";
import { performDoctor } from "./doctor_job.ts";
import { performDrill } from "./drill_job.ts";
import { performForget } from "./forget_job.ts";
import { performPrune } from "./prune_job.ts";
import { performRestore } from "./restore_job.ts";
import { performRewrite } from "./rewrite_job.ts";
import { performTag } from "./tag_job.ts";
import { performTree } from "./tree_job.ts";

type Performers = { readonly [Kind in JobKind]: (run: JobRun, job: JobOf<Kind>) => Promise<void> };

/** A new kind of job is a line here, and one in the list of schemas (../schema/schema.ts). */
const PERFORMERS: Performers = {
  backup: performBackup,
  import: performImport,
  restore: performRestore,
  check: performCheck,
  prune: performPrune,
  copy: performCopy,
  drill: performDrill,
  rewrite: performRewrite,
  tag: performTag,
  forget: performForget,
  tree: performTree,
  alarm: performAlarm,
  doctor: performDoctor,
};

/** Runs a job, or continues one whose run was killed. */
export async function performKind<Kind extends JobKind>(run: JobRun, job: JobOf<Kind> & { kind: Kind }): Promise<void> {
  if ("storage" in job && job.storage !== undefined) await run.use(job.storage);
  await PERFORMERS[job.kind](run, job);
}
