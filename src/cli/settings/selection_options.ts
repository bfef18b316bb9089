/** Options about sources: what is backed up, and what counts as changed. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { defined } from "../../core/defined.ts";
import { BadUsage } from "../../core/fault.ts";
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import { parseEntryName } from "../../core/entry_name.ts";
import { parseSize } from "../../core/size_text.ts";
import { resolved } from "../../core/written_path.ts";
import type { BackupSettings } from "../../operations/settings/backup_settings.ts";
import { PRESETS } from "../../source/exclude_lists.ts";
import { collected, opposite, reading } from "./options.ts";
import { readNamedFile } from "./paths.ts";
import type { World } from "../world.ts";

export interface SelectionOptions {
  readonly exclude?: readonly string[];
  readonly iexclude?: readonly string[];
  readonly excludeIfPresent?: readonly string[];
  readonly excludeFrom?: readonly string[];
  readonly excludePreset?: readonly string[];
  readonly name?: string;
  readonly host?: string;
  readonly excludeCaches?: boolean;
  readonly ignoreFiles?: boolean;
  readonly excludeLargerThan?: number;
  readonly maxSize?: number;
  readonly oneFileSystem?: boolean;
  readonly force?: boolean;
  readonly ignoreInode?: boolean;
  readonly ignoreCtime?: boolean;
  readonly static?: readonly string[];
  readonly source?: readonly NamedSource[];
  readonly filesFrom?: string;
  readonly null?: boolean;
  readonly tag?: readonly string[];
  readonly description?: string;
  readonly tree?: boolean;
  readonly skipIfUnchanged?: boolean;
}

const PRESET_NAMES = Object.keys(PRESETS);

/** Value of `--source`, as typed. */
export interface NamedSource {
  readonly as: Raw;
  readonly path: string;
}

export function addSelectionOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--source <NAME=PATH>", "back up PATH as NAME (repeatable)")
        .argParser(collectedSource),
    )
    .option("--files-from <FILE>", "back up only the paths listed in FILE, one per line (- for standard input)")
    .option("-0, --null", "paths in --files-from are separated by NUL")
    .option("--name <NAME>", "name of the series (default: from the sources)")
    .option("--host <NAME>", "set the host name recorded in the snapshot (default: this host)")
    .option("--exclude <PATTERN>", "exclude paths matching PATTERN (gitignore syntax; repeatable)", collected)
    .option("--iexclude <PATTERN>", "same as --exclude, but ignoring case (repeatable)", collected)
    .option("--exclude-from <FILE>", "exclude paths matching a pattern in FILE (repeatable)", collected)
    .addOption(
      new Option("--exclude-preset <NAME>", "exclude well-known junk files (repeatable)")
        .choices(PRESET_NAMES).argParser(collectedChoice(PRESET_NAMES)),
    )
    .option("--no-ignore-files", "ignore .backupignore files")
    .option("--exclude-caches", "exclude directories with a CACHEDIR.TAG file")
    .addOption(
      new Option("--exclude-if-present <NAME>", "exclude directories that contain a file NAME (repeatable)")
        .argParser(collectedName),
    )
    .addOption(
      new Option("--exclude-larger-than <SIZE>", "exclude files larger than SIZE: 500K, 10M, 1.5GiB").argParser(
        reading(parseSize),
      ),
    )
    .addOption(
      new Option("--max-size <SIZE>", "same as --exclude-larger-than").argParser(reading(parseSize)).hideHelp(),
    )
    .option("-x, --one-file-system", "stay on one file system")
    .option("--force", "re-read all files, even if they look unchanged")
    .option("--ignore-inode", "do not treat a changed inode number as a modification")
    .option("--ignore-ctime", "do not treat a changed ctime as a modification")
    .option("--static <PATTERN>", "warn if matching files change, and keep the previous version", collected)
    .addOption(new Option("--ignore-files").hideHelp())
    .addOption(opposite("exclude-caches"))
    .addOption(opposite("one-file-system"));
}

/** Settings from the options; the host may also come from a variable. */
export function settingsOfOptions(options: SelectionOptions, world: Pick<World, "env">): BackupSettings {
  return defined<BackupSettings>({
    name: options.name,
    host: options.host ?? world.env("BACKUP_TOOL_HOST"),
    exclude: options.exclude,
    iexclude: options.iexclude,
    excludeIfPresent: options.excludeIfPresent,
    excludeFrom: options.excludeFrom,
    presets: options.excludePreset,
    excludeCaches: options.excludeCaches,
    excludeLargerThan: options.maxSize ?? options.excludeLargerThan,
    ignoreFiles: options.ignoreFiles,
    oneFileSystem: options.oneFileSystem,
    force: options.force,
    ignoreInode: options.ignoreInode,
    ignoreCtime: options.ignoreCtime,
    static: options.static,
    tags: options.tag,
    description: options.description,
    tree: options.tree,
    skipIfUnchanged: options.skipIfUnchanged,
  });
}

/** Parser for repeated options with choices: `choices` would keep only the last one. */
function collectedChoice(choices: readonly string[]) {
  return (value: string, before: readonly string[] | undefined): readonly string[] => {
    if (!choices.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
    return collected(value, before);
  };
}

/** Parser for repeated file names. */
function collectedName(value: string, before: readonly string[] = []): readonly string[] {
  reading(parseEntryName)(value);
  return [...before, value];
}

/** Parser for repeated `NAME=PATH`. The first "=" ends the name; paths may contain more. */
function collectedSource(value: string, before: readonly NamedSource[] = []): readonly NamedSource[] {
  const end = value.indexOf("=");
  if (end < 1 || end === value.length - 1) throw new InvalidArgumentError("Write it like photos=/mnt/disk/pictures.");
  return [...before, { as: reading(parseEntryName)(value.slice(0, end)), path: value.slice(end + 1) }];
}

/** Absolute paths in a list. @param base for relative ones @throws BadUsage if it is empty */
export function listedPaths(file: string, isNull: boolean, base: Raw, world: World): Raw[] {
  const text = file === "-" ? world.readTextFile(STANDARD_INPUT) : readNamedFile(world, file);
  const lines = isNull ? text.split("\0") : text.split("\n").map((line) => line.replace(/\r$/, ""));
  const paths = lines.filter((line) => line !== "").map(rawOf).map((path) => {
    // Its bytes say exactly what is meant: no ~, no escapes.
    return resolved(path.startsWith("/") ? path : joinRaw(base, path));
  });
  if (paths.length === 0) throw new BadUsage(`${file === "-" ? "Standard input" : file} lists no paths`);
  return paths;
}

const STANDARD_INPUT = "/dev/stdin";
