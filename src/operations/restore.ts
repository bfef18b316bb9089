/** Getting a snapshot, or a part of it, back into a directory: contents verified, attributes as they were. */
import { type Apath, isWithin, nameOf, parentOf, TOP } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import { Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Raw, textOf } from "../core/raw.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";
import { type Filter, parseFilter } from "../source/filter.ts";
import type { SnapshotInfo } from "../storage/catalog/catalog.ts";
import {
  type ExtractResult,
  type ExtractTask,
  giveAttributes,
  type Overwrite,
  TargetTaken,
} from "../storage/extract.ts";
import { type Told, untell } from "../storage/faults.ts";
import type { Manifest } from "../storage/manifest.ts";
import type { Pool } from "../storage/pool.ts";
import type { Storage } from "../storage/storage.ts";
import { Pace } from "./pace.ts";

export interface RestoreRequest {
  readonly snapshot: SnapshotInfo;
  /** Only these and what is below them; empty: everything. Their places below the target stay the same. */
  readonly paths: readonly Apath[];
  /** Absolute; made if it isn't there. */
  readonly target: Raw;
  /** Patterns in gitignore syntax; empty: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Undefined: the target must be empty. */
  readonly overwrite: "always" | "if-changed" | "never" | undefined;
  readonly workers: number;
  readonly signal: AbortSignal;
}

const BATCH_FILES = 128;
const BATCH_BYTES = 16 * 1024 * 1024;

export class TargetNotEmpty extends Fault {
  readonly code = "target-not-empty";
  readonly hint = "Choose an empty directory, or say what to do with `--overwrite always|if-changed|never`";
  constructor(path: Raw) {
    super(`Cannot restore into ${JSON.stringify(textOf(path))}: it is not empty`);
  }
}

export class NotInSnapshot extends Fault {
  readonly code = "not-in-snapshot";
  readonly hint = "List what is there with `backup-tool ls`";
  constructor(path: Apath, snapshot: SnapshotInfo) {
    super(`There is no ${JSON.stringify(textOf(path))} in the snapshot ${snapshot.id.slice(0, 12)}`);
  }
}

/** @throws TargetNotEmpty, NotInSnapshot, Interrupted, DiskFault of the target */
export async function restore(storage: Storage, request: RestoreRequest, monitor: Monitor): Promise<void> {
  const manifest = storage.manifest(request.snapshot.id);
  for (const path of request.paths) {
    if (path !== TOP && manifest.entry(path) === undefined) throw new NotInSnapshot(path, request.snapshot);
  }
  const { disk } = storage.machine;
  using target = makeTarget(disk, request.target);
  if (request.overwrite === undefined && target.list().names.length > 0) throw new TargetNotEmpty(request.target);
  if (request.paths.length === 0) {
    monitor.expect({ items: request.snapshot.files, bytes: request.snapshot.bytes });
  }
  using pool = storage.pool(request.workers);
  const pace = new Pace(storage.machine.clock, request.signal);
  await new RestoreRun(manifest, { target, pool, request, monitor, pace }).make();
}

/** Files of one directory that are being restored, and what has to wait for them. */
interface Share {
  readonly directory: Apath;
  readonly batches: { readonly entries: readonly Entry[]; readonly results: Promise<ExtractResult[]> }[];
  /** Further names of files with several hard links. */
  readonly links: { readonly entry: Entry; readonly first: Apath }[];
  readonly directories: Entry[];
}

interface RunOptions {
  readonly target: Dir;
  readonly pool: Pool;
  readonly request: RestoreRequest;
  readonly monitor: Monitor;
  readonly pace: Pace;
}

class RestoreRun {
  readonly #manifest: Manifest;
  readonly #target: Dir;
  readonly #pool: Pool;
  readonly #request: RestoreRequest;
  readonly #monitor: Monitor;
  readonly #pace: Pace;
  readonly #chosen: (entry: Entry) => boolean;
  /** First name of each hard-linked file. */
  readonly #linked = new Map<string, Apath>();
  readonly #queue: Share[] = [];
  /** Directories whose contents are still being restored, outermost first. */
  readonly #open: { path: Apath; children: Entry[] }[] = [];
  /** Directories that exist below the target, as far as the current branch goes. */
  readonly #made = new Set<Apath>([TOP]);
  /** Directories that were not chosen but had to be made, outermost first. */
  readonly #late: Entry[] = [];
  #batchesUnderWay = 0;
  #top: Entry | undefined;

  constructor(manifest: Manifest, { target, pool, request, monitor, pace }: RunOptions) {
    this.#manifest = manifest;
    this.#target = target;
    this.#pool = pool;
    this.#request = request;
    this.#monitor = monitor;
    this.#pace = pace;
    this.#chosen = chooser(request);
  }

