/** Jobs that prove that files can be restored. */
import { defined } from "../../core/defined.ts";
import { drill, type DrillRequest } from "../../operations/drill/drill.ts";
import { bytesOfSize } from "../../operations/settings/backup_settings.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";

const USUAL_BYTES = 1024 ** 3;

/** Runs a drill; each file that was not restored correctly becomes a problem of the job. */
export async function performDrill(run: JobRun, job: JobOf<"drill">): Promise<void> {
  const { setup, monitor } = run, { name, bytes = USUAL_BYTES } = job;
  const request = defined<DrillRequest>({
    bytes: bytesOfSize(bytes),
    name,
    temp: run.tempPath,
    host: setup.host,
    workers: job.workers ?? setup.workers,
    signal: setup.signal,
  });
  await drill(run.repository, request, monitor);
}
