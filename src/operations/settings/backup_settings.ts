/** The settings of a backup, and their defaults, wherever they were written. */
import { type Raw, rawOf } from "../../core/raw.ts";
import { parseSize } from "../../core/size_text.ts";
import { parseExcludeFile, PRESETS } from "../../source/exclude_lists.ts";
import { ignoringCase } from "../../source/ignoring_case.ts";
import type { LockSpec } from "../../source/lock/lock_kinds.ts";
import type { Selection } from "../comparison/selection.ts";
import type { Source } from "../sources/sources.ts";
import type { WrittenBackup } from "./backup_schema.ts";

/** Absent settings have their defaults. */
export interface BackupSettings extends WrittenBackup {
  /** Name of the series. Default: derived from the names of the sources. */
  readonly name?: string;
  /** Read every file, even if it seems unchanged. Default: false. */
  readonly force?: boolean;
}

/** What a backup includes. */
export interface BackupSources {
  readonly sources: readonly Source[];
  /** Absolute paths in the sources; restricts the backup to them and what is below them. */
  readonly only?: readonly Raw[];
  /** Patterns that were typed for this run: a notice is shown for each that matches nothing. */
  readonly expected?: readonly string[];
}

/** What settings refer to without containing it. */
export interface SettingsWorld {
  /** Name of this machine. */
  host(): string;
  /** Makes a path in the settings absolute. */
  absolute(path: string): Raw;
  /** Reads a file with patterns. @param path as written in the settings @throws DiskFault */
  readTextFile(path: string): string;
}

/** Makes the selection. @throws DiskFault of a file with patterns */
export function selectionFrom(sources: BackupSources, settings: BackupSettings, world: SettingsWorld): Selection {
  const { force = false, ignoreInode = false, ignoreCtime = false, excludeLargerThan: largest } = settings;
  const { excludeIfPresent: markers = [] } = settings;
  return {
    ...sources,
    name: settings.name,
    excludes: excludePatterns(settings, world),
    ignoreFiles: settings.ignoreFiles ?? true,
    oneFileSystem: settings.oneFileSystem ?? false,
    excludeCaches: settings.excludeCaches ?? false,
    ...(markers.length > 0 && { markers: markers.map(rawOf) }),
    largestBytes: largest === undefined ? undefined : bytesOfSize(largest),
    host: settings.host ?? world.host(),
    detection: { force, ignoreInode, ignoreCtime },
    statics: settings.static ?? [],
  };
}

/** The metadata and options of a snapshot. */
export function marksFrom({ tags = [], description, tree = true, skipIfUnchanged }: BackupSettings): {
  readonly tags: readonly string[];
  readonly description?: string;
  readonly tree: boolean;
  readonly skipIfUnchanged?: true;
} {
  return { tags, ...(description !== undefined && { description }), tree, ...(skipIfUnchanged && { skipIfUnchanged }) };
}

/** How sources are locked; undefined if they aren't. */
export function lockFrom(
  { lock }: BackupSettings,
  { absolute }: Pick<SettingsWorld, "absolute">,
): LockSpec | undefined {
  if (lock === undefined) return undefined;
  if (typeof lock === "string") return { kind: lock };
  const { before, after, readFrom } = lock;
  return { kind: "command", before, after, readFrom: readFrom === undefined ? undefined : absolute(readFrom) };
}

/** Presets come first, then files, then patterns: later patterns win. @throws DiskFault of a file */
function excludePatterns(
  { presets = [], excludeFrom = [], exclude = [], iexclude = [] }: BackupSettings,
  world: SettingsWorld,
) {
  return [
    ...presets.flatMap((name) => PRESETS[name] ?? []),
    ...excludeFrom.flatMap((file) => parseExcludeFile(world.readTextFile(file))),
    ...exclude,
    ...iexclude.map(ignoringCase),
  ];
}

/** Converts a size that a schema has accepted to bytes. */
export function bytesOfSize(size: string | number): number {
  return typeof size === "string" ? parseSize(size) : size;
}

type ListKey = "tags" | "exclude" | "iexclude" | "excludeIfPresent" | "excludeFrom" | "presets" | "static";

/**
 * Merges settings: those of `second` take precedence; lists are concatenated, with those of `second` last, and tags are
 * unique.
 */
export function mergedSettings(first: BackupSettings, second: BackupSettings): BackupSettings {
  const both = (key: ListKey): string[] => [
    ...first[key] ?? [],
    ...second[key] ?? [],
  ];
  return {
    ...first,
    ...second,
    tags: [...new Set(both("tags"))],
    exclude: both("exclude"),
    iexclude: both("iexclude"),
    excludeIfPresent: both("excludeIfPresent"),
    excludeFrom: both("excludeFrom"),
    presets: both("presets"),
    static: both("static"),
  };
}
