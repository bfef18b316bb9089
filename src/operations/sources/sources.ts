/** The sources of a backup, as a person named them, and what can't be one. */
import { apathIn, TOP } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { baseName, joinRaw, parentPath, type Raw, rawOf, relativeTo, textOf } from "../../core/raw.ts";
import type { OwnPlaces } from "../../platform/own_places.ts";
import { isPassable } from "../../platform/acl.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { decideWithParents, type Filter } from "../../source/filter.ts";
import { originOf, placeSources, sourceName, type SourcePath, type SourceRoot } from "../../source/placement.ts";
import { NoSource } from "../../source/walk.ts";
import type { OpenedRepository } from "../opened.ts";

export class SourceInStorage extends Fault {
  readonly code = "source-in-storage";
  readonly hint = "Name the directories that are to be kept, or another storage";
  /** @param why completes a sentence after "...: " */
  constructor(source: Raw, why: string) {
    super(`Cannot back up ${JSON.stringify(textOf(source))}: ${why}`);
  }
}

export class NotInSources extends Fault {
  readonly code = "not-in-sources";
  readonly hint = "Give a path below one of the sources, and that can be reached";
  constructor(path: Raw) {
    super(`Cannot say anything of ${JSON.stringify(textOf(path))}: no source holds it`);
  }
}

/** A directory or file to back up: its absolute path, with options. */
export type Source = Raw | {
  readonly path: Raw;
  /** Its name in the snapshot. */
  readonly as?: Raw | undefined;
  /** Absolute path of a copy of it that stands still. */
  readonly readFrom?: Raw | undefined;
  /** No link is followed below this directory, which is the source itself or above it; both are real paths then. */
  readonly beneath?: Raw | undefined;
};

export function sourcePath(source: Source): Raw {
  return typeof source === "string" ? source : source.path;
}

/**
 * Opens every source once, to determine its kind.
 * @param own places of that storage
 * @param reserved names in the snapshot that are not available
 * @throws NoSource, SourceInStorage, BadUsage
 */
export function findSources(
  repository: Pick<OpenedRepository, "location" | "machine">,
  own: OwnPlaces,
  given: { readonly sources: readonly Source[]; readonly reserved?: readonly Raw[] },
  filterOf: (root: SourceRoot) => Filter,
  monitor: Monitor,
): readonly SourceRoot[] {
  const { disk } = repository.machine;
  const sources = given.sources.map((source) => sourceAt(disk, source));
  for (const source of sources) assertForeign(source, own, repository);
  const roots = placeSources(sources, given.reserved);
  for (const root of roots) {
    for (const source of root.nested) monitor.notice(nestedNotice(source, root, filterOf(root)));
  }
  return roots;
}

/** Nothing is there, or what should be a directory on the way is a file. */
const MISSING = ["ENOENT", "ENOTDIR"];

function sourceAt(disk: Disk, source: Source): SourcePath {
  const path = sourcePath(source);
  try {
    if (typeof source !== "string" && source.beneath !== undefined) return confinedSource(disk, source, source.beneath);
    const origin = disk.realPath(path);
    if (typeof source === "string") return { path: origin, ...kindAt(disk, origin) };
    const { as, readFrom } = source;
    const real = readFrom === undefined ? origin : disk.realPath(readFrom);
    return { path: real, as, origin, ...kindAt(disk, real) };
  } catch (error) {
    if (error instanceof DiskFault && MISSING.includes(error.errno)) throw new NoSource(path);
    throw error;
  }
}

function confinedSource(disk: Disk, { path, as }: Exclude<Source, Raw>, beneath: Raw): SourcePath {
  using top = disk.openDir(beneath);
  // Whatever is there is taken as it is: a link as a link.
  return { path, as, origin: path, beneath, ...kindBeneath(top, relativeTo(beneath, path)) };
}

function kindBeneath(top: Dir, relative: Raw): Pick<SourcePath, "kind"> {
  try {
    top.openPath(relative)[Symbol.dispose]();
    return { kind: "dir" };
  } catch (error) {
    if (!(error instanceof DiskFault) || error.errno !== "ENOTDIR") throw error;
    return { kind: "file" };
  }
}

