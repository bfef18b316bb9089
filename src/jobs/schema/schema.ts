/**
 * The schema of job files. Each key means the same as the option of that command. `backup-tool job schema` prints all
 * of this as JSON Schema, so editors show the descriptions.
 */
import { Cron } from "croner";
import * as z from "zod";
import { type Raw, rawOf } from "../../core/raw.ts";
import { parseSubset } from "../../core/subset.ts";
import { resolved } from "../../core/written_path.ts";
import {
  backupShape,
  checkPath,
  HOST_SCHEMA,
  SIZE_SCHEMA,
  TAGS_SCHEMA,
} from "../../operations/settings/backup_schema.ts";
import { parseDuration, parseShare } from "../../operations/settings/prune_pace.ts";
import { readableBy } from "../../operations/settings/readable.ts";
import { isRemoteText, remoteSchema } from "../../operations/settings/source_schema.ts";
import { ABSOLUTE, COMMON_SHAPE, insidePath, keep, schema, workers } from "./common.ts";
import { COPY_ENDS, STORAGE_SHAPE } from "./location.ts";
import { checkSnapshotJob, forgetting, tagging, tree } from "./snapshot_jobs.ts";
import { alarm, check, checkUpkeep, doctor, rewriting } from "./upkeep.ts";
import { beyondLimits } from "./web_keys.ts";

const PARENT = /(?:^|[\\/])\.\.(?:[\\/]|$)/;

/** Of a name, in bytes: what every file system can hold, with room for an ending. */
const LONGEST_NAME = 250;
const TOO_LONG = `Expected names of at most ${LONGEST_NAME} bytes`;

/** As it stands in the file; {@link absolutePath} makes one for the system of it. */
const path = z.string().regex(ABSOLUTE, "Expected an absolute path").superRefine(checkPath);

const patterns = z.array(z.string());

const pathOrServer = z.string().refine((text) => isRemoteText(text) || ABSOLUTE.test(text), "Expected an absolute path")
  .superRefine((text, context) => isRemoteText(text) ? undefined : checkPath(text, context));

const namedPath = z.strictObject({
  path,
  as: z.string().regex(/^(?!\.\.?$)[^/\0]+$/, "Expected one name, without slashes").refine(isName, TOO_LONG)
    .describe("Its name in the snapshot").exactOptional(),
});

