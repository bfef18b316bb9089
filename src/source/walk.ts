/**
 * Walking the sources of a backup in apath order: one directory at a time, never following a link, in memory bounded by
 * the names of one directory and the subdirectories still to come on the way to it.
 */
import { Buffer } from "node:buffer";
import { type Apath, childOf, parentOf, TOP } from "../core/apath.ts";
import { Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { joinRaw, type Raw, rawOf, textOf } from "../core/raw.ts";
import { type Dir, type Disk, DiskFault, type Stat } from "../platform/disk.ts";
import type { Filter } from "./filter.ts";

/** One thing to back up, and where it appears in the snapshot. */
export interface SourceRoot {
  /** Absolute, without symlinks. */
  readonly path: Raw;
  readonly at: Apath;
  readonly kind: "dir" | "file";
}

export interface Found {
  /** In the parent; "" is the parent itself. */
  readonly name: Raw;
  readonly path: Apath;
  readonly stat: Stat;
}

/** Some objects of one directory, in apath order. */
export interface WalkBatch {
  /** Open while the consumer holds the batch. */
  readonly parent: Dir;
  /** Absolute path of the directory that `relative` starts from. */
  readonly rootPath: Raw;
  /** The directory below `rootPath`; "" for itself. */
  readonly relative: Raw;
  /** The directory in the snapshot. */
  readonly apath: Apath;
  readonly found: readonly Found[];
}

export interface WalkOptions {
  readonly filter: Filter;
  readonly oneFileSystem: boolean;
  /** Directories that are left out, with a notice. */
  readonly skip: readonly { readonly device: string; readonly inode: string; readonly why: string }[];
  readonly monitor: Monitor;
  /** Leave out what a CACHEDIR.TAG marks. */
  readonly excludeCaches: boolean;
  readonly largestBytes: number | undefined;
}

export class NoSource extends Fault {
  readonly code = "no-source";
  readonly hint = "Check the spelling, and that the disk is mounted";
  constructor(path: Raw) {
    super(`Cannot back up ${JSON.stringify(textOf(path))}: it is not there`);
  }
}

export class SourceGone extends Fault {
  readonly code = "source-gone";
  readonly hint = "Check that the disk is still connected, then run the backup again";
  constructor(path: Raw) {
    super(`The source ${JSON.stringify(textOf(path))} has gone away`);
  }
}

/** Entries of one batch at most: bounds memory in huge directories. */
const BATCH_ENTRIES = 1024;
/** Cache Directory Tagging Specification, section "Tag file". */
const CACHE_TAG = rawOf("CACHEDIR.TAG");
const CACHE_SIGNATURE = Buffer.from("Signature: 8a477f597d28d172789f06886806bc55");

/**
 * Decides where sources appear: a single directory is the snapshot; several, or files, stand in it under their own names,
 * and "-2", "-3" is added where names meet.
 * @param paths absolute, without symlinks
 * @returns nested: sources that lie inside other sources, and are backed up with them
 */
export function placeSources(
  paths: readonly { readonly path: Raw; readonly kind: "dir" | "file" }[],
): { roots: SourceRoot[]; nested: Raw[] } {
  const distinct = [...new Map(paths.map((source) => [source.path, source])).values()];
  const isNested = ({ path }: { path: Raw }) =>
    distinct.some((other) => other.kind === "dir" && isBelow(path, other.path));
  const outer = distinct.filter((source) => !isNested(source));
  const nested = distinct.filter(isNested).map(({ path }) => path);
  const [only, ...others] = outer;
  if (only?.kind === "dir" && others.length === 0) return { roots: [{ ...only, at: TOP }], nested };
  const taken = new Set<string>();
  const roots = outer.map((source) => ({ ...source, at: childOf(TOP, freeName(baseName(source.path), taken)) }));
  return { roots, nested };
}

function isBelow(path: Raw, directory: Raw): boolean {
  return path !== directory && (directory === "/" || path.startsWith(`${directory}/`));
}

function baseName(path: Raw): Raw {
  return (path.split("/").filter((part) => part !== "").at(-1) ?? "root") as Raw;
}

function freeName(name: Raw, taken: Set<string>): Raw {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}-${n}` as Raw;
  taken.add(free);
  return free;
}

/** Batches in apath order. @throws NoSource, SourceGone */
export function* walk(disk: Disk, roots: readonly SourceRoot[], options: WalkOptions): Generator<WalkBatch> {
  const ordered = [...roots].sort((a, b) => (a.at < b.at ? -1 : 1));
  const open: SourceRoot[] = [];
  for (const root of ordered) {
    const batch = yield* ownEntry(disk, root, options);
    if (batch) open.push(root);
  }
  for (const root of open) yield* new RootWalk(disk, root, options).batches();
}

/** The entry of a source itself. @returns true if there is something below it */
function* ownEntry(disk: Disk, root: SourceRoot, options: WalkOptions): Generator<WalkBatch, boolean> {
  const isDirectory = root.kind === "dir";
  const slash = root.path.lastIndexOf("/");
  const rootPath = isDirectory ? root.path : (slash <= 0 ? "/" : root.path.slice(0, slash)) as Raw;
  using parent = openSource(disk, rootPath);
  const name = (isDirectory ? "" : root.path.slice(slash + 1)) as Raw;
  const stat = isDirectory ? parent.statSelf() : parent.stat(name);
  if (stat === undefined) throw new NoSource(root.path);
  options.monitor.count("walkedEntries");
  const found = [{ name, path: root.at, stat }];
  yield { parent, rootPath, relative: rawOf(""), apath: parentOf(root.at), found };
  return isDirectory;
}

function openSource(disk: Disk, path: Raw): Dir {
  try {
    return disk.openDir(path);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") throw new NoSource(path);
    throw error;
  }
}

class RootWalk {
  readonly #disk: Disk;
  readonly #root: SourceRoot;
  readonly #options: WalkOptions;
  #device = "";

  constructor(disk: Disk, root: SourceRoot, options: WalkOptions) {
    this.#disk = disk;
    this.#root = root;
    this.#options = options;
  }

  *batches(): Generator<WalkBatch> {
    using top = openSource(this.#disk, this.#root.path);
    this.#device = top.statSelf().device;
    // Paths still to visit, the next one last.
    const pending: Raw[] = [rawOf("")];
    for (let relative = pending.pop(); relative !== undefined; relative = pending.pop()) {
      const below = yield* this.#directory(top, relative);
      for (let i = below.length - 1; i >= 0; i--) pending.push(joinRaw(relative, below[i]!));
    }
  }

  /** @returns names of the subdirectories to visit, in order */
  *#directory(top: Dir, relative: Raw): Generator<WalkBatch, Raw[]> {
    using parent = this.#open(top, relative);
    if (parent === undefined) return [];
    const apath = relative === "" ? this.#root.at : joinRaw(this.#root.at, relative) as unknown as Apath;
    const names = this.#list(parent, relative);
    const below: Raw[] = [];
    for (let at = 0; at < names.length; at += BATCH_ENTRIES) {
      const found = this.#look(parent, apath, relative, names.slice(at, at + BATCH_ENTRIES));
      if (found.length === 0) continue;
      for (const { name, stat } of found) if (this.#isEntered(stat)) below.push(name);
      yield { parent, rootPath: this.#root.path, relative, apath, found };
    }
    return below;
  }

  #open(top: Dir, relative: Raw): Dir | undefined {
    try {
      return top.openPath(relative);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      if (relative === "") throw new SourceGone(this.#root.path);
      this.#options.monitor.problem(error);
      return undefined;
    }
  }

  /** Names in byte order; none, and a problem, if the directory can't be read. */
  #list(parent: Dir, relative: Raw): Raw[] {
    try {
      const names = [...parent.list().names].sort();
      return this.#options.excludeCaches && isCache(parent, names) ? [CACHE_TAG] : names;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      if (relative === "") throw new SourceGone(this.#root.path);
      this.#options.monitor.problem(error);
      return [];
    }
  }

  #look(parent: Dir, apath: Apath, relative: Raw, names: readonly Raw[]): Found[] {
    const found: Found[] = [];
    for (const name of names) {
      const stat = this.#stat(parent, name);
      if (stat === undefined) continue;
      if (this.#isExcluded(relative, name, stat)) this.#options.monitor.count("excludedEntries");
      else found.push({ name, path: childOf(apath, name), stat });
    }
    this.#options.monitor.count("walkedEntries", found.length);
    return found;
  }

  /** Undefined also for what vanished since the listing: deleted while we look is no failure. */
  #stat(parent: Dir, name: Raw): Stat | undefined {
    try {
      return parent.stat(name);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#options.monitor.problem(error);
      return undefined;
    }
  }

  #isExcluded(relative: Raw, name: Raw, stat: Stat): boolean {
    const { filter, largestBytes, skip, monitor } = this.#options;
    if (stat.kind === "file" && largestBytes !== undefined && stat.size > largestBytes) return true;
    const skipped = stat.kind === "dir" &&
      skip.find(({ device, inode }) => inode === stat.inode && device === stat.device);
    if (skipped) {
      monitor.notice(`Left out ${textOf(joinRaw(this.#root.path, joinRaw(relative, name)))}: ${skipped.why}`);
      return true;
    }
    if (filter.isEmpty) return false;
    const path = childOf((relative === "" ? "/" : `/${relative}`) as Apath, name);
    return filter.decide(path, stat.kind === "dir")?.negated === false;
  }

  #isEntered(stat: Stat): boolean {
    return stat.kind === "dir" && (!this.#options.oneFileSystem || stat.device === this.#device);
  }
}

function isCache(directory: Dir, names: readonly Raw[]): boolean {
  if (!names.includes(CACHE_TAG)) return false;
  using tag = directory.open(CACHE_TAG);
  const start = new Uint8Array(CACHE_SIGNATURE.length);
  return tag !== undefined && tag.read(start, 0) === start.length && CACHE_SIGNATURE.equals(start);
}