  async make(): Promise<void> {
    for (const { directory, entries } of byDirectory(this.#manifest.entries())) {
      await this.#pace.step();
      const chosen = entries.filter(this.#chosen);
      if (chosen.length > 0) this.#take(directory, chosen);
      while (this.#batchesUnderWay >= this.#pool.width) await this.#consumeOldest();
    }
    while (this.#queue.length > 0) await this.#consumeOldest();
    while (this.#open.length > 0) this.#leave();
    for (const directory of this.#late.reverse()) this.#guard(() => this.#finishByPath(directory));
    if (this.#top !== undefined) this.#report(giveAttributes(selfOf(this.#target), this.#top));
  }

  #take(directory: Apath, entries: readonly Entry[]): void {
    this.#monitor.at(textOf(directory));
    const share: Share = { directory, batches: [], links: [], directories: [] };
    this.#makeParents(directory);
    using into = this.#target.openPath(relativeOf(directory));
    let files: Entry[] = [], bytes = 0;
    const flush = () => {
      if (files.length > 0) this.#post(share, files);
      [files, bytes] = [[], 0];
    };
    for (const entry of entries) {
      if (entry.path === TOP) this.#top = entry;
      else if (entry.kind !== "file") this.#guard(() => this.#makeOther(entry, into, share));
      else if (this.#isFurtherLink(entry, share) || entry.content === undefined) continue;
      else {
        files.push(entry);
        bytes += entry.size;
        if (files.length >= BATCH_FILES || bytes >= BATCH_BYTES) flush();
      }
    }
    flush();
    this.#queue.push(share);
  }

  #post(share: Share, files: readonly Entry[]): void {
    const results = this.#pool.run("extract", {
      rootPath: this.#request.target,
      relative: relativeOf(share.directory),
      overwrite: this.#overwrite,
      files: files.map(taskOf),
    }, files.length);
    results.catch(() => {}); // awaited in order later; until then a failure is no unhandled one
    share.batches.push({ entries: files, results });
    this.#batchesUnderWay++;
  }

  get #overwrite(): Overwrite {
    return this.#request.overwrite ?? "refuse";
  }

  /** Directories above a chosen entry exist even if they were not chosen themselves. */
  #makeParents(directory: Apath): void {
    if (this.#made.has(directory)) return;
    this.#makeParents(parentOf(directory));
    using parent = this.#target.openPath(relativeOf(parentOf(directory)));
    if (!parent.mkdir(nameOf(directory), 0o700)) this.#checkDirectory(parent, directory);
    else {
      const entry = this.#manifest.entry(directory);
      if (entry !== undefined) this.#late.push(entry);
    }
    this.#made.add(directory);
  }

  #checkDirectory(parent: Dir, directory: Apath): void {
    if (parent.stat(nameOf(directory))?.kind !== "dir") throw new TargetTaken(textOf(directory));
  }

  #isFurtherLink(entry: Entry, share: Share): boolean {
    if (entry.hardLink === undefined) return false;
    const first = this.#linked.get(entry.hardLink);
    if (first === undefined) this.#linked.set(entry.hardLink, entry.path);
    else share.links.push({ entry, first });
    return first !== undefined;
  }

  #makeOther(entry: Entry, into: Dir, share: Share): void {
    const name = nameOf(entry.path);
    if (entry.kind === "dir") {
      if (!into.mkdir(name, 0o700)) {
        this.#checkDirectory(into, entry.path);
        into.setAttributes(name, { mode: 0o700 });
      }
      this.#made.add(entry.path);
      share.directories.push(entry);
      return;
    }
    if (this.#isFurtherLink(entry, share)) return;
    if (!this.#clear(entry, into)) return;
    if (entry.kind === "symlink") {
      if (entry.target === undefined) return;
      into.symlink(entry.target, name);
    } else into.mknod(name, 0o600, entry.kind, entry.device ?? { major: 0, minor: 0 });
    this.#report(giveAttributes(namedIn(into, name, entry.kind === "symlink"), entry));
    this.#monitor.count("restoredFiles");
  }

  /** Makes room for an object; false if what is there stays. */
  #clear(entry: Entry, into: Dir): boolean {
    const there = into.stat(nameOf(entry.path));
    if (there === undefined) return true;
    if (this.#overwrite === "never") return false;
    if (this.#overwrite === "refuse" || there.kind === "dir") throw new TargetTaken(textOf(entry.path));
    into.unlink(nameOf(entry.path));
    return true;
  }

  async #consumeOldest(): Promise<void> {
    const share = this.#queue.shift()!;
    for (const { entries, results } of share.batches) {
      this.#batchesUnderWay--;
      const done = await results;
      entries.forEach((_, i) => this.#countFile(done[i]!));
    }
    for (const { entry, first } of share.links) this.#guard(() => this.#link(entry, first));
    while (this.#open.length > 0 && !isWithin(share.directory, this.#open.at(-1)!.path)) this.#leave();
    if (this.#open.at(-1)?.path !== share.directory) this.#open.push({ path: share.directory, children: [] });
    this.#open.at(-1)!.children.push(...share.directories);
  }

  #link(entry: Entry, first: Apath): void {
    using from = this.#target.openPath(relativeOf(parentOf(first)));
    using into = this.#target.openPath(relativeOf(parentOf(entry.path)));
    if (from.stat(nameOf(first)) === undefined) throw new DiskFault("ENOENT", "link", first);
    if (!this.#clear(entry, into)) return;
    const result = from.link(nameOf(first), into, nameOf(entry.path));
    if (result !== "linked") throw new DiskFault(result === "refused" ? "EPERM" : "EMLINK", "link", entry.path);
    this.#monitor.count("restoredFiles");
  }

  /** Gives the directories in a finished directory their attributes. */
  #leave(): void {
    const { path, children } = this.#open.pop()!;
    if (children.length === 0) return;
    using into = this.#target.openPath(relativeOf(path));
    for (const child of children) this.#guard(() => this.#finish(into, child));
  }

  #finish(into: Dir, directory: Entry): void {
    using own = into.openDir(nameOf(directory.path));
    this.#report(giveAttributes(selfOf(own), directory));
  }

  #finishByPath(directory: Entry): void {
    using into = this.#target.openPath(relativeOf(parentOf(directory.path)));
    this.#finish(into, directory);
  }

  #countFile(result: ExtractResult): void {
    this.#report(result.problem);
    if (result.how === "failed") return;
    this.#monitor.count("restoredFiles");
    this.#monitor.count("restoredBytes", result.bytes);
  }

  #report(problem: Told | undefined): void {
    if (problem !== undefined) this.#monitor.problem(untell(problem));
  }

