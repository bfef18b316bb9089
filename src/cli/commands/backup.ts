/** backup-tool backup */
import { type Command, Option } from "commander";
import { BadUsage, Fault } from "../../core/fault.ts";
import { parseEntryName } from "../../core/entry_name.ts";
import { textOf } from "../../core/raw.ts";
import type { Source } from "../../operations/sources/sources.ts";
import { marksFrom } from "../../operations/settings/backup_settings.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { BackedUp } from "../../operations/backup/unchanged.ts";
import {
  type BackupOptions,
  chooseBackups,
  type Chosen,
  hasOtherSources,
  isThere,
  lockFor,
  requestFor,
  selectionFor,
  settingsFor,
} from "../session/backup_request.ts";
import { backupJson, backupLines } from "../output/results/backup_summary.ts";
import { backUpServer } from "../session/remote_backup.ts";
import { EXIT, exitFor } from "../session/exit.ts";
import { addLockOptions, type LockOptions } from "../settings/lock_options.ts";
import { collected, examples, opposite, parsePositive, reading, workersOption } from "../settings/options.ts";
import { addPaceOptions, type PaceOptions } from "../settings/pace_options.ts";
import { addPackingOptions } from "../settings/vault_options.ts";
import { addSelectionOptions } from "../settings/selection_options.ts";
import type { Session } from "../session/session.ts";
import { lockDirectory } from "../settings/state_directory.ts";
import type { Define } from "./command.ts";
import { DEFAULT_SETTINGS } from "./init.ts";
import { planReport } from "./plan.ts";

interface Options extends BackupOptions, LockOptions, PaceOptions {
  readonly init?: boolean;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly unitSize?: number;
}

export const defineBackup: Define = (program, act) => {
  const command = withOptions(program.command("backup"));
  command.action((words: readonly string[]) =>
    act(command, async (session) => {
      const options = command.opts<Options>();
      await session.pace(options);
      const chosen = await chooseBackups(words, options.all ?? false, session, hasOtherSources(options));
      if (options.dryRun) refuseDryRun(chosen, options);
      if (chosen.length > 1 && options.name !== undefined) {
        throw new BadUsage("`--name` is for one backup", "Each of these is called as the configuration calls it");
      }
      if (chosen.length > 1 && hasOtherSources(options)) {
        throw new BadUsage("`--source`, `--files-from` and `--stdin-name` are for one backup");
      }
      await refuseTree(command, session);
      const repository = options.init && !options.dryRun
        ? await openOrInit(session, options.before === undefined ? chosen : [])
        : await session.openRepository();
      if (chosen.length > 1) return await backUpEach(repository, chosen, options, session);
      for (const only of chosen) {
        const { json, lines } = await hookedBackup(repository, only, options, session);
        session.result(json, lines);
      }
    }, { hooks: true })
  );
};

/** Refuses `--tree` for a vault. A tree in the configuration is ignored: it is meant for storages. @throws BadUsage */
async function refuseTree(command: Command, session: Session): Promise<void> {
  const isSaid = command.getOptionValueSource("tree") === "cli" && command.getOptionValue("tree") === true;
  if (!isSaid || await session.engine() === "storage") return;
  throw new BadUsage("A vault has no trees", "Omit `--tree`, or back up to a storage and `copy` from there");
}

interface Report {
  readonly json: unknown;
  readonly lines: readonly string[];
}

async function checkSources(sources: readonly Source[], session: Session): Promise<void> {
  const [{ NoSource }, { disk }] = await Promise.all([import("../../source/walk.ts"), session.machine()]);
  for (const source of sources) {
    const path = typeof source === "string" ? source : source.readFrom ?? source.path;
    if (!isThere(disk, path)) throw new NoSource(path);
  }
}

async function hookedBackup(
  repository: OpenedRepository,
  chosen: Chosen,
  options: Options,
  session: Session,
): Promise<Report> {
  const work = () => backUp(repository, chosen, options, session);
  if (chosen.hooks === undefined || options.dryRun) return await work();
  const { withHooksOf } = await import("../session/command_hooks.ts");
  return await withHooksOf(chosen, session, work);
}

async function backUp(
  repository: OpenedRepository,
  chosen: Chosen,
  options: Options,
  session: Session,
): Promise<Report> {
  if (options.dryRun) {
    const settings = settingsFor(chosen, options, session), selection = selectionFor(chosen, options, session);
    return await planReport(repository, { selection, settings, tree: marksFrom(settings).tree }, options, session);
  }
  if (chosen.server !== undefined) {
    const snapshot = await backUpServer(repository, chosen.server, { chosen, options, session });
    session.noteSnapshot(snapshot.id);
    return reportOf(snapshot, undefined, session);
  }
  const { lockedBackup } = await import("../../operations/backup/locked_backup.ts");
  const locking = { state: await lockDirectory(session.world), spec: lockFor(chosen, options, session) };
  const request = requestFor(chosen, options, session);
  const snapshot = await lockedBackup(repository, request, locking, session.monitor);
  session.noteSnapshot(snapshot.id);
  const location = await session.engine() === "storage" ? repository.location : undefined;
  return reportOf(snapshot, location, session);
}

/** The report of one snapshot. @param location of the storage, if it has a tree of the snapshot */
function reportOf(snapshot: BackedUp, location: string | undefined, session: Session): Report {
  return {
    json: backupJson(snapshot, session.monitor),
    lines: backupLines(snapshot, location, session.monitor, session.sizeText),
  };
}

