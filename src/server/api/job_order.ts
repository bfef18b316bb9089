/** Jobs written by users: checked here for an immediate answer, and again when they are performed. */
import { deskOf, mayRun } from "../jobs/job_access.ts";
import { NothingToBackUp } from "../jobs/faults.ts";
import { BadRequest, InvalidJob, NotAllowed } from "../exchange/problem.ts";
import type { Exchange } from "../exchange/route.ts";
import { type Complaint, complaintText, parseJsonc } from "../../core/jsonc.ts";
import { withKeys } from "../../core/jsonc_edit.ts";
import { textOf } from "../../core/raw.ts";
import { ConfinedDisk, OutsideLimits } from "../../operations/confined_disk.ts";
import { type ParsedJob, parseJob, parseRecurringJob } from "../../jobs/schema/job_file.ts";
import { absolutePath, type Job, type JobForm, type JobOf } from "../../jobs/schema/schema.ts";
import { kindsFor } from "../../jobs/schema/web_keys.ts";

export type Ordered =
  | { readonly job: Job; readonly text: string; readonly complaints: readonly [] }
  | { readonly job: undefined; readonly complaints: readonly Complaint[] };

/** Kinds of jobs that an account may write; restores have a request of their own. */
export function kindsOf({ account, site }: Pick<Exchange, "account" | "site">): readonly string[] {
  const role = account?.role === "admin" ? "admin" : "run";
  return kindsFor({ role, ...(site.mayRemove && { remove: true }) }).filter((kind) => kind !== "restore");
}

/**
 * Parses a job, and adds its owner and limits. Complaints refer to the text's own lines. The text that is written is
 * the one that was checked.
 * @throws NotAllowed, NothingToBackUp
 */
export function orderedJob(exchange: Exchange, text: string, form: JobForm): Ordered {
  const { site, account } = exchange;
  deskOf(exchange);
  if (!mayRun(exchange)) throw new NotAllowed("This account is for some series only");
  const role = account?.role === "admin" ? "admin" : "run", below = site.sourcesBelow.map(textOf);
  const limits = { role, below, ...(site.mayRemove && role === "admin" && { remove: true }) };
  const first = parsed(exchange, text, form);
  if (first.job === undefined && (!first.isJson || !isObject(text))) {
    return { job: undefined, complaints: first.problems };
  }
  const whole = withKeys(text, { by: account?.name ?? "?", limits }), { job, problems } = parsed(exchange, whole, form);
  if (job === undefined) return { job, complaints: problems };
  if (job.kind === "restore") throw new BadRequest("Restores are put in at /api/v1/jobs");
  const complaints = job.kind === "backup" ? sourceComplaints(exchange, job, whole) : [];
  return complaints.length > 0 ? { job: undefined, complaints } : { job, text: `${whole.trimEnd()}\n`, complaints: [] };
}

/** As {@link orderedJob}, for a valid job. @throws as {@link orderedJob}, and InvalidJob */
export function assertOrdered(exchange: Exchange, text: string, form: JobForm): Ordered & { readonly job: Job } {
  const ordered = orderedJob(exchange, text, form);
  if (ordered.job === undefined) {
    const { line = 1, column = 1 } = ordered.complaints[0] ?? {};
    throw new InvalidJob(ordered.complaints.map(complaintText), `${line}:${column}`);
  }
  return ordered;
}

function parsed({ site }: Exchange, text: string, form: JobForm): ParsedJob<Job> {
  return form === "job" ? parseJob(text) : parseRecurringJob(text, site.clock.nowMs());
}

function isObject(text: string): boolean {
  const value = parseJsonc(text);
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Checks sources early; the job checks them again in their later state. @throws NothingToBackUp */
function sourceComplaints({ site }: Exchange, { sources }: JobOf<"backup">, text: string): Complaint[] {
  if (site.sourcesBelow.length === 0) throw new NothingToBackUp();
  const disk = new ConfinedDisk(site.disk, site.sourcesBelow), line = lineOf(text, "sources");
  return sources.flatMap((source): Complaint[] => {
    const path = typeof source === "string" ? source : "path" in source ? source.path : "";
    try {
      disk.placeOf(absolutePath(path));
      return [];
    } catch (error) {
      if (!(error instanceof OutsideLimits)) throw error;
      const message = `${JSON.stringify(path)} lies outside of what may be backed up here`;
      return [{ line, column: 1, message, hint: `Possible: ${site.sourcesBelow.map(textOf).join(", ")}` }];
    }
  });
}

function lineOf(text: string, key: string): number {
  const at = text.indexOf(`"${key}"`);
  return at < 0 ? 1 : text.slice(0, at).split("\n").length;
}
