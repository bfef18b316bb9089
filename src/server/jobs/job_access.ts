/** Who may know of jobs, and put some in. */
import type { JobDesk, Who } from "./job_desk.ts";
import { type Account, isAllowed } from "../accounts/account.ts";
import { Fault } from "../../core/fault.ts";

interface Asking {
  readonly site: { readonly jobs: JobDesk | undefined };
  readonly account: Account | undefined;
}

export class NoJobsHere extends Fault {
  readonly code = "not-found";
  readonly hint = "Start it with `--jobs` to have some";
  constructor() {
    super("This server takes no jobs");
  }
}

/** @throws NoJobsHere */
export function deskOf({ site }: Asking): JobDesk {
  if (site.jobs === undefined) throw new NoJobsHere();
  return site.jobs;
}

/** Names of files, sources and problems are for those who may see all of it. */
export function mayReadAll({ account }: Pick<Asking, "account">): boolean {
  return isAllowed(account, "read") && account?.series === undefined;
}

/** Whose jobs somebody may take out again. */
export function whoOf({ account }: Pick<Asking, "account">): Who {
  return { name: account?.name ?? "?", mayAny: account?.role === "admin" };
}

/** Jobs that are put in concern all series. */
export function mayRun({ account }: Pick<Asking, "account">): boolean {
  return isAllowed(account, "run") && account?.series === undefined;
}
