/**
 * Taking away a source that is safe in a snapshot: what the snapshot holds goes, and nothing else. Whatever came or changed
 * since it was read stays, and is told.
 */
import { type Apath, nameOf, parentOf, TOP } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import { Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { joinRaw, type Raw, textOf } from "../core/raw.ts";
import type { Pace } from "../operations/pace.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";
import { SourceLeft } from "./faults.ts";

const OWNER_ALL = 0o700;
/** Of what stays, so many are named. */
const MOST_NAMED = 20;

export interface RemovalOptions {
  /** Where the source was, absolute; it may be gone already, wholly or in part. */
  readonly source: Raw;
  /** Its place in the snapshot. */
  readonly at: Apath;
  /** Of the snapshot, in apath order. */
  readonly entries: Iterable<Entry>;
  readonly disk: Disk;
  readonly monitor: Monitor;
  readonly pace: Pace;
}

/** What can't be removed is a problem, and stays. @throws Interrupted */
export async function removeSource(options: RemovalOptions): Promise<void> {
  const { source, disk } = options;
  using parent = openIfThere(() => disk.openDir(parentPath(source)));
  const name = source.slice(source.lastIndexOf("/") + 1) as Raw;
  const kind = parent?.stat(name)?.kind;
  if (parent === undefined || kind === undefined) return;
  if (options.at !== TOP) return removeOne(parent, name, options);
  if (kind !== "dir") return options.monitor.problem(new SourceLeft(source, "it is no directory any more"));
  {
    using top = parent.openDir(name);
    await new FileRemoval(top, options).run();
    await new DirectoryRemoval(options).empty(top, source);
  }
  attempt(options.monitor, () => {
    if (isEmpty(parent, name)) parent.rmdir(name);
  });
}

/** A source that is a single file. */
function removeOne(parent: Dir, name: Raw, { entries, source, monitor }: RemovalOptions): void {
  for (const entry of entries) {
    attempt(monitor, () => {
      if (isSame(entry, parent, name)) parent.unlink(name);
      else monitor.problem(new SourceLeft(source, "it has changed since it was read"));
    });
  }
}

/** Everything but directories, in the order of the snapshot: each directory is opened once. */
class FileRemoval {
  readonly #top: Dir;
  readonly #options: RemovalOptions;

  constructor(top: Dir, options: RemovalOptions) {
    this.#top = top;
    this.#options = options;
  }

  async run(): Promise<void> {
    let at: Apath | undefined;
    let directory: Dir | undefined;
    try {
      for (const entry of this.#options.entries) {
        if (entry.kind === "dir") continue;
        const parent = parentOf(entry.path);
        if (parent !== at) {
          directory?.[Symbol.dispose]();
          directory = this.#open(parent);
          at = parent;
        }
        await this.#options.pace.step();
        if (directory !== undefined) this.#remove(entry, directory);
      }
    } finally {
      directory?.[Symbol.dispose]();
    }
  }

  #open(path: Apath): Dir | undefined {
    let opened: Dir | undefined;
    attempt(this.#options.monitor, () => {
      opened = openIfThere(() => this.#top.openPath(path.slice(1) as Raw));
      if (opened !== undefined) makeWritable(opened);
    });
    return opened;
  }

  /** What has changed is told when the directories are looked through: it is still there then. */
  #remove(entry: Entry, directory: Dir): void {
    const name = nameOf(entry.path);
    attempt(this.#options.monitor, () => {
      if (isSame(entry, directory, name)) directory.unlink(name);
    });
  }
}

/** Directories that are empty by now; what is left in the others is named. */
class DirectoryRemoval {
  readonly #options: RemovalOptions;
  #left = 0;

  constructor(options: RemovalOptions) {
    this.#options = options;
  }

  async empty(directory: Dir, path: Raw, isTop = true): Promise<void> {
    await this.#options.pace.step();
    const { names, kinds } = directory.list();
    for (const [i, name] of names.entries()) {
      const inner = joinRaw(path, name);
      if ((kinds[i] ?? directory.stat(name)?.kind) === "dir") await this.#removeDirectory(directory, name, inner);
      else if (directory.stat(name) !== undefined) this.#tell(inner);
    }
    if (isTop && this.#left > MOST_NAMED) {
      this.#options.monitor.notice(`${this.#left - MOST_NAMED} more things stay in ${textOf(this.#options.source)}`);
    }
  }

  async #removeDirectory(parent: Dir, name: Raw, path: Raw): Promise<void> {
    try {
      {
        using directory = parent.openDir(name);
        makeWritable(directory);
        await this.empty(directory, path, false);
      }
      if (isEmpty(parent, name)) parent.rmdir(name);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#options.monitor.problem(error);
    }
  }

  #tell(path: Raw): void {
    if (++this.#left > MOST_NAMED) return;
    this.#options.monitor.problem(new SourceLeft(path, "it came, or changed, after the source was read"));
  }
}

/** Times of change (ctime) are no help: removing another name of the file changes them. */
function isSame({ kind, size, mtime }: Entry, directory: Dir, name: Raw): boolean {
  const stat = directory.stat(name);
  if (stat === undefined || stat.kind !== kind) return false;
  return kind !== "file" || (stat.size === size && stat.mtime === mtime);
}

function makeWritable(directory: Dir): void {
  const { mode } = directory.statSelf();
  if ((mode & OWNER_ALL) === OWNER_ALL) return;
  try {
    directory.setSelfAttributes({ mode: mode | OWNER_ALL });
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error; // what can't be removed then is told
  }
}

function isEmpty(parent: Dir, name: Raw): boolean {
  using directory = openIfThere(() => parent.openDir(name));
  return directory !== undefined && directory.list().names.length === 0;
}

function openIfThere(open: () => Dir): Dir | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof DiskFault && ["ENOENT", "ENOTDIR", "ELOOP"].includes(error.errno)) return undefined;
    throw error;
  }
}

/** One failure doesn't stop the rest. */
function attempt(monitor: Monitor, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    monitor.problem(error);
  }
}

function parentPath(path: Raw): Raw {
  const slash = path.lastIndexOf("/");
  return (slash <= 0 ? "/" : path.slice(0, slash)) as Raw;
}
