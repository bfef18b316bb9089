/**
 * What a job file may say. Each key means what the option of the same command means; `backup-tool job schema` prints all
 * this as JSON Schema, so descriptions here are what an editor shows.
 */
import { Cron } from "croner";
import * as z from "zod";
import { Fault, unlessFault } from "../core/fault.ts";
import { hasRule, parseSpan, type Policy, tagList } from "../core/policy.ts";
import { type Raw, rawOf } from "../core/raw.ts";
import { parseSize } from "../core/size_text.ts";
import { parseSubset } from "../core/subset.ts";
import { resolved, whyNoPath } from "../core/written_path.ts";
import { PRESETS } from "../source/exclude_lists.ts";

const MOST_THREADS = 64;
const MOST_KEPT = 1_000_000;
/** Windows has letters, and either slash. */
const ABSOLUTE = /^(?:\/|[A-Za-z]:[\\/])/;
const PARENT = /(?:^|[\\/])\.\.(?:[\\/]|$)/;

/** Of a name, in bytes: what every file system can hold, with room for an ending. */
const LONGEST_NAME = 250;
const TOO_LONG = `Expected names of at most ${LONGEST_NAME} bytes`;

/** As it stands in the file; {@link absolutePath} makes one for the system of it. */
const path = z.string().regex(ABSOLUTE, "Expected an absolute path").superRefine(checkPath);
const insidePath = z.string().superRefine(checkPath);

const size = z.union([
  z.int().nonnegative(),
  z.string().refine(isSize, "Expected a size, such as 500K, 10M or 1.5GiB"),
]);

const patterns = z.array(z.string());
const tags = z.array(z.string().min(1)).describe("Marks of the snapshot");
const workers = z.int().min(0).max(MOST_THREADS).describe("Threads that read and write besides the one that walks");
const host = z.string().min(1).describe("Say that the files are this host's; default: this one");
const amount = z.union([z.int().min(0).max(MOST_KEPT), z.literal("unlimited")]);

const rules = z.strictObject({
  last: amount.optional(),
  hourly: amount.optional(),
  daily: amount.optional(),
  weekly: amount.optional(),
  monthly: amount.optional(),
  yearly: amount.optional(),
  within: z.string().refine((text) => isRead(() => parseSpan(text)), "Expected a span, such as 30d or 1y6m").optional(),
  tag: z.array(z.string().refine((text) => tagList(text).length > 0, "Expected a tag")).optional(),
}).refine((rules) => unlessFault(() => hasRule(rules as Policy), true), {
  message: "Expected a rule that keeps something",
});

const keep = z.union([rules, z.literal("policy")])
  .describe("Which snapshots of the series stay, the others are forgotten; `policy`: as `policy set` says");

const lock = z.union([
  z.enum(["btrfs", "zfs", "lvm"]),
  z.strictObject({
    before: z.string().min(1, "must not be empty").describe("Run before the sources are read").optional(),
    after: z.string().min(1, "must not be empty").describe("Run when they have been read, or when anything fails")
      .optional(),
    readFrom: path.describe("Where the only source is read in between").optional(),
  }).refine(({ before, after }) => before !== undefined || after !== undefined, {
    message: "must have a command, before or after",
  }),
]).describe("How the sources are held still: by snapshots of their file system, or by commands");

const schema = z.string().describe("For editors").optional();

const backup = z.strictObject({
  $schema: schema,
  kind: z.literal("backup"),
  name: z.string().min(1).describe("Name of the series; default: from the sources").optional(),
  sources: z.array(z.union([
    path,
    z.strictObject({
      path,
      as: z.string().regex(/^(?!\.\.?$)[^/\0]+$/, "Expected one name, without slashes").refine(isName, TOO_LONG)
        .describe("Its name in the snapshot").optional(),
    }),
  ])).min(1).describe("Directories and files to back up"),
  exclude: patterns.describe("Leave out what fits; gitignore syntax, the last that fits wins").optional(),
  excludeFrom: z.array(path).describe("Files with such patterns").optional(),
  presets: z.array(z.enum(Object.keys(PRESETS) as [string, ...string[]])).describe("Known kinds of litter").optional(),
  ignoreFiles: z.boolean().describe("Follow .backupignore files in the sources; default: true").optional(),
  excludeCaches: z.boolean().describe("Leave out directories marked with a CACHEDIR.TAG").optional(),
  excludeLargerThan: size.describe("Leave out larger files").optional(),
  maxSize: size.describe("The same").optional(),
  oneFileSystem: z.boolean().describe("Don't enter what is mounted below a source").optional(),
  tags: tags.optional(),
  force: z.boolean().describe("Read every file, even if nothing seems to have changed").optional(),
  ignoreInode: z.boolean().describe("A new inode number alone is no change").optional(),
  ignoreCtime: z.boolean().describe("A new time of change (ctime) alone is no change").optional(),
  static: patterns.describe("What fits should never change: warn, and keep the old content").optional(),
  lock: lock.optional(),
  tree: z.boolean().describe("Make a browsable tree; default: true").optional(),
  host: host.optional(),
  workers: workers.optional(),
  keep: keep.optional(),
}).describe("Back up directories and files as one snapshot");

