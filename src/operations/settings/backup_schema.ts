/**
 * Schema of the settings of a backup in files: the configuration, a job, or a request to a server. Its descriptions
 * become part of the JSON Schema that editors use. Defaults and meaning are in backup_settings.ts, which needs no
 * schema and so loads without zod.
 */
import * as z from "zod";
import { parseEntryName } from "../../core/entry_name.ts";
import { parseSize } from "../../core/size_text.ts";
import { whyNoPath } from "../../core/written_path.ts";
import { PRESETS } from "../../source/exclude_lists.ts";
import { readableBy } from "./readable.ts";

/** What may be a path is a matter of the file: absolute, or relative to it. */
type PathSchema = z.ZodType<string, string>;

const patterns = z.array(z.string());

/** A size in bytes, or text that `bytesOfSize` parses. */
export const SIZE_SCHEMA = z.union([
  z.int().nonnegative(),
  z.string().refine(readableBy(parseSize), "Expected a size, such as 500K, 10M or 1.5GiB"),
]);

export const TAGS_SCHEMA = z.array(z.string().min(1)).describe("Marks of the snapshot");
export const HOST_SCHEMA = z.string().min(1).describe("Say that the files are this host's; default: this one");

/** Refines a text: it must be a path. */
export function checkPath(text: string, context: z.RefinementCtx): void {
  const why = whyNoPath(text);
  if (why !== undefined) context.addIssue({ code: "custom", message: `A path ${why}` });
}

/**
 * The keys for a backup that all files have in common; all are optional. Each kind of file adds its own, such as
 * sources and name.
 * @param path schema for files with patterns
 * @param readFrom schema for a copy that stands still
 */
export function backupShape(path: PathSchema, readFrom: PathSchema) {
  return {
    exclude: patterns.describe("Exclude matching paths; gitignore syntax, the last match wins").exactOptional(),
    iexclude: patterns.describe("The same, ignoring case").exactOptional(),
    excludeFrom: z.array(path).describe("Files with such patterns").exactOptional(),
    presets: z.array(z.enum(Object.keys(PRESETS))).describe("Well-known kinds of junk files to exclude")
      .exactOptional(),
    ignoreFiles: z.boolean().describe("Follow .backupignore files in the sources; default: true").exactOptional(),
    excludeCaches: z.boolean().describe("Exclude directories marked with a CACHEDIR.TAG").exactOptional(),
    excludeIfPresent: z.array(z.string().refine(readableBy(parseEntryName), "Expected a file name, without slashes"))
      .describe("Exclude directories that hold a file of one of these names").exactOptional(),
    excludeLargerThan: SIZE_SCHEMA.describe("Exclude larger files: bytes, or text such as 10M or 1.5GiB")
      .exactOptional(),
    oneFileSystem: z.boolean().describe("Don't enter other file systems, mounted below a source").exactOptional(),
    tags: TAGS_SCHEMA.exactOptional(),
    description: z.string().min(1).max(1000).describe("What the snapshot is, for people").exactOptional(),
    ignoreInode: z.boolean().describe("A new inode number alone is no change").exactOptional(),
    ignoreCtime: z.boolean().describe("A new time of change (ctime) alone is no change").exactOptional(),
    static: patterns.describe("Matching files should never change: warn, and keep the previous version")
      .exactOptional(),
    lock: lockSchema(readFrom).exactOptional(),
    skipIfUnchanged: z.boolean().describe("Make no snapshot if nothing has changed since the last one").exactOptional(),
    tree: z.boolean().describe("Make a browsable tree; default: true").exactOptional(),
    host: HOST_SCHEMA.exactOptional(),
  };
}

function lockSchema(readFrom: PathSchema) {
  const line = z.string().min(1);
  return z.union([
    z.enum(["btrfs", "zfs", "lvm"]),
    z.strictObject({
      before: line.describe("Run before the sources are read").exactOptional(),
      after: line.describe("Run when they have been read, or when anything fails").exactOptional(),
      readFrom: readFrom.describe("Where the only source is read in between").exactOptional(),
    }).refine(
      ({ before, after }) => before !== undefined || after !== undefined,
      "A lock needs a command, before or after",
    ),
  ]).describe("How the sources are held still: by snapshots of their file system, or by commands");
}

type Parsed = z.output<z.ZodObject<ReturnType<typeof backupShape>>>;

/** The settings as they are written; all keys are optional. */
export type WrittenBackup = {
  readonly [Key in keyof Parsed]: Parsed[Key] extends (infer Item)[] | undefined ? readonly Item[] : Parsed[Key];
};
