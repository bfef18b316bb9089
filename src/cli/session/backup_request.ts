/** Builds the request of a backup from the command line and the configuration. */
import { BadUsage } from "../../core/fault.ts";
import { defined } from "../../core/defined.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { didYouMean } from "../../core/similar.ts";
import type { BackupRequest } from "../../operations/backup/backup_request.ts";
import type { Selection } from "../../operations/comparison/selection.ts";
import type { Source } from "../../operations/sources/sources.ts";
import type { StreamSource } from "../../operations/backup/backup_request.ts";
import { type Disk, DiskFault } from "../../platform/disk.ts";
import type { LockSpec } from "../../source/lock/lock_kinds.ts";
import {
  type BackupSettings,
  lockFrom,
  marksFrom,
  mergedSettings,
  selectionFrom,
  type SettingsWorld,
} from "../../operations/settings/backup_settings.ts";
import type { HookSet } from "../../operations/hooks/hook_set.ts";
import { ignoringCase } from "../../source/ignoring_case.ts";
import { schemeOf } from "../../backend/location.ts";
import type { RemoteSource } from "../../operations/settings/source_schema.ts";
import { lockOfOptions, type LockOptions } from "../settings/lock_options.ts";
import { absolutePath, readNamedFile } from "../settings/paths.ts";
import { listedPaths, type SelectionOptions, settingsOfOptions } from "../settings/selection_options.ts";
import type { World } from "../world.ts";
import type { Session } from "./session.ts";

/** Options of `backup` that determine the contents of a snapshot. */
export interface BackupOptions extends SelectionOptions {
  readonly workers?: number;
  /** Interval of checkpoints in minutes. */
  readonly checkpointEvery?: number;
  readonly stdinName?: Raw;
  readonly command?: string;
}

/** One snapshot to make. */
export interface Chosen {
  readonly name: string | undefined;
  readonly sources: readonly Source[];
  /** A server whose files are backed up, instead of sources. */
  readonly server?: RemoteSource;
  readonly settings: BackupSettings;
  /** Hooks that run only before and after this backup. */
  readonly hooks?: readonly HookSet[];
}

/**
 * The backups that words on the command line stand for: paths, all for one snapshot, or names in the configuration,
 * each for a snapshot of its own.
 * @param all true for every name in the configuration
 * @param hasOthers true if options name sources too
 * @throws BadUsage
 */
export async function chooseBackups(
  words: readonly string[],
  all: boolean,
  session: Session,
  hasOthers = false,
): Promise<Chosen[]> {
  const { config } = session.loaded;
  const server = words.find((word) => schemeOf(word) !== undefined);
  if (server !== undefined) {
    if (words.length > 1 || hasOthers) throw aServerAlone("There is a server among other sources");
    return [{ name: undefined, sources: [], server: { location: server }, settings: config.defaults ?? {} }];
  }
  const known = Object.keys(config.backups ?? {});
  const named = all ? known : words.filter((word) => known.includes(word));
  if ((words.length === 0 && !hasOthers) || all) checkWords(words, all, known, session.loaded.path);
  if (named.length === 0) {
    await checkSpelling(words, known, session);
    const sources = words.map((word) => absolutePath(session.world, word));
    return [{ name: undefined, sources, settings: config.defaults ?? {} }];
  }
  const path = words.find((word) => !known.includes(word));
  if (path !== undefined) throw mixed(named[0] ?? "", path);
  for (const name of words) await tellOfNamesake(name, session);
  return named.flatMap((name) => {
    const backup = config.backups?.[name];
    if (backup === undefined) return [];
    const { sources, hooks, ...settings } = backup;
    return {
      name,
      ...defined({ hooks }),
      ...sourcesNamed(name, sources),
      settings: mergedSettings(config.defaults ?? {}, settings),
    };
  });
}

/** Sources of a named backup: paths, or a single server. @throws BadUsage for a server among other sources */
function sourcesNamed(name: string, all: readonly (string | RemoteSource)[]): Pick<Chosen, "sources" | "server"> {
  const server = all.find((source) => typeof source !== "string");
  if (server === undefined) {
    return { sources: all.flatMap((source) => typeof source === "string" ? [rawOf(source)] : []) };
  }
  if (all.length > 1) throw aServerAlone(`The backup ${JSON.stringify(name)} has a server among its sources`);
  return { sources: [], server };
}

function aServerAlone(what: string): BadUsage {
  return new BadUsage(what, "Files of a server make a snapshot of their own: name it alone");
}

function checkWords(words: readonly string[], all: boolean, known: readonly string[], path: string | undefined): void {
  if (all && words.length > 0) {
    throw new BadUsage("`--all` backs up all that the configuration names, and nothing else");
  }
  if (all && known.length > 0) return;
  const what = all ? "The configuration names no backups" : "No source given";
  const names = known.length > 0
    ? `or a name from ${path}: ${known.join(", ")}; or --all`
    : "or see `backup-tool help config`";
  throw new BadUsage(what, `Name directories and files, ${names}`);
}

