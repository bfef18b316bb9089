/** Jobs about single snapshots: tag, forget, tree. */
import * as z from "zod";
import { TAGS_SCHEMA } from "../../operations/settings/backup_schema.ts";
import { COMMON_SHAPE, keep, schema, workers } from "./common.ts";
import { STORAGE_SHAPE } from "./location.ts";

const snapshots = z.array(z.string().min(1)).min(1).max(1000).describe("Ids, trees, or names such as `latest~1`");

export const tagging = z.strictObject({
  $schema: schema,
  kind: z.literal("tag"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
  snapshots,
  add: TAGS_SCHEMA.describe("Add these tags; `pinned` keeps a snapshot for good").exactOptional(),
  remove: TAGS_SCHEMA.describe("Remove these tags").exactOptional(),
  set: TAGS_SCHEMA.describe("Replace all tags with these; an empty list for none").exactOptional(),
  description: z.string().max(1000).describe("Describe the snapshots; an empty text for no description")
    .exactOptional(),
}).describe("Change the tags or the description of snapshots");

export const forgetting = z.strictObject({
  $schema: schema,
  kind: z.literal("forget"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
  snapshots: snapshots.exactOptional(),
  keep: keep.exactOptional(),
  name: z.string().min(1).describe("With `keep`: only snapshots with this name").exactOptional(),
  host: z.string().min(1).describe("With `keep`: only snapshots of this host").exactOptional(),
  tags: TAGS_SCHEMA.describe("With `keep`: only snapshots with one of these tags; `a,b` for both").exactOptional(),
  workers: workers.exactOptional(),
}).describe("Remove snapshots; their space is freed by the next prune");

export const tree = z.strictObject({
  $schema: schema,
  kind: z.literal("tree"),
  ...COMMON_SHAPE,
  snapshots,
  action: z.enum(["build", "remove"]).describe("Build the trees, or remove them; the snapshots stay"),
  workers: workers.exactOptional(),
}).describe("Build or remove the browsable trees of snapshots");

type SnapshotJob = z.infer<typeof tagging> | z.infer<typeof forgetting>;

const CHANGES = ["add", "remove", "set", "description"] as const;
const FILTERS = ["name", "host", "tags"] as const;

/** Rejects keys that require, or exclude, each other. */
export function checkSnapshotJob(
  job: SnapshotJob | { readonly kind: unknown },
  { addIssue }: z.RefinementCtx,
): void {
  const complain = (message: string, ...path: string[]) => addIssue({ code: "custom", message, path });
  if (isTag(job) && CHANGES.every((key) => job[key] === undefined)) {
    complain(`One of these keys is missing: ${CHANGES.join(", ")}`);
  }
  if (!isForget(job)) return;
  if (job.snapshots === undefined && job.keep === undefined) complain('The key "snapshots", or "keep", is missing');
  if (job.snapshots === undefined) return;
  for (const key of ["keep", ...FILTERS] as const) {
    if (job[key] !== undefined) complain(`Expected no "${key}" with "snapshots"`, key);
  }
}

function isTag(job: { readonly kind: unknown }): job is z.infer<typeof tagging> {
  return job.kind === "tag";
}

function isForget(job: { readonly kind: unknown }): job is z.infer<typeof forgetting> {
  return job.kind === "forget";
}
