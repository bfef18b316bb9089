/** What `backup-tool.jsonc` may say. The descriptions go into the JSON Schema that editors complete from. */
import * as z from "zod";
import { Fault, unlessFault } from "../../core/fault.ts";
import { type Complaint, complaintText, readJsonc } from "../../core/jsonc.ts";
import { hasRule, parseSpan, type Policy, tagList } from "../../core/policy.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import { parseSize } from "../../core/size_text.ts";
import { pathOf, whyNoPath } from "../../core/written_path.ts";
import { PRESETS } from "../../source/exclude_lists.ts";
import { BadConfig, type ConfigFile } from "./config_file.ts";
import type { World } from "../world.ts";

// A file is read once: compiling the schema for it takes longer than that.
z.config({ jitless: true });

const texts = z.array(z.string());
const MOST_KEPT = 1_000_000;

/** A path as a person writes it; what it starts from stands in {@link absoluteFrom}. */
const path = z.string().superRefine((text, context) => {
  const why = whyNoPath(text);
  if (why !== undefined) context.addIssue({ code: "custom", message: `A path ${why}` });
});

/** "10M" or bytes. */
const size = z.union([read(parseSize), z.number().int().min(0)])
  .transform((given) => typeof given === "number" ? given : parseSize(given));

/** The rules of `forget`; what an amount or a span is stands in core/policy.ts. */
const keep = z.strictObject({
  last: amount("The newest N, or `unlimited`"),
  hourly: amount("The newest of each of N hours"),
  daily: amount("The newest of each of N days"),
  weekly: amount("The newest of each of N weeks"),
  monthly: amount("The newest of each of N months"),
  yearly: amount("The newest of each of N years"),
  within: read(parseSpan).optional().describe("All from that span before the newest one on, such as 30d or 1y6m"),
  tag: z.array(z.string().refine((text) => tagList(text).length > 0, "Expected a tag")).optional()
    .describe("All with one of these tags; `a,b`: with both"),
}).refine((policy) => unlessFault(() => hasRule(policy as Policy), true), "These rules keep nothing")
  .transform((policy) => policy as Policy);

function amount(description: string) {
  return z.union([z.number().int().min(0).max(MOST_KEPT), z.literal("unlimited")]).optional().describe(description);
}

/** Text that `parse` can read; it stays text. */
function read(parse: (text: string) => unknown) {
  return z.string().superRefine((text, context) => {
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      context.addIssue({ code: "custom", message: error.message });
    }
  });
}

const lock = z.union([
  z.enum(["btrfs", "zfs", "lvm"]),
  z.strictObject({
    before: z.string().min(1).optional().describe("Run before the sources are read"),
    after: z.string().min(1).optional().describe("Run when they have been read, or when anything fails"),
    readFrom: path.refine((text) => /^[/~]/.test(text), "This must be an absolute path").optional()
      .describe("Where the only source is read in between"),
  }).refine(
    ({ before, after }) => before !== undefined || after !== undefined,
    "A lock needs a command, before or after",
  ),
]);

const backupSettings = {
  tags: z.array(z.string().min(1)).optional().describe("Marks of each snapshot"),
  exclude: texts.optional().describe("Patterns in gitignore syntax; later ones win"),
  excludeFrom: z.array(path).optional().describe("Files of such patterns"),
  presets: z.array(z.enum(Object.keys(PRESETS))).optional().describe("Known kinds of litter to leave out"),
  excludeCaches: z.boolean().optional().describe("Leave out directories marked with a CACHEDIR.TAG"),
  excludeLargerThan: size.optional().describe("Leave out larger files: bytes, or text such as 10M or 1.5GiB"),
  static: texts.optional().describe("Patterns of what should never change: warn, and keep the old content"),
  oneFileSystem: z.boolean().optional().describe("Don't enter other file systems"),
  ignoreInode: z.boolean().optional().describe("A new inode number alone is no change"),
  ignoreCtime: z.boolean().optional().describe("A new time of change (ctime) alone is no change"),
  lock: lock.optional().describe("How sources are held still: a kind of snapshot, or commands before and after"),
  ignoreFiles: z.boolean().optional().describe("Follow .backupignore files in the sources (default: true)"),
  tree: z.boolean().optional().describe("Make a browsable tree (default: true)"),
  host: z.string().min(1).optional().describe("Whose files these are (default: this machine's)"),
};

