/** The text of a job file: JSON with comments and trailing commas; errors are reported with their position. */
import { type Complaint, type Objection, readJsonc } from "../../core/jsonc.ts";
import type { ZodType } from "zod";
import { rawOf } from "../../core/raw.ts";
import { complaintOfTime, type Job, type RecurringJob, SCHEMAS } from "./schema.ts";

export type ParsedJob<J> =
  | { readonly job: J; readonly problems: readonly [] }
  /** `isJson` is false if the text isn't even JSON: it may still be being written. */
  | { readonly job: undefined; readonly problems: readonly Complaint[]; readonly isJson: boolean };

/** Maximum size of a job file. */
export const MOST_BYTES = 1024 * 1024;

/** Parses a job. @param size of the file in bytes, if the text is truncated */
export function parseJob(text: string, size = bytesIn(text)): ParsedJob<Job> {
  return parse(text, size, SCHEMAS.job);
}

/**
 * Parses a recurring job.
 * @param afterMs time in ms since 1970 after which it must run at least once; otherwise it is invalid
 * @param size of the file in bytes, if the text is truncated
 */
export function parseRecurringJob(text: string, afterMs: number, size = bytesIn(text)): ParsedJob<RecurringJob> {
  return parse(text, size, SCHEMAS.recurring, (job: RecurringJob) => {
    const message = complaintOfTime(job, afterMs);
    return message === undefined ? undefined : { path: ["every"], message };
  });
}

function bytesIn(text: string): number {
  return text.length > MOST_BYTES / 4 ? rawOf(text).length : text.length;
}

function parse<J extends Job>(
  text: string,
  size: number,
  schema: ZodType<J>,
  judge?: (job: J) => Objection | undefined,
): ParsedJob<J> {
  if (size > MOST_BYTES) {
    const message = `The file is too large: a job has ${MOST_BYTES} bytes at most`;
    return { job: undefined, problems: [{ line: 1, column: 1, message }], isJson: false };
  }
  const { value, complaints, isJson } = readJsonc(text, schema, judge);
  return complaints === undefined ? { job: value, problems: [] } : { job: undefined, problems: complaints, isJson };
}
