/**
 * Removes a source that is safe in a snapshot: only what the snapshot contains. What was added or changed since it was
 * read stays, and is reported, as does what is mounted in the source, which is stored elsewhere.
 */
import { type Apath, childOf, nameOf, parentOf, relativeOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { baseName, joinRaw, parentPath, type Raw, textOf } from "../../core/raw.ts";
import type { OwnPlaces } from "../../platform/own_places.ts";
import type { Yielder } from "../../core/yielding.ts";
import { Descent } from "../../platform/descent.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { SourceLeft } from "../faults.ts";
import { openUnlessMissing } from "../state/text_file.ts";

const OWNER_ALL = 0o700;
/** How many of the things that stay are named. */
const MOST_NAMED = 20;
/** How many of the things that can't be removed are remembered: as good as all of them. */
const MOST_REFUSED = 100_000;
const MOUNTED = "something is mounted there";

export interface RemovalOptions {
  /** Absolute path of the source; it may be gone already, in whole or in part. */
  readonly source: Raw;
  /** Path of the source in the snapshot. */
  readonly at: Apath;
  /** Entries of the snapshot, in apath order. */
  readonly entries: Iterable<Entry>;
  /** Directories of this program, which may be below the source. */
  readonly own: OwnPlaces;
  readonly disk: Disk;
  readonly monitor: Monitor;
  readonly pace: Yielder;
}

/** Removes the source. What can't be removed stays, and is a problem. @throws Interrupted */
export async function removeSource(options: RemovalOptions): Promise<void> {
  const { source, disk } = options;
  using parent = openUnlessMissing(() => disk.openDir(parentPath(source)));
  const name = baseName(source);
  const kind = parent?.stat(name)?.kind;
  if (parent === undefined || kind === undefined) return;
  if (options.at !== TOP) return removeOne(parent, name, options);
  if (kind !== "dir") return options.monitor.problem(new SourceLeft(source, "it is no directory any more"));
  {
    using top = parent.openDir(name);
    const files = new FileRemoval(top, options);
    const directories = await files.run();
    await new DirectoryRemoval(top, options, files.refused).run(directories);
  }
  attempt(options.monitor, () => {
    if (!isEmpty(parent, name)) return;
    if (parent.stat(name)?.isMountPoint) options.monitor.notice(`${textOf(source)} is empty, and stays: ${MOUNTED}`);
    else parent.rmdir(name);
  });
}

/** A source that is a single file. */
function removeOne(parent: Dir, name: Raw, { entries, source, monitor }: RemovalOptions): void {
  for (const entry of entries) {
    attempt(monitor, () => {
      if (parent.stat(name)?.isMountPoint) monitor.problem(new SourceLeft(source, MOUNTED));
      else if (isSame(entry, parent, name)) parent.unlink(name);
      else monitor.problem(new SourceLeft(source, "it has changed since it was read"));
    });
  }
}

/** Everything but directories, in the order of the snapshot: each directory is opened once. */
class FileRemoval {
  readonly #top: Dir;
  readonly #mount: string;
  readonly #options: RemovalOptions;
  /** Paths that could not be removed, and were reported. */
  readonly refused = new Set<Apath>();

  constructor(top: Dir, options: RemovalOptions) {
    this.#top = top;
    this.#mount = top.mountId();
    this.#options = options;
  }

  /** @returns the directories of the snapshot, parents first */
  async run(): Promise<Apath[]> {
    const directories: Apath[] = [];
    let at: Apath | undefined;
    let directory: Dir | undefined;
    using descent = new Descent(this.#top);
    try {
      for (const entry of this.#options.entries) {
        if (entry.kind === "dir") {
          directories.push(entry.path);
          continue;
        }
        const parent = parentOf(entry.path);
        if (parent !== at) {
          directory?.[Symbol.dispose]();
          directory = this.#open(parent, descent);
          at = parent;
        }
        await this.#options.pace.yieldIfDue();
        if (directory !== undefined) this.#remove(entry, directory);
      }
      return directories;
    } finally {
      directory?.[Symbol.dispose]();
    }
  }

  /** Undefined too for what is seen through another mount. */
  #open(path: Apath, descent: Descent): Dir | undefined {
    let opened: Dir | undefined;
    attempt(this.#options.monitor, () => {
      using held = new DisposableStack();
      const directory = openUnlessMissing(() => descent.open(relativeOf(path)));
      if (directory === undefined || held.use(directory).mountId() !== this.#mount) return;
      makeWritable(directory);
      held.move();
      opened = directory;
    });
    return opened;
  }

  /** Changed files are reported when the directories are walked: they are still there then. */
  #remove(entry: Entry, directory: Dir): void {
    const name = nameOf(entry.path);
    const isDone = attempt(this.#options.monitor, () => {
      if (isSame(entry, directory, name)) directory.unlink(name);
    });
    if (!isDone && this.refused.size < MOST_REFUSED) this.refused.add(entry.path);
  }
}