const importing = z.strictObject({
  $schema: schema,
  kind: z.literal("import"),
  source: path.describe("A directory or a file; it is removed when everything of it is safe"),
  destination: z.string().superRefine(checkDestination)
    .describe("Where in archive/ it goes; what is there is replaced"),
  pack: z.enum(["none", "zip"]).describe("As it is (the default), or as one ZIP file").optional(),
  removeSource: z.boolean().describe("Remove the source; default: true").optional(),
  name: z.string().min(1).describe("Name of the series; default: the destination").optional(),
  tags: tags.optional(),
  tree: z.boolean().describe("Make a browsable tree of the snapshot; default: true").optional(),
  host: host.optional(),
  workers: workers.optional(),
}).describe("Move a directory or file into archive/, and keep it as a snapshot too");

const restore = z.strictObject({
  $schema: schema,
  kind: z.literal("restore"),
  snapshot: z.string().min(1).describe("Id, tree, `latest` or `latest~1`; default: latest")
    .optional(),
  name: z.string().min(1).describe("Only snapshots of this series").optional(),
  host: z.string().min(1).describe("Only snapshots of this host").optional(),
  paths: z.array(insidePath).describe("Files and directories in the snapshot; default: everything").optional(),
  include: patterns.describe("Only what fits; gitignore syntax").optional(),
  exclude: patterns.describe("Not what fits; gitignore syntax").optional(),
  target: path.describe("Where to; it must be empty unless `overwrite` or `delete` is given").optional(),
  inPlace: z.literal(true).describe("To where everything was backed up from, instead of `target`").optional(),
  strip: z.int().min(0).max(9999).describe("Leave out the first names of every path").optional(),
  overwrite: z.enum(["always", "if-changed", "if-newer", "never"]).describe("What to do with files that are there")
    .optional(),
  delete: z.boolean().describe("Remove from the target what the snapshot doesn't have").optional(),
  owners: z.enum(["names", "ids", "none"]).describe("By name (the default), by number, or whoever restores").optional(),
  workers: workers.optional(),
}).describe("Get files back from a snapshot");

const check = z.strictObject({
  $schema: schema,
  kind: z.literal("check"),
  readData: z.boolean().describe("Read every byte").optional(),
  readDataSubset: z.string().refine(isSubset, "Expected a part, such as 5%, 1/7, 10G or oldest:5%")
    .describe("Read a part: 5%, 10G, oldest:5%, or 1/7 (the first of 7 parts)").optional(),
  workers: workers.optional(),
}).describe("Look for damage");

const prune = z.strictObject({
  $schema: schema,
  kind: z.literal("prune"),
  keep: keep.optional(),
  name: z.string().min(1).describe("Forget only in this series").optional(),
  host: z.string().min(1).describe("Forget only snapshots of this host").optional(),
  workers: workers.optional(),
}).describe("Forget snapshots, and free the space that nothing needs any more");

/** Strict once there is something to copy to. */
const copy = z.looseObject({ $schema: schema, kind: z.literal("copy") })
  .describe("Copy snapshots into a vault; not in this version");

const KINDS = [backup, importing, restore, check, prune, copy] as const;

const NO_TIME = "Expected a cron expression with a time that comes, such as `0 3 * * *`";
const every = z.string().refine(isCron, NO_TIME)
  .describe("When: minute, hour, day of month, month, day of week");
const timeZone = z.string().refine(isTimeZone, "Expected a time zone, such as Europe/Berlin")
  .describe("Of `every`; default: this machine's");

const one = z.discriminatedUnion("kind", KINDS);
const recurring = z.discriminatedUnion("kind", [
  backup.extend({ every, timeZone: timeZone.optional() }),
  importing.extend({ every, timeZone: timeZone.optional() }),
  restore.extend({ every, timeZone: timeZone.optional() }),
  check.extend({ every, timeZone: timeZone.optional() }),
  prune.extend({ every, timeZone: timeZone.optional() }),
  copy.extend({ every, timeZone: timeZone.optional() }),
]);

