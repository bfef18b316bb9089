/**
 * Walks the sources of a backup in apath order: one directory at a time, without following symlinks. Memory is bounded
 * by the names of one directory and the subdirectories still to come on the way to it.
 */
import { Buffer } from "node:buffer";
import { type Apath, apathIn, childOf, parentOf, TOP } from "../core/apath.ts";
import { Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { baseName, EMPTY, isBelow, joinRaw, parentPath, type Raw, rawOf, textOf } from "../core/raw.ts";
import { includesSorted } from "../core/sorted.ts";
import type { Stat } from "../core/stat.ts";
import { Descent } from "../platform/descent.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";
import { type LookAhead, PLACES_AHEAD, type SeenDirectory } from "../platform/look_ahead.ts";
import type { OwnDirectories } from "../platform/own_places.ts";
import type { Decision, Filter } from "./filter.ts";
import { decideByLayers, IGNORE_FILE, type Layer, readLayer } from "./ignore_file.ts";
import type { PathSelection } from "./path_selection.ts";
import { type Opening, openingOf, type SourceRoot } from "./placement.ts";

export interface Found {
  /** Name in the parent; "" is the parent itself. */
  readonly name: Raw;
  readonly path: Apath;
  readonly stat: Stat;
}

/** Some objects of one directory, in apath order. */
export interface WalkBatch {
  /** The directory; open while the consumer holds the batch. */
  readonly parent: Dir;
  /** Absolute path that `relative` starts from. */
  readonly rootPath: Raw;
  /** The directory, relative to `rootPath`; "" for `rootPath` itself. */
  readonly relative: Raw;
  /** Path of the directory in the snapshot. */
  readonly apath: Apath;
  readonly found: readonly Found[];
}

export interface WalkOptions {
  readonly filter: Filter;
  /** Filter of one source, which replaces `filter`. */
  readonly filterOf?: ((root: SourceRoot) => Filter) | undefined;
  /** Apply .backupignore files; `filter` has precedence. */
  readonly ignoreFiles: boolean;
  /** Patterns from such files above the sources; undefined: none. */
  readonly layer?: Layer | undefined;
  /**
   * Don't enter file systems mounted below a source, whatever they are. Files that are mounted on files are included.
   */
  readonly oneFileSystem: boolean;
  /** Exclude directories marked with a CACHEDIR.TAG. */
  readonly excludeCaches: boolean;
  /** Exclude directories that have an entry with one of these names. */
  readonly markers?: readonly Raw[] | undefined;
  /** Exclude files larger than this (bytes). */
  readonly largestBytes: number | undefined;
  readonly own: OwnDirectories;
  /** Only these paths; undefined: everything. */
  readonly choice?: PathSelection | undefined;
  /** Threads that look at the next directories meanwhile. */
  readonly ahead?: Pick<LookAhead, "expect" | "take"> | undefined;
  /** Called for each excluded object, with the rule. */
  readonly excluded?: ((exclusion: Exclusion) => void) | undefined;
  readonly monitor: Monitor;
}

/** The rule that excludes an object. */
export type ExcludingRule =
  | { readonly by: "pattern"; readonly decision: Decision }
  /** The file is larger than `largestBytes`. */
  | { readonly by: "size" }
  /** The directory has a CACHEDIR.TAG. */
  | { readonly by: "cache" }
  /** The directory has an entry with a marker's name. */
  | { readonly by: "marker"; readonly name: Raw }
  /** The directory is included but not entered, because another file system begins there. */
  | { readonly by: "file-system" }
  /** It is one of the program's own places. */
  | { readonly by: "skip"; readonly why: string };

export interface Exclusion {
  /** Absolute path. */
  readonly path: Raw;
  readonly rule: ExcludingRule;
  /** Undefined if the object wasn't looked at. */
  readonly stat: Stat | undefined;
}

export class NoSource extends Fault {
  readonly code = "no-source";
  readonly hint = "Check the spelling, and that the disk is mounted";
  constructor(path: Raw) {
    super(`Cannot back up ${JSON.stringify(textOf(path))}: no such file or directory`);
  }
}

export class SourceGone extends Fault {
  readonly code = "source-gone";
  readonly hint = "Check that the disk is still connected, then run the backup again";
  constructor(path: Raw) {
    super(`The source ${JSON.stringify(textOf(path))} has gone away`);
  }
}

/**
 * Most entries in one batch: stop requests are checked between batches, and on a slow disk each entry takes some
 * milliseconds.
 */
const BATCH_ENTRIES = 64;
/** Name of the tag, see the Cache Directory Tagging Specification, section "Tag file". */
export const CACHE_TAG = rawOf("CACHEDIR.TAG");
/** Longer paths are opened in steps, which only a walk in order does quickly. */
const LONGEST_AHEAD = 512;
const OTHER_FILE_SYSTEM: ExcludingRule = { by: "file-system" };
type MarkerRule = Extract<ExcludingRule, { by: "marker" }>;
const CACHE = { by: "cache" } as const;
const TOO_LARGE: ExcludingRule = { by: "size" };
const NO_NAME = rawOf("");
const CACHE_SIGNATURE = Buffer.from("Signature: 8a477f597d28d172789f06886806bc55");

/** Walks all sources. @returns batches in apath order @throws NoSource, SourceGone */
export function* walk(disk: Disk, roots: readonly SourceRoot[], options: WalkOptions): Generator<WalkBatch> {
  const ordered = [...roots].sort((a, b) => (a.at < b.at ? -1 : 1));
  const open: SourceRoot[] = [];
  for (const root of ordered) {
    if (yield* ownEntry(disk, root, options)) open.push(root);
  }
  for (const root of open) yield* new RootWalk(disk, root, options).batches();
}

/** Yields the entry of a source itself. @returns true if there is something below it */
function* ownEntry(disk: Disk, root: SourceRoot, options: WalkOptions): Generator<WalkBatch, boolean> {
  const isDirectory = root.kind === "dir";
  const opening = openingOf(root, isDirectory ? root.path : parentPath(root.path), EMPTY);
  using parent = openSource(disk, opening, new NoSource(root.path));
  const name = isDirectory ? EMPTY : baseName(root.path);
  const stat = isDirectory ? parent.statSelf() : parent.stat(name);
  if (stat === undefined) throw new NoSource(root.path);
  options.monitor.count("walkedEntries");
  const found = [{ name, path: root.at, stat }];
  yield { parent, ...opening, apath: parentOf(root.at), found };
  return isDirectory;
}

/** Opens the directory of a source. @param missing thrown if it doesn't exist */
function openSource(disk: Disk, opening: Opening, missing: Fault): Dir {
  try {
    return openAt(disk, opening);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") throw missing;
    throw error;
  }
}

function openAt(disk: Disk, { rootPath, relative }: Opening): Dir {
  if (relative === EMPTY) return disk.openDir(rootPath);
  using top = disk.openDir(rootPath);
  return top.openPath(relative);
}

/** A directory to visit. */
interface Pending {
  /** Path relative to the source; "" for the source itself. */
  readonly relative: Raw;
  readonly layer: Layer | undefined;
  readonly device: string;
  /** True if it is mounted below a source, and entered only because it leads to another one. */
  readonly isWay: boolean;
}

/** What says of the names in a directory what they are. */
type Looked = Pick<Dir, "stat"> | SeenDirectory;

class RootWalk {
  readonly #disk: Disk;
  readonly #root: SourceRoot;
  readonly #options: WalkOptions;
  readonly #filter: Filter;
  #self: Stat | undefined;
  #hasLastingInode = false;
  /** Number of names in the directories since {@link #expect} last reported it. */
  #walked = 0;

  constructor(disk: Disk, root: SourceRoot, options: WalkOptions) {
    this.#disk = disk;
    this.#root = root;
    this.#options = options;
    this.#filter = options.filterOf?.(root) ?? options.filter;
  }

  *batches(): Generator<WalkBatch> {
    using top = openSource(this.#disk, this.#opening(), new SourceGone(this.#root.path));
    using descent = new Descent(top);
    this.#self = top.statSelf();
    this.#hasLastingInode = top.reliableInodes();
    // The next one last.
    const { device } = this.#self;
    const pending: Pending[] = [{ relative: rawOf(""), layer: this.#options.layer, device, isWay: false }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const below = yield* this.#directory(descent, next);
      for (let i = below.length - 1; i >= 0; i--) pending.push(below[i]!);
      this.#expect(pending);
    }
    this.#assertThere();
  }

  #expect(pending: readonly Pending[]): void {
    const next = pending.slice(-PLACES_AHEAD).reverse().filter(({ relative }) => relative.length < LONGEST_AHEAD);
    this.#options.ahead?.expect(next.map(({ relative }) => this.#opening(relative)), this.#walked);
    this.#walked = 0;
  }

  #opening(relative = EMPTY): Opening {
    return openingOf(this.#root, this.#root.path, relative);
  }

  /** Yields the entries of one directory. @returns the subdirectories to visit, in order */
  *#directory(descent: Descent, place: Pending): Generator<WalkBatch, Pending[]> {
    const { relative } = place;
    using parent = this.#open(descent, relative);
    if (parent === undefined) return [];
    const apath = apathIn(this.#root.at, relative);
    const seen = this.#options.ahead?.take(parent, this.#opening(relative));
    const all = this.#list(parent, relative, seen?.names);
    this.#walked += all.length;
    const layer = this.#options.ignoreFiles && includesSorted(all, IGNORE_FILE)
      ? readLayer(parent, relative, place.layer, this.#options.monitor)
      : place.layer;
    const names = this.#namesToTake(place, all);
    const below: Pending[] = [];
    for (let at = 0; at < names.length; at += BATCH_ENTRIES) {
      const found = this.#look(seen ?? parent, apath, { ...place, layer }, names.slice(at, at + BATCH_ENTRIES));
      if (found.length === 0) continue;
      for (const { name, stat } of found) {
        if (stat.kind !== "dir") continue;
        const entered = this.#entered(place, name, stat);
        if (entered === undefined) this.#tell(relative, name, OTHER_FILE_SYSTEM, stat);
        else below.push({ relative: joinRaw(relative, name), layer, device: stat.device, isWay: entered === "as way" });
      }
      yield { parent, ...this.#opening(relative), apath, found };
    }
    return below;
  }

  #namesToTake({ relative, isWay }: Pending, all: readonly Raw[]): readonly Raw[] {
    const chosen = this.#options.choice?.among(all, this.#pathOf(relative, NO_NAME)) ?? all;
    return isWay ? chosen.filter((name) => this.#leadsToSource(this.#pathOf(relative, name))) : chosen;
  }

  #leadsToSource(path: Raw): boolean {
    return this.#root.nested.some((source) => source.path === path || isBelow(source.path, path));
  }

  #open(descent: Descent, relative: Raw): Dir | undefined {
    try {
      return descent.open(relative);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  /** Names in byte order. If the directory can't be read, that is reported, and there are none. @param seen if they are known */
  #list(parent: Dir, relative: Raw, seen?: readonly Raw[]): readonly Raw[] {
    try {
      const names = seen ?? [...parent.list().names].sort();
      const why = this.#options.own.whyNotListed(parent, names);
      if (why !== undefined) return this.#passOver(this.#pathOf(relative, NO_NAME), why);
      const marker = this.#markerAmong(names);
      if (marker !== undefined) return this.#onlyMarker(relative, names, { by: "marker", name: marker });
      if (!this.#options.excludeCaches || !isCache(parent, names)) return names;
      return this.#onlyMarker(relative, names, CACHE);
    } catch (error) {
      // Without its own names a source is nothing.
      if (relative === "") throw error;
      this.#report(error);
      return [];
    }
  }

  #markerAmong(names: readonly Raw[]): Raw | undefined {
    return this.#options.markers?.find((name) => includesSorted(names, name));
  }

  /** Excludes everything in a directory but its marker, so that a restored copy will be excluded like the original. */
  #onlyMarker(relative: Raw, names: readonly Raw[], rule: typeof CACHE | MarkerRule): Raw[] {
    const marker = rule.by === "marker" ? rule.name : CACHE_TAG;
    this.#options.monitor.count("excludedEntries", names.length - 1);
    for (const name of names) if (name !== marker) this.#tell(relative, name, rule, undefined);
    return [marker];
  }

  #passOver(path: Raw, why: string): [] {
    this.#options.monitor.notice(`Skipped ${textOf(path)}: ${why}`);
    this.#options.excluded?.({ path, rule: { by: "skip", why }, stat: undefined });
    return [];
  }

  /** Reports that one directory can't be read, unless the whole source has gone. @throws SourceGone */
  #report(error: unknown): void {
    if (!(error instanceof DiskFault)) throw error;
    this.#assertThere();
    this.#options.monitor.problem(error);
  }

  /**
   * Checks that the source still exists: a disk that was unplugged or unmounted must not look empty. @throws SourceGone
   */
  #assertThere(): void {
    let now: Stat | undefined;
    try {
      using top = openAt(this.#disk, this.#opening());
      now = top.statSelf();
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
    }
    const { device, inode } = this.#self!;
    const isSame = now?.device === device && (now.inode === inode || !this.#hasLastingInode);
    if (!isSame) throw new SourceGone(this.#root.path);
  }

  #look(parent: Looked, apath: Apath, place: Pending, names: readonly Raw[]): Found[] {
    const found: Found[] = [];
    for (const name of names) {
      const stat = this.#stat(parent, name);
      if (stat === undefined) continue;
      const rule = this.#ruleAgainst(place, name, stat);
      if (rule === undefined) {
        found.push({ name, path: childOf(apath, name), stat });
        continue;
      }
      this.#leaveOut(childOf(apath, name));
      this.#tell(place.relative, name, rule, stat);
    }
    this.#options.monitor.count("walkedEntries", found.length);
    return found;
  }

  #leaveOut(path: Apath): void {
    const { monitor } = this.#options;
    monitor.count("excludedEntries");
    monitor.status?.("excluded", textOf(path));
  }

  /** Stat of an entry. Undefined also if it vanished since the listing, which is no failure. */
  #stat(parent: Looked, name: Raw): Stat | undefined {
    try {
      return parent.stat(name);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#options.monitor.problem(error);
      return undefined;
    }
  }

  #tell(relative: Raw, name: Raw, rule: ExcludingRule, stat: Stat | undefined): void {
    this.#options.excluded?.({ path: this.#pathOf(relative, name), rule, stat });
  }

  /** The rule that excludes an entry; undefined if none does. */
  #ruleAgainst({ relative, layer }: Pending, name: Raw, stat: Stat): ExcludingRule | undefined {
    const { largestBytes } = this.#options, filter = this.#filter;
    const isDirectory = stat.kind === "dir";
    if (stat.kind === "file" && largestBytes !== undefined && stat.size > largestBytes) return TOO_LARGE;
    const why = isDirectory ? this.#whySkipped(this.#pathOf(relative, name), name, stat) : undefined;
    if (why !== undefined) return { by: "skip", why };
    if (filter.isEmpty && layer === undefined) return undefined;
    const path = childOf(apathIn(TOP, relative), name);
    const decision = filter.decide(path, isDirectory) ?? decideByLayers(layer, path, isDirectory);
    return decision?.negated === false ? { by: "pattern", decision } : undefined;
  }

  #whySkipped(path: Raw, name: Raw, stat: Stat): string | undefined {
    const why = this.#options.own.whyNotFound(path, name, stat);
    if (why !== undefined) this.#options.monitor.notice(`Skipped ${textOf(path)}: ${why}`);
    return why;
  }

  /** How a directory is entered; undefined if it is not, because it is mounted below the sources. */
  #entered(place: Pending, name: Raw, stat: Stat): "as source" | "as way" | undefined {
    if (!this.#options.oneFileSystem) return "as source";
    const isElsewhere = place.isWay || stat.isMountPoint || stat.device !== place.device;
    if (!isElsewhere) return "as source";
    const { nested } = this.#root;
    if (nested.length === 0) return undefined;
    const path = this.#pathOf(place.relative, name);
    if (nested.some((source) => source.path === path)) return "as source";
    return this.#leadsToSource(path) ? "as way" : undefined;
  }

  #pathOf(relative: Raw, name: Raw): Raw {
    return joinRaw(this.#root.path, joinRaw(relative, name));
  }
}

/**
 * True if the directory has a valid CACHEDIR.TAG. A file of that name without the signature, or an unreadable one,
 * doesn't count.
 */
function isCache(directory: Dir, names: readonly Raw[]): boolean {
  if (!includesSorted(names, CACHE_TAG)) return false;
  try {
    using tag = directory.open(CACHE_TAG);
    const start = new Uint8Array(CACHE_SIGNATURE.length);
    return tag !== undefined && tag.read(start, 0) === start.length && CACHE_SIGNATURE.equals(start);
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  }
}
