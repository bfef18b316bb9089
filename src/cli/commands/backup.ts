/** backup-tool backup */
import { type Command, InvalidArgumentError, Option } from "commander";
import { textOf } from "../../core/raw.ts";
import { parseSize } from "../../core/size_text.ts";
import type { BackupRequest } from "../../operations/backup.ts";
import { PRESETS } from "../../source/exclude_lists.ts";
import type { Storage } from "../../storage/storage.ts";
import { backupJson, backupLines } from "../backup_summary.ts";
import { type ExcludeOptions, excludePatterns } from "../excludes.ts";
import { collected, examples, reading, workersOption } from "../options.ts";
import { absolutePath } from "../paths.ts";
import type { Session } from "../session.ts";
import type { Define } from "./command.ts";
import { DEFAULT_SETTINGS } from "./init.ts";

const PRESET_NAMES = Object.keys(PRESETS);

interface BackupOptions extends ExcludeOptions {
  readonly name?: string;
  readonly tag?: readonly string[];
  readonly excludeCaches?: boolean;
  readonly ignoreFiles: boolean;
  readonly excludeLargerThan?: number;
  readonly maxSize?: number;
  readonly oneFileSystem?: boolean;
  readonly tree: boolean;
  readonly init?: boolean;
  readonly host?: string;
  readonly workers?: number;
}

export const defineBackup: Define = (program, act) => {
  const command = withOptions(program.command("backup"));
  command.action((sources: readonly string[]) =>
    act(command, async (session) => {
      const options = command.opts<BackupOptions>();
      const storage = options.init ? await openOrInit(session) : await session.openStorage();
      const { backup } = await import("../../operations/backup.ts");
      const snapshot = await backup(storage, await requestOf(sources, options, session), session.monitor);
      session.result(backupJson(snapshot, session.monitor), backupLines(snapshot, storage.path, session.monitor));
    })
  );
};

function withOptions(command: Command): Command {
  return command
    .summary("back up directories and files")
    .description(
      "Back up directories and files into a storage, as one snapshot. Only what is new or changed since the last " +
        "snapshot of the same host and name is read. The exit status is 3 if some files could not be read.",
    )
    .argument("<SOURCE...>", "directories and files")
    .option("--name <NAME>", "name of the series (default: from the sources)")
    .option("--tag <TAG>", "mark the snapshot (repeatable)", collected)
    .option("--exclude <PATTERN>", "leave out what fits (gitignore syntax, repeatable)", collected)
    .option("--exclude-from <FILE>", "leave out what fits a line of a file (repeatable)", collected)
    .addOption(
      new Option("--exclude-preset <NAME>", "leave out a known kind of litter (repeatable)")
        .choices(PRESET_NAMES).argParser(collectedChoice(PRESET_NAMES)),
    )
    .option("--no-ignore-files", "take no notice of .backupignore files in the sources")
    .option("--exclude-caches", "leave out directories marked with a CACHEDIR.TAG")
    .addOption(
      new Option("--exclude-larger-than <SIZE>", "leave out larger files: 500K, 10M, 1.5GiB").argParser(
        reading(parseSize),
      ),
    )
    .addOption(new Option("--max-size <SIZE>", "the same").argParser(reading(parseSize)))
    .option("-x, --one-file-system", "don't enter other file systems")
    .option("--no-tree", "make no browsable tree")
    .option("--init", "make the storage if there is none")
    .option("--host <NAME>", "say that the files are this host's (default: this one)")
    .addOption(workersOption())
    .addHelpText(
      "after",
      examples(
        "backup-tool backup ~/photos -s /mnt/disk/storage --init",
        "backup-tool backup /etc /home --name system --tag weekly --exclude '*.tmp'",
        "backup-tool backup /volume1/data --exclude-preset nas --one-file-system",
      ),
    );
}

/** `choices` alone would keep only the last of several. */
function collectedChoice(choices: readonly string[]) {
  return (value: string, before: readonly string[] | undefined): readonly string[] => {
    if (!choices.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
    return collected(value, before);
  };
}

async function openOrInit(session: Session): Promise<Storage> {
  const [{ NoStorage }, { initStorage }] = await Promise.all([
    import("../../storage/faults.ts"),
    import("../../storage/storage.ts"),
  ]);
  try {
    return await session.openStorage();
  } catch (error) {
    if (!(error instanceof NoStorage)) throw error;
    initStorage(await session.machine(), session.storagePath, DEFAULT_SETTINGS);
    session.monitor.notice(`Made a new storage in ${textOf(session.storagePath)}`);
    return await session.openStorage();
  }
}

async function requestOf(sources: readonly string[], options: BackupOptions, session: Session): Promise<BackupRequest> {
  const { world } = session;
  return {
    sources: sources.map((source) => absolutePath(world, source)),
    name: options.name,
    tags: options.tag ?? [],
    excludes: await excludePatterns(options, world),
    ignoreFiles: options.ignoreFiles,
    oneFileSystem: options.oneFileSystem ?? false,
    excludeCaches: options.excludeCaches ?? false,
    largestBytes: options.maxSize ?? options.excludeLargerThan,
    tree: options.tree,
    workers: session.workers(options.workers),
    host: options.host ?? world.host(),
    user: world.user(),
    signal: session.signal,
  };
}