  /** One object's failure doesn't stop the others. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof Fault) || (error instanceof DiskFault && error.errno === "ENOSPC")) throw error;
      this.#monitor.problem(error);
    }
  }
}

function chooser(request: RestoreRequest): (entry: Entry) => boolean {
  const included = request.include.length > 0 ? parseFilter(request.include) : undefined;
  const excluded = parseFilter(request.exclude);
  return ({ path, kind }) =>
    (request.paths.length === 0 || request.paths.some((chosen) => isWithin(path, chosen))) &&
    (included === undefined || matchesHere(included, path, kind === "dir")) &&
    !matchesHere(excluded, path, kind === "dir");
}

/** True if the filter names the object or a directory above it. */
function matchesHere(filter: Filter, path: Apath, isDirectory: boolean): boolean {
  if (path === TOP) return false;
  return filter.excludes(path, isDirectory) !== undefined || matchesHere(filter, parentOf(path), true);
}

function* byDirectory(entries: Iterable<Entry>): Generator<{ directory: Apath; entries: Entry[] }> {
  let directory: Apath | undefined, held: Entry[] = [];
  for (const entry of entries) {
    const parent = entry.path === TOP ? TOP : parentOf(entry.path);
    if (directory !== undefined && (parent !== directory || held.length >= 1024)) {
      yield { directory, entries: held };
      held = [];
    }
    directory = parent;
    held.push(entry);
  }
  if (directory !== undefined) yield { directory, entries: held };
}

function relativeOf(path: Apath): Raw {
  return path.slice(1) as Raw;
}

function taskOf(entry: Entry): ExtractTask {
  return {
    name: nameOf(entry.path),
    content: entry.content!,
    size: entry.size,
    sparse: entry.sparse === true,
    mtime: entry.mtime,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    xattrs: entry.xattrs,
  };
}

function selfOf(directory: Dir): Parameters<typeof giveAttributes>[0] {
  return {
    setAttributes: (attributes) => directory.setSelfAttributes(attributes),
    setXattr: (name, value) => directory.setSelfXattr(name, value),
  };
}

function namedIn(directory: Dir, name: Raw, isSymlink: boolean): Parameters<typeof giveAttributes>[0] {
  return {
    setAttributes: ({ mode, ...others }) =>
      directory.setAttributes(name, isSymlink || mode === undefined ? others : { ...others, mode }),
    setXattr: (attribute, value) => directory.setXattr(name, attribute, value),
  };
}

/** Opens the target, making it and its missing parents. */
function makeTarget(disk: Disk, path: Raw): Dir {
  try {
    return disk.openDir(path);
  } catch (error) {
    if (!(error instanceof DiskFault) || error.errno !== "ENOENT") throw error;
    const slash = path.lastIndexOf("/");
    using parent = makeTarget(disk, (slash <= 0 ? "/" : path.slice(0, slash)) as Raw);
    parent.mkdir(path.slice(slash + 1) as Raw, 0o755);
    return disk.openDir(path);
  }
}