export type Job = z.infer<typeof one>;
export type JobKind = Job["kind"];
export type JobOf<K extends JobKind> = Extract<Job, { kind: K }>;
export type Keep = z.infer<typeof keep>;
export type RecurringJob = Job & { readonly every: string; readonly timeZone?: string | undefined };

/** What a file is meant to be: a job, or one that recurs. */
export type JobForm = "job" | "recurring";
/** The schema of a form. */
export const SCHEMAS = {
  job: one.superRefine(checkTarget),
  recurring: recurring.superRefine(checkTarget),
} as const;

export const JOB_KINDS: readonly JobKind[] = KINDS.map(({ shape }) => shape.kind.value);

/** For editors: JSON Schema, draft 7. */
export function jsonSchema(form: JobForm): object {
  return z.toJSONSchema(SCHEMAS[form], { target: "draft-7", io: "input", unrepresentable: "any" });
}

/** Bytes of a size that was checked already. */
export function sizeOf(given: string | number | undefined): number | undefined {
  return typeof given === "string" ? parseSize(given) : given;
}

/** When a recurring job is due next. @returns undefined if never again */
export function nextDueMs(job: Pick<RecurringJob, "every" | "timeZone">, afterMs: number): number | undefined {
  return cronOf(job.every, job.timeZone).nextRun(new Date(afterMs))?.getTime();
}

/** What is wrong with the time of a job whose last turn was then: a year, or a zone, may keep it from coming. */
export function complaintOfTime(job: RecurringJob, afterMs: number): string | undefined {
  try {
    return nextDueMs(job, afterMs) === undefined ? NO_TIME : undefined;
  } catch {
    return NO_TIME; // croner refuses some combinations only then
  }
}

/** A restore has one place to go to. */
function checkTarget(job: Job, context: z.RefinementCtx): void {
  if (job.kind !== "restore" || (job.target === undefined) !== (job.inPlace === undefined)) return;
  const message = job.target === undefined
    ? 'The key "target", or "inPlace", is missing'
    : 'Expected no "target" with "inPlace"';
  context.addIssue({ code: "custom", message, path: job.target === undefined ? [] : ["target"] });
}

function cronOf(every: string, timeZone: string | undefined): Cron {
  return new Cron(every, { paused: true, ...(timeZone !== undefined && { timezone: timeZone }) });
}

function checkPath(text: string, context: z.RefinementCtx): void {
  const why = whyNoPath(text);
  if (why !== undefined) context.addIssue({ code: "custom", message: `A path ${why}` });
}

/** The path that a job's text means: without `.`, `..`, doubled and final slashes. */
export function absolutePath(text: string): Raw {
  return resolved(rawOf(text));
}

function isSize(text: string): boolean {
  return isRead(() => parseSize(text));
}

function isSubset(text: string): boolean {
  return isRead(() => parseSubset(text));
}

function isRead(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
}

/** Components of its own: it can't leave archive/, nor hide in it. */
function checkDestination(text: string, { addIssue }: z.RefinementCtx): void {
  const message = whyNoDestination(text);
  if (message !== undefined) addIssue({ code: "custom", message });
}

function whyNoDestination(text: string): string | undefined {
  const expected = "Expected a path below archive/";
  const parts = text.split("/");
  if (text === "") return `${expected}, found nothing`;
  if (ABSOLUTE.test(text)) return `${expected}, not an absolute one`;
  if (PARENT.test(text)) return `${expected}, without ..`;
  if (/[\\\0]/.test(text)) return `${expected}, without backslashes and NUL`;
  if (parts.includes("")) {
    return `${expected}, without empty names: there is nothing before or after one of its slashes`;
  }
  if (parts.includes(".")) return `${expected}, without names that are just a dot`;
  return parts.every(isName) ? undefined : TOO_LONG;
}

/** Short enough. */
function isName(text: string): boolean {
  return rawOf(text).length <= LONGEST_NAME;
}

/** Five or six fields, and not a date: that would be once. Something like the 31st of February never comes. */
function isCron(text: string): boolean {
  try {
    return !/^\d{4}-/.test(text) && cronOf(text, undefined).nextRun(new Date(0)) !== null;
  } catch {
    return false;
  }
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }) !== undefined;
  } catch {
    return false;
  }
}
