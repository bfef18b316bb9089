/** Names of jobs without what the runs of a recurring job are numbered by. */
import { rawOf } from "../../core/raw.ts";
import { nameText } from "../../jobs/state/job_name.ts";

/** Endings of runs that were due, and of those that were started on the page. */
const DUE = /\.\d{8}T\d{6}Z\.json$/, BY_PAGE = /^web-(.+)-\d{8}T\d{6}(?:-\d+)?\.json$/;

/** The same for all runs of one recurring job. @param name of the job file of a run */
export function jobNameOf(name: string): string {
  return nameText(rawOf(name.replace(DUE, "").replace(BY_PAGE, "$1")));
}
