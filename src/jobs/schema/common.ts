/** Keys that every job has, or many. */
import * as z from "zod";
import { checkPath } from "../../operations/settings/backup_schema.ts";
import { HOOKS_SCHEMA } from "../../operations/settings/hooks_schema.ts";

const MOST_THREADS = 64;

export const workers = z.int().min(0).max(MOST_THREADS).describe(
  "Threads that read and write besides the one that walks",
);

/** Of a snapshot; the first slash may be missing. */
export const insidePath = z.string().superRefine(checkPath);

export const schema = z.string().describe("For editors").exactOptional();

/** Of every job. */
export const COMMON_SHAPE = {
  notify: z.array(z.string().min(1)).describe("Targets of the configuration that are told; default: all")
    .exactOptional(),
  by: z.string().min(1).max(64).describe("Account that put it in by the page; it may take it out again")
    .exactOptional(),
  hooks: HOOKS_SCHEMA.exactOptional(),
};