function kindAt(disk: Disk, real: Raw): Pick<SourcePath, "kind"> {
  try {
    disk.openDir(real)[Symbol.dispose]();
    return { kind: "dir" };
  } catch (error) {
    if (!(error instanceof DiskFault) || error.errno !== "ENOTDIR") throw error;
    return { kind: "file" };
  }
}

/** @throws SourceInStorage */
function assertForeign(
  source: SourcePath,
  own: OwnPlaces,
  { location, machine: { disk } }: Pick<OpenedRepository, "location" | "machine">,
): void {
  const origin = originOf(source);
  for (const path of new Set([origin, source.path])) {
    const place = own.around(source.kind === "dir" ? path : parentPath(path));
    if (place === undefined || place.kind === "archive") continue;
    // Copies that stand still may be mounted beside the notes on them.
    if (place.kind === "state" && path !== origin) continue;
    const why = place.kind === "storage"
      ? `it belongs to the storage ${JSON.stringify(textOf(disk.realPath(rawOf(location))))}`
      : place.why;
    throw new SourceInStorage(origin, why);
  }
}

function nestedNotice({ path, kind }: SourcePath, root: SourceRoot, filter: Filter): string {
  const inside = apathIn(TOP, relativeTo(root.path, path));
  const decision = decideWithParents(filter, inside, kind === "dir");
  const where = `${textOf(path)} lies inside the source ${textOf(root.path)}`;
  return decision?.negated === false
    ? `${where}, and is excluded by the pattern ${decision.pattern}`
    : `${where}, and is backed up with it`;
}

/**
 * True if something exists that stat can examine.
 * @param path absolute; a symlink in its last component is not followed
 */
export function isThere(disk: Disk, path: Raw): boolean {
  try {
    using parent = disk.openDir(parentPath(path));
    return parent.stat(baseName(path)) !== undefined;
  } catch (error) {
    if (error instanceof DiskFault) return !MISSING.includes(error.errno);
    throw error;
  }
}

/** True if not everybody can reach the source: its copy must not be easier to reach. */
export function isHidden(disk: Disk, root: SourceRoot): boolean {
  for (let path = originOf(root); path !== "/"; path = parentPath(path)) {
    if (!isOpenToAll(disk, parentPath(path))) return true;
  }
  return false;
}

function isOpenToAll(disk: Disk, directory: Raw): boolean {
  try {
    using opened = disk.openDir(directory);
    return isPassable(opened.statSelf());
  } catch (error) {
    // Whoever may pass through but not read it, like a home directory's owner through /home, can't look at it this way.
    if (error instanceof DiskFault && error.errno === "EACCES") return false;
    throw error;
  }
}

/** Default name of a series. @param reserved as for {@link findSources} */
export function seriesName(roots: readonly SourceRoot[], reserved: readonly Raw[] = []): string {
  const names = roots.map((root) => root.as ?? sourceName(originOf(root)));
  return [...names, ...reserved].map(textOf).join("+");
}

/**
 * Resolves symlinks on the way to objects, but not the objects themselves. Neighbours share one lookup of their
 * directory.
 */
export class RealPaths {
  readonly #disk: Disk;
  #directory: Raw | undefined;
  #real: Raw = rawOf("");

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Real path of an object. @param path absolute; returned unchanged if it doesn't exist */
  of(path: Raw): Raw {
    const name = baseName(path);
    // These are no names of objects.
    if (["", ".", ".."].includes(name)) return this.#follow(path);
    const directory = parentPath(path);
    if (directory !== this.#directory) {
      this.#real = this.#follow(directory);
      this.#directory = directory;
    }
    return joinRaw(this.#real, name);
  }

  #follow(path: Raw): Raw {
    try {
      return this.#disk.realPath(path);
    } catch (error) {
      if (error instanceof DiskFault) return path;
      throw error;
    }
  }
}