const backup = z.strictObject({
  $schema: schema,
  kind: z.literal("backup"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
  name: z.string().min(1).describe("Name of the series; default: from the sources").exactOptional(),
  sources: z.array(z.union([pathOrServer, namedPath, remoteSchema(path)])).min(1)
    .describe("Directories and files to back up; or one server"),
  ...backupShape(path, path),
  maxSize: SIZE_SCHEMA.describe("The same as `excludeLargerThan`").exactOptional(),
  force: z.boolean().describe("Read every file, even if nothing seems to have changed").exactOptional(),
  workers: workers.exactOptional(),
  keep: keep.exactOptional(),
}).describe("Back up directories and files as one snapshot");

const importing = z.strictObject({
  $schema: schema,
  kind: z.literal("import"),
  ...COMMON_SHAPE,
  source: path.describe("A directory or a file; it is removed when everything of it is safe"),
  destination: z.string().superRefine(checkDestination)
    .describe("Where in archive/ it goes; what is there is replaced"),
  pack: z.enum(["none", "zip"]).describe("As it is (the default), or as one ZIP file").exactOptional(),
  removeSource: z.boolean().describe("Remove the source; default: true").exactOptional(),
  name: z.string().min(1).describe("Name of the series; default: the destination").exactOptional(),
  tags: TAGS_SCHEMA.exactOptional(),
  tree: z.boolean().describe("Make a browsable tree of the snapshot; default: true").exactOptional(),
  host: HOST_SCHEMA.exactOptional(),
  workers: workers.exactOptional(),
}).describe("Move a directory or file into archive/, and keep it as a snapshot too");

const restore = z.strictObject({
  $schema: schema,
  kind: z.literal("restore"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
  snapshot: z.string().min(1).describe("Id, tree, `latest` or `latest~1`; default: latest")
    .exactOptional(),
  name: z.string().min(1).describe("Only snapshots of this series").exactOptional(),
  host: z.string().min(1).describe("Only snapshots of this host").exactOptional(),
  paths: z.array(insidePath).describe("Files and directories in the snapshot; default: everything").exactOptional(),
  include: patterns.describe("Restore only matching paths; gitignore syntax").exactOptional(),
  exclude: patterns.describe("Skip matching paths; gitignore syntax").exactOptional(),
  target: path.describe("Where to; it must be empty unless `overwrite` or `delete` is given").exactOptional(),
  inPlace: z.literal(true).describe("To where everything was backed up from, instead of `target`").exactOptional(),
  strip: z.int().min(0).max(9999).describe("Strip that many leading path components").exactOptional(),
  overwrite: z.enum(["always", "if-changed", "if-newer", "never"]).describe("When to replace existing files")
    .exactOptional(),
  delete: z.boolean().describe("Delete from the target what is not in the snapshot").exactOptional(),
  owners: z.enum(["names", "ids", "none", "target"])
    .describe("By name (the default), by number, whoever restores, or the owner of the directory that it goes to")
    .exactOptional(),
  sparse: z.boolean().describe("Write holes instead of zeros in all files").exactOptional(),
  flags: z.boolean().describe("Restore the flags immutable, append-only and no-dump").exactOptional(),
  workers: workers.exactOptional(),
}).describe("Restore files from a snapshot");

/** For vaults; see the options of the same names. */
const PACE_SHAPE = {
  grace: z.string().refine(readableBy(parseDuration), "Expected a time, such as 24h or 7d")
    .describe("Vaults: delete so long after it was noted as unneeded; default: 24h").exactOptional(),
  keepUnused: z.string().refine(readableBy(parseDuration), "Expected a time, such as 24h or 7d")
    .describe("Vaults: note it when nothing has needed it for so long; default: 7d").exactOptional(),
  maxUnused: z.string().refine(readableBy(parseShare), "Expected a share, such as 5%")
    .describe("Vaults: that share may lie unused among what is needed; default: 5%").exactOptional(),
  maxRepack: SIZE_SCHEMA.describe("Vaults: write that much anew at most; default: 10G").exactOptional(),
};

const prune = z.strictObject({
  $schema: schema,
  kind: z.literal("prune"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
  keep: keep.exactOptional(),
  name: z.string().min(1).describe("Forget only in this series").exactOptional(),
  host: z.string().min(1).describe("Forget only snapshots of this host").exactOptional(),
  tags: TAGS_SCHEMA.describe("Forget only snapshots with one of these tags; `a,b`: with both").exactOptional(),
  ...PACE_SHAPE,
  workers: workers.exactOptional(),
}).describe("Forget snapshots, and free the space that nothing needs any more");

const copy = z.strictObject({
  $schema: schema,
  kind: z.literal("copy"),
  ...COMMON_SHAPE,
  ...COPY_ENDS,
  snapshots: z.union([z.enum(["all", "latest"]), z.array(z.string().min(1)).min(1)])
    .describe("`all` that are not there (the default), the `latest` of each series, or ids and names").exactOptional(),
  name: z.string().min(1).describe("Only snapshots of this name").exactOptional(),
  host: z.string().min(1).describe("Only snapshots of this host").exactOptional(),
  tags: TAGS_SCHEMA.describe("Only snapshots with one of these tags").exactOptional(),
  keep: keep.describe("What the target keeps: the rest is forgotten there, and not copied").exactOptional(),
  prune: z.union([z.boolean(), z.literal("weekly")]).describe("Prune the target afterwards; default: false")
    .exactOptional(),
  checkSubset: z.string().refine(readableBy(parseSubset), "Expected a part, such as 5%, 1/7, 10G or oldest:5%")
    .describe("Read a part of the target afterwards: oldest:2%").exactOptional(),
  workers: workers.exactOptional(),
}).describe("Copy snapshots into another storage or vault");

const drill = z.strictObject({
  $schema: schema,
  kind: z.literal("drill"),
  ...COMMON_SHAPE,
  ...STORAGE_SHAPE,
  bytes: SIZE_SCHEMA.describe("Restore that much at most; default: 1G").exactOptional(),
  name: z.string().min(1).describe("Only the series of this name").exactOptional(),
  workers: workers.exactOptional(),
}).describe("Restore files chosen by chance, to prove that they can be restored");

const KINDS = [
  ...[backup, importing, restore, check, prune, copy, drill],
  ...[rewriting, tagging, forgetting, tree, alarm, doctor],
] as const;

const NO_TIME = "Expected a cron expression with a time that comes, such as `0 3 * * *`";
const every = z.string().refine(isCron, NO_TIME)
  .describe("When: minute, hour, day of month, month, day of week");
const timeZone = z.string().refine(isTimeZone, "Expected a time zone, such as Europe/Berlin")
  .describe("Of `every`; default: this machine's");

const one = z.discriminatedUnion("kind", KINDS);
const recurring = z.discriminatedUnion("kind", [
  backup.extend({ every, timeZone: timeZone.exactOptional() }),
  importing.extend({ every, timeZone: timeZone.exactOptional() }),
  restore.extend({ every, timeZone: timeZone.exactOptional() }),
  check.extend({ every, timeZone: timeZone.exactOptional() }),
  prune.extend({ every, timeZone: timeZone.exactOptional() }),
  copy.extend({ every, timeZone: timeZone.exactOptional() }),
  drill.extend({ every, timeZone: timeZone.exactOptional() }),
  rewriting.extend({ every, timeZone: timeZone.exactOptional() }),
  tagging.extend({ every, timeZone: timeZone.exactOptional() }),
  forgetting.extend({ every, timeZone: timeZone.exactOptional() }),
  tree.extend({ every, timeZone: timeZone.exactOptional() }),
  alarm.extend({ every, timeZone: timeZone.exactOptional() }),
  doctor.extend({ every, timeZone: timeZone.exactOptional() }),
]);

export type Job = z.infer<typeof one>;
export type JobKind = Job["kind"];
export type JobOf<K extends JobKind> = Extract<Job, { kind: K }>;
export type Keep = z.infer<typeof keep>;
export type RecurringJob = z.infer<typeof recurring>;

/** The form of a file: a job, or a recurring job. */
export type JobForm = "job" | "recurring";
/** The schemas of both forms. */
export const SCHEMAS = {
  job: one.superRefine(checkJob),
  recurring: recurring.superRefine(checkJob),
} as const;

export const JOB_KINDS: readonly JobKind[] = KINDS.map(({ shape }) => shape.kind.value);

/** JSON Schema (draft 7), for editors. */
export function jsonSchema(form: JobForm): object {
  return z.toJSONSchema(SCHEMAS[form], { target: "draft-7", io: "input", unrepresentable: "any" });
}

/** When a recurring job is due next, in ms since 1970. @returns undefined if never again */
export function nextDueMs(job: Pick<RecurringJob, "every" | "timeZone">, afterMs: number): number | undefined {
  return cronOf(job.every, job.timeZone).nextRun(new Date(afterMs))?.getTime();
}

/**
 * Describes an error in the schedule of a job that ran last at `afterMs`; undefined if it will run again. A year or a
 * time zone may prevent that.
 */
export function complaintOfTime(job: RecurringJob, afterMs: number): string | undefined {
  try {
    return nextDueMs(job, afterMs) === undefined ? NO_TIME : undefined;
  } catch {
    return NO_TIME; // croner refuses some combinations only then
  }
}

/** What the keys of a job say of each other. */
function checkJob(job: Job, context: z.RefinementCtx): void {
  for (const check of [checkTarget, checkServer, checkLimits, checkUpkeep, checkSnapshotJob]) check(job, context);
}

/** A restore has one place to go to. */
function checkTarget(job: Job, context: z.RefinementCtx): void {
  if (job.kind !== "restore" || (job.target === undefined) !== (job.inPlace === undefined)) return;
  const message = job.target === undefined
    ? 'The key "target", or "inPlace", is missing'
    : 'Expected no "target" with "inPlace"';
  context.addIssue({ code: "custom", message, path: job.target === undefined ? [] : ["target"] });
}

/** What isn't known as harmless is closed. */
function checkLimits(job: Job, { addIssue }: z.RefinementCtx): void {
  if (job.limits === undefined) return;
  for (const { key, message } of beyondLimits(job, job.limits)) {
    addIssue({ code: "custom", message, path: [key] });
  }
}

/** Files of a server make a snapshot of their own, and nobody holds them still. */
function checkServer(job: Job, { addIssue }: z.RefinementCtx): void {
  if (job.kind !== "backup" || serverOf(job.sources) === undefined) return;
  if (job.sources.length > 1) {
    addIssue({ code: "custom", message: "Expected a job of its own for a server", path: ["sources"] });
  }
  for (const key of ["lock", "static"] as const) {
    if (job[key] !== undefined) {
      addIssue({ code: "custom", message: `Expected no "${key}" for a server's files`, path: [key] });
    }
  }
}

type WrittenSource = JobOf<"backup">["sources"][number];
type WrittenServer = string | z.infer<ReturnType<typeof remoteSchema>>;

function isServer(source: WrittenSource): source is WrittenServer {
  return typeof source === "string" ? isRemoteText(source) : "location" in source;
}

/** The server whose files a job backs up; undefined if the sources are paths of this machine. */
export function serverOf(sources: readonly WrittenSource[]): WrittenServer | undefined {
  return sources.find(isServer);
}

function cronOf(every: string, timeZone: string | undefined): Cron {
  return new Cron(every, { paused: true, ...(timeZone !== undefined && { timezone: timeZone }) });
}

/** The path in a job, normalised: without `.`, `..`, doubled and trailing slashes. */
export function absolutePath(text: string): Raw {
  return resolved(rawOf(text));
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