function mixed(name: string, path: string): BadUsage {
  return new BadUsage(
    `Cannot back up ${JSON.stringify(name)}, which the configuration names, together with ${JSON.stringify(path)}`,
    `Use two commands; a directory of that name is ./${name}`,
  );
}

/** Refuses a word that is neither an existing path nor a name, but similar to a name. @throws BadUsage */
async function checkSpelling(words: readonly string[], known: readonly string[], session: Session): Promise<void> {
  for (const word of words) {
    const hint = didYouMean(word, known);
    if (hint === undefined || isThere((await session.machine()).disk, absolutePath(session.world, word))) continue;
    throw new BadUsage(`${JSON.stringify(word)} is neither there nor named in ${session.loaded.path}`, hint);
  }
}

async function tellOfNamesake(name: string, session: Session): Promise<void> {
  if (!isThere((await session.machine()).disk, absolutePath(session.world, name))) return;
  session.monitor.notice(
    `${name} is the backup of that name in ${session.loaded.path}; for the directory write ./${name}`,
  );
}

export function isThere(disk: Disk, path: Raw): boolean {
  try {
    disk.realPath(path);
    return true;
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  }
}

/** All settings of a backup: options override the configuration; lists are combined, those of options last. */
export function settingsFor({ name, settings }: Chosen, options: SelectionOptions, { world }: Session): BackupSettings {
  const named = name === undefined ? settings : { ...settings, name };
  return mergedSettings(named, settingsOfOptions(options, world));
}

/** What a backup includes and excludes. @throws BadUsage, DiskFault for a file with patterns */
export function selectionFor(chosen: Chosen, options: SelectionOptions, session: Session): Selection {
  const sources = {
    ...sourcesOf(chosen, options, session),
    expected: [...options.exclude ?? [], ...(options.iexclude ?? []).map(ignoringCase)],
  };
  return selectionFrom(sources, settingsFor(chosen, options, session), settingsWorld(session.world));
}

function settingsWorld(world: World): SettingsWorld {
  return {
    host: () => world.host(),
    absolute: (path) => absolutePath(world, path),
    readTextFile: (path) => readNamedFile(world, path),
  };
}

/** Sources from the words of the command line and from options; a list of paths selects within a single source. */
function sourcesOf(chosen: Chosen, options: SelectionOptions, { world }: Session): Pick<Selection, "sources" | "only"> {
  const named = (options.source ?? []).map(({ as, path }) => ({ as, path: absolutePath(world, path) }));
  const sources = [...chosen.sources, ...named];
  if (options.filesFrom === undefined) return { sources };
  if (sources.length > 1) {
    throw new BadUsage(
      "`--files-from` lists paths in one source",
      "Give one directory, or none: then paths may be anywhere",
    );
  }
  const [source] = sources;
  const base = source === undefined ? absolutePath(world, ".") : typeof source === "string" ? source : source.path;
  const only = listedPaths(options.filesFrom, options.null ?? false, base, world);
  return { sources: source === undefined ? [rawOf("/")] : sources, only };
}

/** The request of one backup. @throws BadUsage, DiskFault for a file with patterns */
export function requestFor(chosen: Chosen, options: BackupOptions, session: Session): BackupRequest {
  return {
    ...selectionFor(chosen, options, session),
    ...marksFrom(settingsFor(chosen, options, session)),
    workers: session.workers(options.workers),
    ...(options.checkpointEvery !== undefined && { checkpointMs: options.checkpointEvery * 60_000 }),
    streams: streamsOf(options, session),
    user: session.world.user(),
    signal: session.signal,
  };
}

/** How the sources are held still; undefined if they are not. @throws BadUsage */
export function lockFor({ settings }: Chosen, options: LockOptions, { world }: Session): LockSpec | undefined {
  const lock = lockOfOptions(options);
  return lockFrom(lock === undefined ? settings : { lock }, settingsWorld(world));
}

/** Streams to back up, from standard input or a command. @throws BadUsage */
function streamsOf({ stdinName, command, filesFrom }: BackupOptions, { world, signal }: Session): StreamSource[] {
  if (stdinName === undefined && command === undefined) return [];
  if (stdinName === undefined) {
    throw new BadUsage("The output of `--command` has no name", "Give it one with `--stdin-name`, such as db.sql");
  }
  if (command !== undefined) return [{ name: stdinName, chunks: world.commandOutput(command, signal) }];
  if (filesFrom === "-") throw new BadUsage("Standard input can't be both a list of files and a file");
  return [{ name: stdinName, chunks: world.stdin() }];
}

/** True if options name what to back up, without words. */
export function hasOtherSources({ source, filesFrom, stdinName }: BackupOptions): boolean {
  return source !== undefined || filesFrom !== undefined || stdinName !== undefined;
}
