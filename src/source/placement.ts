/** Decides where sources appear in a snapshot. */
import { type Apath, childOf, TOP } from "../core/apath.ts";
import { BadUsage } from "../core/fault.ts";
import { isBelow, joinRaw, type Raw, raw, relativeTo, splitRaw, textOf } from "../core/raw.ts";

/** A file or directory to back up, and where it appears in the snapshot. */
export interface SourceRoot {
  /** Absolute path without symlinks. */
  readonly path: Raw;
  readonly at: Apath;
  readonly kind: "dir" | "file";
  /** Sources inside this one; they are entered even if they are on another file system. */
  readonly nested: readonly SourcePath[];
  /** Name that the user gave it. */
  readonly as?: Raw | undefined;
  /** As in {@link SourcePath}. */
  readonly origin?: Raw | undefined;
  /** As in {@link SourcePath}. */
  readonly beneath?: Raw | undefined;
}

/** A source as it is in the file system. */
export interface SourcePath {
  /** Absolute path without symlinks. */
  readonly path: Raw;
  readonly kind: "dir" | "file";
  /** Name in the snapshot, if the user gave one. */
  readonly as?: Raw | undefined;
  /** Path that the user knows, if the source is read from a file system snapshot or a copy. */
  readonly origin?: Raw | undefined;
  /**
   * The source itself or a directory above it; below it no symlink is followed, not even one that appears meanwhile.
   * Absent: no restriction.
   */
  readonly beneath?: Raw | undefined;
}

/** Path of a source's directory in two parts: the first is opened by path, the second without following symlinks. */
export interface Opening {
  readonly rootPath: Raw;
  readonly relative: Raw;
}

/**
 * How to open a directory of a source.
 * @param path of the source, or of the directory of a source that is a file
 * @param relative path below that
 */
export function openingOf({ beneath }: Pick<SourceRoot, "beneath">, path: Raw, relative: Raw): Opening {
  if (beneath === undefined) return { rootPath: path, relative };
  return { rootPath: beneath, relative: joinRaw(relativeTo(beneath, path), relative) };
}

/**
 * Decides where sources appear. A single directory becomes the whole snapshot. Several sources, or files, appear under
 * their own names, with "-2", "-3" added where names collide. Sources inside other sources are backed up with them. A
 * source with a given name appears under that in any case.
 * @param reserved names that something else in the snapshot has
 * @throws BadUsage if two sources were given the same name
 */
export function placeSources(sources: readonly SourcePath[], reserved: readonly Raw[] = []): SourceRoot[] {
  const taken = new Set<string>();
  for (const name of [...reserved, ...sources.flatMap(({ as }) => as ?? [])]) {
    if (taken.has(name)) throw new BadUsage(`Two sources are called ${JSON.stringify(textOf(name))}`);
    taken.add(name);
  }
  const distinct = [...new Map(sources.map((source) => [`${source.as ?? ""}/${source.path}`, source])).values()];
  const directories = distinct.filter(({ kind }) => kind === "dir");
  const outer = distinct
    .filter(({ path, as }) => as !== undefined || !directories.some((directory) => isBelow(path, directory.path)))
    .map((source) => ({ ...source, nested: distinct.filter(({ path }) => isBelow(path, source.path)) }));
  const [only, ...others] = outer;
  const isAlone = others.length === 0 && taken.size === 0;
  if (only?.kind === "dir" && isAlone) return [{ ...only, at: TOP }];
  return outer.map((source) => ({
    ...source,
    at: childOf(TOP, source.as ?? freeName(sourceName(originOf(source)), taken)),
  }));
}

/** The path that people know a source by. */
export function originOf({ path, origin }: Pick<SourcePath, "path" | "origin">): Raw {
  return origin ?? path;
}

/** Name of a source that appears on its own: the last component of its path, or "root". */
export function sourceName(path: Raw): Raw {
  return splitRaw(path, "/").findLast((part) => part !== "") ?? raw`root`;
}

function freeName(name: Raw, taken: Set<string>): Raw {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = raw`${name}-${n}`;
  taken.add(free);
  return free;
}
