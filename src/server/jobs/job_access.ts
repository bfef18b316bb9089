/** Decides who may see and add jobs. */
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

/** The job desk. @throws NoJobsHere */
export function deskOf({ site }: Asking): JobDesk {
  if (site.jobs === undefined) throw new NoJobsHere();
  return site.jobs;
}

/** True if the account may see all series, and so the names of files, sources and problems. */
export function mayReadAll({ account }: Pick<Asking, "account">): boolean {
  return isAllowed(account, "read") && account?.series === undefined;
}

/** Identifies the account, whose own jobs it may remove. */
export function whoOf({ account }: Pick<Asking, "account">): Who {
  return { name: account?.name ?? "?", mayAny: account?.role === "admin" };
}

/** True if the account may add jobs: these concern all series. */
export function mayRun({ account }: Pick<Asking, "account">): boolean {
  return isAllowed(account, "run") && account?.series === undefined;
}
