/** The text of a job file: JSON, with comments and final commas; what is wrong is told with its place. */
import { type Complaint, readJsonc } from "../core/jsonc.ts";
import { type Job, type JobForm, type RecurringJob, SCHEMAS } from "./schema.ts";

export type ParsedJob<J> =
  | { readonly job: J; readonly problems: readonly [] }
  /** `isJson`: false if the text isn't even JSON: it may still be being written. */
  | { readonly job: undefined; readonly problems: readonly Complaint[]; readonly isJson: boolean };

export function parseJob(text: string): ParsedJob<Job> {
  return parse(text, "job");
}

export function parseRecurringJob(text: string): ParsedJob<RecurringJob> {
  return parse(text, "recurring");
}

function parse<J extends Job>(text: string, form: JobForm): ParsedJob<J> {
  const { value, complaints, isJson } = readJsonc<Job>(text, SCHEMAS[form]);
  return value === undefined ? { job: undefined, problems: complaints, isJson } : { job: value as J, problems: [] };
}
