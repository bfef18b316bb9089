/** Options of commands that look at sources: what is backed up, and what counts as changed. */
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
  readonly tree?: boolean;
  readonly skipIfUnchanged?: boolean;
}

const PRESET_NAMES = Object.keys(PRESETS);

/** Of `--source`, as it was given. */
export interface NamedSource {
  readonly as: Raw;
  readonly path: string;
}

export function addSelectionOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--source <NAME=PATH>", "a source with a name of its own in the snapshot (repeatable)")
        .argParser(collectedSource),
    )
    .option("--files-from <FILE>", "only what is listed there, a path a line (-: standard input)")
    .option("-0, --null", "paths of --files-from end with NUL instead")
    .option("--name <NAME>", "name of the series (default: from the sources)")
    .option("--host <NAME>", "say that the files are this host's (default: this one)")
    .option("--exclude <PATTERN>", "leave out what fits (gitignore syntax, repeatable)", collected)
    .option("--iexclude <PATTERN>", "the same, ignoring case (repeatable)", collected)
    .option("--exclude-from <FILE>", "leave out what fits a line of a file (repeatable)", collected)
    .addOption(
      new Option("--exclude-preset <NAME>", "leave out a known kind of litter (repeatable)")
        .choices(PRESET_NAMES).argParser(collectedChoice(PRESET_NAMES)),
    )
    .option("--no-ignore-files", "take no notice of .backupignore files in the sources")
    .option("--exclude-caches", "leave out directories marked with a CACHEDIR.TAG")
    .addOption(
      new Option("--exclude-if-present <NAME>", "leave out directories that hold such a file (repeatable)")
        .argParser(collectedName),
    )
    .addOption(
      new Option("--exclude-larger-than <SIZE>", "leave out larger files: 500K, 10M, 1.5GiB").argParser(
        reading(parseSize),
      ),
    )
    .addOption(new Option("--max-size <SIZE>", "the same").argParser(reading(parseSize)))
    .option("-x, --one-file-system", "don't enter other file systems")
    .option("--force", "read every file, even if nothing seems to have changed")
    .option("--ignore-inode", "a new inode number alone is no change")
    .option("--ignore-ctime", "a new time of change (ctime) alone is no change")
    .option("--static <PATTERN>", "what fits should never change: warn, and keep the old content", collected)
    .addOption(new Option("--ignore-files").hideHelp())
    .addOption(opposite("exclude-caches"))
    .addOption(opposite("one-file-system"));
}

/** The settings that options give; the host may also come from a variable. */
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
    tree: options.tree,
    skipIfUnchanged: options.skipIfUnchanged,
  });
}

/** `choices` alone would keep only the last of several. */
function collectedChoice(choices: readonly string[]) {
  return (value: string, before: readonly string[] | undefined): readonly string[] => {
    if (!choices.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
    return collected(value, before);
  };
}

/** Names of files, as text. */
function collectedName(value: string, before: readonly string[] = []): readonly string[] {
  reading(parseEntryName)(value);
  return [...before, value];
}

/** The first "=" ends the name: paths may hold more of them. */
function collectedSource(value: string, before: readonly NamedSource[] = []): readonly NamedSource[] {
  const end = value.indexOf("=");
  if (end < 1 || end === value.length - 1) throw new InvalidArgumentError("Write it like photos=/mnt/disk/pictures.");
  return [...before, { as: reading(parseEntryName)(value.slice(0, end)), path: value.slice(end + 1) }];
}

/** The paths of a list, absolute. @param base what relative ones start from @throws BadUsage if there are none */
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
