/** Names of jobs without what the runs of a recurring job are numbered by. */
import { rawOf } from "../../core/raw.ts";
import { nameText } from "../../jobs/state/job_name.ts";

/** Endings of runs that were due, and of those that were started on the page. */
const DUE = /(?:\.jsonc?)?\.\d{8}T\d{6}Z\.json$/, BY_PAGE = /^web-(.+)-\d{8}T\d{6}(?:-\d+)?\.json$/;

/** The same for all runs of one recurring job. @param name of the job file of a run */
export function jobNameOf(name: string): string {
  return nameText(rawOf(name.replace(DUE, "").replace(BY_PAGE, "$1")));
}

/** True if a run is one of this recurring job. @param name of the run, which was started by schedule or on the page */
export function isRunOf(name: string, file: string): boolean {
  const base = file.replace(/\.jsonc?$/i, "");
  const rest = name.startsWith(`${file}.`)
    ? name.slice(file.length + 1)
    : name.startsWith(`web-${base}-`)
    ? name.slice(base.length + 5)
    : "";
  return /^\d{8}T\d{6}Z?(?:-\d+)?\.json$/.test(rest);
}
