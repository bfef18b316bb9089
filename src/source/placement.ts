/** Where sources appear in a snapshot. */
import { type Apath, childOf, TOP } from "../core/apath.ts";
import { BadUsage } from "../core/fault.ts";
import { isBelow, joinRaw, type Raw, raw, relativeTo, splitRaw, textOf } from "../core/raw.ts";

/** One thing to back up, and where it appears in the snapshot. */
export interface SourceRoot {
  /** Absolute, without symlinks. */
  readonly path: Raw;
  readonly at: Apath;
  readonly kind: "dir" | "file";
  /** Sources that lie inside this one: they are entered although they are on another file system. */
  readonly nested: readonly SourcePath[];
  /** The name it was given. */
  readonly as?: Raw | undefined;
  /** As for {@link SourcePath}. */
  readonly origin?: Raw | undefined;
  /** As for {@link SourcePath}. */
  readonly beneath?: Raw | undefined;
}

/** A source as the file system has it. */
export interface SourcePath {
  /** Absolute, without symlinks. */
  readonly path: Raw;
  readonly kind: "dir" | "file";
  /** Its name in the snapshot, if it was given one. */
  readonly as?: Raw | undefined;
  /** What a person calls it, if it is read from a copy that stands still. */
  readonly origin?: Raw | undefined;
  /** A directory above it, or itself, below which no link is followed, also none that comes meanwhile; absent: no matter. */
  readonly beneath?: Raw | undefined;
}

/** A directory of a source in two parts: the first is opened by its path, the second without following a link. */
export interface Opening {
  readonly rootPath: Raw;
  readonly relative: Raw;
}

/** @param path of a source, or of the directory of one that is a file @param relative below that */
export function openingOf({ beneath }: Pick<SourceRoot, "beneath">, path: Raw, relative: Raw): Opening {
  if (beneath === undefined) return { rootPath: path, relative };
  return { rootPath: beneath, relative: joinRaw(relativeTo(beneath, path), relative) };
}

/**
 * Decides where sources appear: a single directory is the snapshot; several, or files, stand in it under their own names,
 * and "-2", "-3" is added where names meet. Sources inside other sources are backed up with them. One that was given a
 * name stands under that, whatever else there is.
 * @param reserved names that something else in the snapshot has
 * @throws BadUsage if two were given the same name
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

/** The path by which people know a source. */
export function originOf({ path, origin }: Pick<SourcePath, "path" | "origin">): Raw {
  return origin ?? path;
}

/** What a path is called that stands alone. */
export function sourceName(path: Raw): Raw {
  return splitRaw(path, "/").findLast((part) => part !== "") ?? raw`root`;
}

function freeName(name: Raw, taken: Set<string>): Raw {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = raw`${name}-${n}`;
  taken.add(free);
  return free;
}