/** Refuses a dry run of sources whose contents could only be known by reading them. @throws BadUsage */
function refuseDryRun(chosen: readonly Chosen[], { stdinName, command }: Options): void {
  const hint = "Omit `--dry-run`, or back up into a new storage to try it";
  if (chosen.some(({ server }) => server !== undefined)) {
    throw new BadUsage("A dry run can't read a server", hint);
  }
  if (stdinName === undefined && command === undefined) return;
  throw new BadUsage("A dry run can't read a stream", hint);
}

/** Codes of faults that concern only one backup, so that the others are still made. */
const OWN_FAILURES = ["no-source", "source-gone", "source-in-storage", "bad-pattern", "hook-failed"];

/** Makes all backups, one after the other. @returns the exit status of the first failure */
async function backUpEach(repository: OpenedRepository, all: readonly Chosen[], options: Options, session: Session) {
  const reports: unknown[] = [];
  let status: number | undefined, problems = 0;
  for (const chosen of all) {
    session.monitor.restart();
    try {
      const { json, lines } = await hookedBackup(repository, chosen, options, session);
      reports.push(json);
      if (!session.options.json) session.result(json, lines);
      problems += session.monitor.problems;
    } catch (error) {
      if (!(error instanceof Fault) || !OWN_FAILURES.includes(error.code)) throw error;
      session.monitor.problem(error);
      reports.push({ name: chosen.name, error: { code: error.code, message: error.message, hint: error.hint } });
      status ??= exitFor(error);
    }
  }
  if (session.options.json) session.out.json(reports);
  return status ?? (problems > 0 ? EXIT.someFailed : EXIT.done);
}

function withOptions(command: Command): Command {
  command
    .summary("back up directories and files")
    .description(
      "Back up directories and files into a storage, as one snapshot. Only what is new or changed since the last " +
        "snapshot of the same host and name is read. A name from the configuration stands for the sources and options " +
        "it has there. The exit status is 3 if some files could not be read.",
    )
    .argument(
      "[SOURCE...]",
      "directories and files; a server's, as dav:..., s3:... or sftp:...; or names from the configuration",
    )
    .option("-n, --dry-run", "make no snapshot; show what would be read and stored, as `plan` does")
    .option("--all", "back up everything the configuration names, one snapshot each")
    .option("--tag <TAG>", "add a tag to the snapshot (repeatable)", collected)
    .option("--description <TEXT>", "describe the snapshot; shown by `snapshots`");
  addLockOptions(addSelectionOptions(command))
    .option("--skip-if-unchanged", "make no snapshot if nothing has changed")
    .addOption(opposite("skip-if-unchanged"))
    .option("--no-tree", "do not build a browsable tree")
    .addOption(new Option("--tree").hideHelp())
    .addOption(
      new Option("--stdin-name <NAME>", "back up standard input as a file with this name").argParser(
        reading(parseEntryName),
      ),
    )
    .option("--command <LINE>", "back up the output of a command; no snapshot if it fails")
    .option("--init", "create the storage if there is none; not for cron, where its disk may not be mounted")
    .addOption(
      new Option(
        "--checkpoint-every <MINUTES>",
        "save progress every MINUTES, so that an interrupted backup can resume (default: 5, or 8 GiB)",
      )
        .argParser(parsePositive),
    )
    .addOption(workersOption());
  return addPackingOptions(addPaceOptions(command))
    .addHelpText(
      "after",
      examples(
        "backup-tool backup ~/photos -s /mnt/disk/storage --init",
        "backup-tool backup photos      # see `backup-tool help configuration`",
        "backup-tool backup /etc /home --name system --tag weekly --exclude '*.tmp'",
        "backup-tool backup ~ --iexclude '*.iso' --exclude-if-present .nobackup -n",
        "backup-tool backup /home --lock btrfs",
        "backup-tool backup /srv/db --before 'stop db' --after 'start db'",
        "backup-tool backup --command 'pg_dump shop' --stdin-name shop.sql",
        "backup-tool backup dav:https://nas/remote.php/dav/files/me --name cloud",
        "find . -name '*.raw' -print0 | backup-tool backup . --files-from - -0",
        "backup-tool backup --source photos=/mnt/a/pictures --source web=/srv/www",
        "backup-tool backup /volume1/data --exclude-preset nas --one-file-system",
      ),
    );
}

/**
 * Opens the storage, or creates it. @param chosen sources, checked first: a mistyped name leaves nothing behind @throws
 * NoSource
 */
async function openOrInit(session: Session, chosen: readonly Chosen[]): Promise<OpenedRepository> {
  const [{ NoStorage }, { initStorage }] = await Promise.all([
    import("../../storage/layout/faults.ts"),
    import("../../storage/layout/init.ts"),
  ]);
  try {
    return await session.openRepository();
  } catch (error) {
    if (!(error instanceof NoStorage)) throw error;
    const [only, ...others] = chosen;
    if (only !== undefined && others.length === 0) await checkSources(only.sources, session);
    if (session.place.name !== undefined) throw error;
    const path = await session.storagePath("create a storage there");
    initStorage(await session.machine(), path, DEFAULT_SETTINGS);
    session.monitor.notice(`Made a new storage in ${textOf(path)}`);
    return await session.openRepository();
  }
}
