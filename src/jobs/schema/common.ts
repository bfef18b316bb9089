/** Keys that all jobs, or many of them, have in common. */
import * as z from "zod";
import { checkPath } from "../../operations/settings/backup_schema.ts";
import { POLICY_SCHEMA } from "../../operations/settings/policy_schema.ts";
import { HOOKS_SCHEMA } from "../../operations/settings/hooks_schema.ts";

const MOST_THREADS = 64;
/** An absolute path, on Windows with a drive letter and either slash. */
export const ABSOLUTE = /^(?:\/|[A-Za-z]:[\\/])/;

export const workers = z.int().min(0).max(MOST_THREADS).describe(
  "Threads that read and write besides the one that walks",
);

/** A path in a snapshot; the leading slash may be omitted. */
export const insidePath = z.string().superRefine(checkPath);

/** Which snapshots a job keeps. */
export const keep = z.union([POLICY_SCHEMA, z.literal("policy")])
  .describe("Which snapshots of the series stay, the others are forgotten; `policy`: as `policy set` says");

export const schema = z.string().describe("For editors").exactOptional();

/** Of a job that somebody put in who may do less than the service: who performs it holds to that. */
const LIMITS = z.strictObject({
  role: z.enum(["run", "admin"]).describe("Of the account; see `backup-tool help web`"),
  below: z.array(z.string().regex(ABSOLUTE, "Expected an absolute path").superRefine(checkPath)).max(64)
    .describe("Only below these directories something is written by a restore, or read by a backup"),
  remove: z.literal(true).describe("Snapshots may be forgotten and rewritten, and space freed").exactOptional(),
}).describe("Written by the page: what the job may do at most");

/** Keys of every job. */
export const COMMON_SHAPE = {
  notify: z.array(z.string().min(1)).describe("Notification targets of the configuration; default: all")
    .exactOptional(),
  by: z.string().min(1).max(64).describe("Account that put it in by the page; it may take it out again")
    .exactOptional(),
  hooks: HOOKS_SCHEMA.exactOptional(),
  limits: LIMITS.exactOptional(),
};