/** Directories of the snapshot that are empty by now; what is left in the others is named. */
class DirectoryRemoval {
  readonly #top: Dir;
  readonly #mount: string;
  readonly #options: RemovalOptions;
  readonly #refused: ReadonlySet<Apath>;
  readonly #left = new Set<Apath>();
  #told = 0;

  /** @param refused paths that were reported already */
  constructor(top: Dir, options: RemovalOptions, refused: ReadonlySet<Apath>) {
    this.#top = top;
    this.#refused = refused;
    this.#mount = top.mountId();
    this.#options = options;
  }

  /** @param directories parents first */
  async run(directories: readonly Apath[]): Promise<void> {
    using descent = new Descent(this.#top);
    for (const path of directories.toReversed()) {
      await this.#options.pace.yieldIfDue();
      if (path !== TOP && !this.#remove(path, descent)) this.#left.add(path);
    }
    for (const path of [TOP, ...this.#left]) this.#tellWhatIsIn(path);
    const more = this.#told - MOST_NAMED;
    if (more > 0) this.#options.monitor.notice(`${more} more things stay in ${textOf(this.#options.source)}`);
  }

  /** @returns false if it is still there */
  #remove(path: Apath, descent: Descent): boolean {
    try {
      using parent = openUnlessMissing(() => descent.open(relativeOf(parentOf(path))));
      // What is below a mount is reported with the mount, and the mount with its parent directory.
      if (parent === undefined || parent.mountId() !== this.#mount) return true;
      if (parent.stat(nameOf(path))?.isMountPoint) return true;
      makeWritable(parent);
      parent.rmdir(nameOf(path));
      return true;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      if (error.errno === "ENOTDIR") return true; // another object by now, reported with its parent directory
      if (error.errno !== "ENOTEMPTY" && error.errno !== "EEXIST") this.#options.monitor.problem(error);
      return false;
    }
  }

  #tellWhatIsIn(path: Apath): void {
    using directory = openUnlessMissing(() => this.#top.openPath(relativeOf(path)));
    if (directory === undefined) return;
    const { names } = directory.list(), { own } = this.#options;
    const whole = own.whyNotListed(directory, [...names].sort());
    if (whole !== undefined) return this.#tell(path, whole);
    for (const name of names) {
      const inner = childOf(path, name);
      if (!this.#left.has(inner) && !this.#refused.has(inner)) this.#tell(inner, this.#whyLeft(directory, name, inner));
    }
  }

  #whyLeft(directory: Dir, name: Raw, path: Apath): string {
    const stat = directory.stat(name);
    if (stat?.isMountPoint) return MOUNTED;
    const own = stat?.kind === "dir" ? this.#options.own.whyNotFound(this.#pathOf(path), name, stat) : undefined;
    return own ?? "it came, or changed, after the source was read";
  }

  #tell(path: Apath, why: string): void {
    if (++this.#told <= MOST_NAMED) this.#options.monitor.problem(new SourceLeft(this.#pathOf(path), why));
  }

  #pathOf(path: Apath): Raw {
    return joinRaw(this.#options.source, relativeOf(path));
  }
}

/** Times of change (ctime) are no help: removing another name of the file changes them. */
function isSame({ kind, size, mtime }: Entry, directory: Dir, name: Raw): boolean {
  const stat = directory.stat(name);
  if (stat === undefined || stat.kind !== kind || stat.mtime !== mtime || stat.isMountPoint) return false;
  return kind !== "file" || stat.size === size;
}

function makeWritable(directory: Dir): void {
  const { mode } = directory.statSelf();
  if ((mode & OWNER_ALL) === OWNER_ALL) return;
  try {
    directory.setSelfAttributes({ mode: mode | OWNER_ALL });
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error; // what can't be removed then is reported
  }
}

function isEmpty(parent: Dir, name: Raw): boolean {
  using directory = openUnlessMissing(() => parent.openDir(name));
  return directory !== undefined && directory.list().names.length === 0;
}

/** One failure doesn't stop the rest. @returns whether it was done */
function attempt(monitor: Monitor, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    monitor.problem(error);
    return false;
  }
}
