/** Maintenance jobs: check, rewrite, alarm, doctor. */
import * as z from "zod";
import { parseSubset } from "../../core/subset.ts";
import { parseMoment } from "../../operations/settings/parse_time.ts";
import { readableBy } from "../../operations/settings/readable.ts";
import { COMMON_SHAPE, insidePath, schema, workers } from "./common.ts";
import { STORAGE_SHAPE } from "./location.ts";

export const check = z.strictObject({
  $schema: schema,
  kind: z.literal("check"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
  readData: z.boolean().describe("Read every byte").exactOptional(),
  readDataSubset: z.string().refine(readableBy(parseSubset), "Expected a part, such as 5%, 1/7, 10G or oldest:5%")
    .describe("Read a part: 5%, 10G, oldest:5%, or 1/7 (the first of 7 parts)").exactOptional(),
  snapshot: z.string().min(1).describe("Only this one: id, tree, `latest` or `latest~1`; default: all").exactOptional(),
  path: insidePath.describe("Only what is at or below it in that snapshot").exactOptional(),
  workers: workers.exactOptional(),
}).describe("Look for damage");

/** What is readable at one time is at any other. */
const ANY_TIME = { nowMs: () => 0, offsetMinutes: () => 0 };
const chosen = z.union([z.literal("all"), z.array(z.string().min(1)).min(1)]);

export const rewriting = z.strictObject({
  $schema: schema,
  kind: z.literal("rewrite"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
  snapshots: chosen.describe("Ids and names, or `all`; or choose them by name, host and tag").exactOptional(),
  name: z.string().min(1).describe("Snapshots with this name").exactOptional(),
  host: z.string().min(1).describe("Snapshots of this host").exactOptional(),
  tag: z.string().min(1).describe("Snapshots with this tag").exactOptional(),
  remove: z.array(insidePath.min(1)).min(1).describe("Remove these paths and everything below them").exactOptional(),
  exclude: z.array(z.string().min(1)).min(1).describe("Remove paths matching these patterns; gitignore syntax")
    .exactOptional(),
  newHost: z.string().min(1).describe("Set the host").exactOptional(),
  newName: z.string().min(1).describe("Set the name").exactOptional(),
  newTime: z.string().refine(readableBy((text) => parseMoment(text, ANY_TIME)), "Expected a time: 2026-11-20 23:05")
    .describe("Set the start time of one snapshot").exactOptional(),
  newTags: z.array(z.string().min(1)).describe("Set the tags; an empty list for none").exactOptional(),
  newDescription: z.string().max(1000).describe("Set the description; an empty text for none").exactOptional(),
}).describe("Remove paths from snapshots, or correct their host, name, tags or time");

export const alarm = z.strictObject({
  $schema: schema,
  kind: z.literal("alarm"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
  acknowledge: chosen.describe("Snapshots whose alarm was looked at, or `all`"),
}).describe("Acknowledge alarms about unusual change");

export const doctor = z.strictObject({
  $schema: schema,
  kind: z.literal("doctor"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
}).describe("Log what the machine and the storage can do; what may be a trouble is a problem of the job");

type Upkeep = z.infer<typeof check> | z.infer<typeof rewriting>;

const CHANGES = ["remove", "exclude", "newHost", "newName", "newTime", "newTags", "newDescription"] as const;
const FILTERS = ["name", "host", "tag"] as const;

/** Rejects keys that require, or exclude, each other. */
export function checkUpkeep(job: Upkeep | { readonly kind: unknown }, { addIssue }: z.RefinementCtx): void {
  const tell = (message: string, ...path: string[]) => addIssue({ code: "custom", message, path });
  if (isCheck(job)) {
    if (job.path !== undefined && job.snapshot === undefined) tell('Expected a "snapshot" with "path"', "path");
    if (job.snapshot !== undefined && job.readDataSubset !== undefined) {
      tell('Expected no "readDataSubset" with "snapshot"', "readDataSubset");
    }
  } else if (isRewrite(job)) {
    const filters = FILTERS.filter((key) => job[key] !== undefined);
    if (job.snapshots === undefined && filters.length === 0) {
      tell('The key "snapshots", or one of "name", "host" and "tag", is missing');
    }
    for (const key of Array.isArray(job.snapshots) ? filters : []) tell(`Expected no "${key}" with "snapshots"`, key);
    if (CHANGES.every((key) => job[key] === undefined)) tell(`One of these keys is missing: ${CHANGES.join(", ")}`);
  }
}

function isCheck(job: { readonly kind: unknown }): job is z.infer<typeof check> {
  return job.kind === "check";
}

function isRewrite(job: { readonly kind: unknown }): job is z.infer<typeof rewriting> {
  return job.kind === "rewrite";
}