const namedBackup = z.strictObject({
  sources: z.array(path).min(1).describe(
    "Directories and files; ~ is the home directory, others are relative to this file",
  ),
  ...backupSettings,
});

/** A word that can't be taken for a path or an option. */
const backupName = z.string().regex(/^[^-/~.\s][^/\s]*$/, "A name must be one word without slashes");

export const CONFIG_SCHEMA = z.strictObject({
  storage: path.optional().describe("Path of the storage; ~ is the home directory"),
  workers: z.number().int().min(0).max(64).optional().describe("Threads besides the main one"),
  bytes: z.boolean().optional().describe("Show sizes as exact numbers of bytes"),
  quiet: z.boolean().optional().describe("Say nothing but results and problems"),
  verbose: z.boolean().optional().describe("Say what happens to each file"),
  keep: keep.optional().describe("Which snapshots `backup-tool forget` keeps when it is given no rules"),
  defaults: z.strictObject(backupSettings).optional().describe("For every backup"),
  backups: z.record(backupName, namedBackup).optional().describe("What `backup-tool backup NAME` backs up"),
});

/** For editors. */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(CONFIG_SCHEMA, { io: "input", target: "draft-7", unrepresentable: "any" });
}

/** Settings that a backup may have beside its sources. */
export type BackupSettings = NonNullable<z.output<typeof CONFIG_SCHEMA>["defaults"]>;
export type NamedBackup = z.output<typeof namedBackup>;
export type Config = z.output<typeof CONFIG_SCHEMA>;

/** Reads the file; paths in it become absolute. @throws BadConfig */
export function parseConfig(file: ConfigFile, world: World): Config {
  const { value, complaints } = readJsonc(file.text, CONFIG_SCHEMA);
  if (complaints !== undefined) throw badConfig(file.path, complaints);
  return withAbsolutePaths(value, (path) => absoluteFrom(file.path, path, world));
}

/** The hint of the only complaint is the hint of the fault. */
function badConfig(path: string, complaints: readonly Complaint[]): BadConfig {
  const [first, ...others] = complaints;
  if (others.length > 0 || first?.hint === undefined) {
    return new BadConfig(
      path,
      complaints.map(complaintText),
      "`backup-tool config --example` prints one that is right",
    );
  }
  const { hint, ...told } = first;
  return new BadConfig(path, [complaintText(told)], hint);
}

function withAbsolutePaths(config: Config, absolute: (path: string) => string): Config {
  const resolved = <T extends BackupSettings>(settings: T): T => ({
    ...settings,
    ...(settings.excludeFrom !== undefined && { excludeFrom: settings.excludeFrom.map(absolute) }),
    ...(settings.lock !== undefined && { lock: lockWith(settings.lock, absolute) }),
  });
  const backups = Object.entries(config.backups ?? {}).map(([name, backup]) =>
    [name, { ...resolved(backup), sources: backup.sources.map(absolute) }] as const
  );
  return {
    ...config,
    ...(config.storage !== undefined && { storage: absolute(config.storage) }),
    ...(config.defaults !== undefined && { defaults: resolved(config.defaults) }),
    backups: Object.fromEntries(backups),
  };
}

type Lock = NonNullable<BackupSettings["lock"]>;

function lockWith(lock: Lock, absolute: (path: string) => string): Lock {
  return typeof lock === "string" || lock.readFrom === undefined
    ? lock
    : { ...lock, readFrom: absolute(lock.readFrom) };
}

/** `~` and `~/...` are in the home directory, other relative paths beside the file. @throws BadUsage if nobody knows where that is */
function absoluteFrom(file: string, path: string, { here }: World): string {
  return textOf(pathOf(path, { ...here, directory: () => rawOf(file.slice(0, file.lastIndexOf("/")) || "/") }));
}
