/** Getting a snapshot, or a part of it, back into a directory: contents verified, attributes as they were. */
import { type Apath, isWithin, nameOf, parentOf, TOP } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import { Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Raw, textOf } from "../core/raw.ts";
import { type Dir, type Disk, DiskFault, type Stat } from "../platform/disk.ts";
import { excludesWithParents, includesWithParents, parseFilter } from "../source/filter.ts";
import type { SnapshotInfo } from "../storage/catalog/catalog.ts";
import {
  type ExtractResult,
  type ExtractTask,
  giveAttributes,
  isFatal,
  type Overwrite,
  TargetTaken,
} from "../storage/extract.ts";
import { tell, type Told, untell } from "../storage/faults.ts";
import type { Damaged, Manifest } from "../storage/manifest.ts";
import type { Pool } from "../storage/pool.ts";
import type { Storage } from "../storage/storage.ts";
import { Pace } from "./pace.ts";
import { isSameObject, type Placed, Placer } from "./placer.ts";

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

/** A snapshot knows of the file, but the backup could not read it. */
export class NotBackedUp extends Fault {
  readonly code = "not-backed-up";
  readonly hint = "Look for it in another snapshot";
  constructor({ path, problems = [] }: Entry) {
    const why = problems.length > 0 ? ` (${problems.join("; ")})` : "";
    super(`Cannot restore ${JSON.stringify(textOf(path))}: the backup could not read it${why}`);
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
  const isEmpty = target.list().names.length === 0;
  if (request.overwrite === undefined && !isEmpty) throw new TargetNotEmpty(request.target);
  if (request.paths.length === 0) {
    monitor.expect({ items: request.snapshot.files, bytes: request.snapshot.bytes });
  }
  await using pool = storage.pool(request.workers, request.signal);
  const pace = new Pace(storage.machine.clock, request.signal);
  await new RestoreRun(manifest, { target, isEmpty, pool, request, monitor, pace }).make();
}

/** Files of one directory that are being restored, and what has to wait for them. */
interface Share {
  readonly directory: Apath;
  readonly batches: { readonly entries: readonly Entry[]; readonly results: Promise<ExtractResult[]> }[];
  /** Further names of files with several hard links. */
  readonly links: Entry[];
  readonly directories: Entry[];
}

interface RunOptions {
  readonly target: Dir;
  /** Nothing is in the target. */
  readonly isEmpty: boolean;
  readonly pool: Pool;
  readonly request: RestoreRequest;
  readonly monitor: Monitor;
  readonly pace: Pace;
}

class RestoreRun {
  readonly #manifest: Manifest;
  readonly #target: Dir;
  readonly #isEmpty: boolean;
  readonly #placer: Placer;
  readonly #pool: Pool;
  readonly #request: RestoreRequest;
  readonly #monitor: Monitor;
  readonly #pace: Pace;
  readonly #chosen: (entry: Entry) => boolean;
  /** Files with several names: the first names that are or were under way. */
  readonly #linksSeen = new Set<string>();
  /** Names that were restored and can be linked to. */
  readonly #linksMade = new Map<string, Apath>();
  readonly #queue: Share[] = [];
  /** Directories whose contents are still being restored, outermost first. */
  readonly #open: { path: Apath; children: Entry[] }[] = [];
  /** Directories that exist below the target, as far as the current branch goes. */
  readonly #made = new Set<Apath>([TOP]);
  /** Directories that could not be made: nothing in them can be restored. */
  readonly #blocked = new Set<Apath>();
  /** Directories that were not chosen but had to be made, outermost first. */
  readonly #late: Entry[] = [];
  #batchesUnderWay = 0;
  #top: Entry | undefined;

  constructor(manifest: Manifest, { target, isEmpty, pool, request, monitor, pace }: RunOptions) {
    this.#manifest = manifest;
    this.#target = target;
    this.#isEmpty = isEmpty;
    this.#pool = pool;
    this.#request = request;
    this.#monitor = monitor;
    this.#placer = new Placer(this.#overwrite, monitor);
    this.#pace = pace;
    this.#chosen = chooser(request);
  }

  async make(): Promise<void> {
    for (const { directory, entries } of byDirectory(this.#entries())) {
      await this.#pace.step();
      const chosen = entries.filter(this.#chosen);
      if (chosen.length > 0) this.#take(directory, chosen);
      while (this.#batchesUnderWay >= this.#pool.width) await this.#consumeOldest();
    }
    while (this.#queue.length > 0) await this.#consumeOldest();
    while (this.#open.length > 0) this.#leave();
    for (const directory of this.#late.reverse()) this.#guard(() => this.#finishByPath(directory));
    this.#finishTop();
  }

  /** Entries of the chosen paths, in the order of the paths; what a damaged hunk held is a problem, and left out. */
  *#entries(): Generator<Entry> {
    const { paths } = this.#request;
    const outer = paths.filter((path) => !paths.some((other) => other !== path && isWithin(path, other)));
    const damaged: Damaged = (fault, { first, count }) => {
      const message = `Cannot restore ${JSON.stringify(textOf(first))} and ${
        count - 1
      } entries after it: ${fault.message}`;
      this.#monitor.problem(untell({ ...tell(fault), message }));
    };
    if (paths.length === 0) yield* this.#manifest.entries(TOP, damaged);
    for (const path of new Set(outer)) yield* this.#manifest.within(path, damaged);
  }

  #take(directory: Apath, entries: readonly Entry[]): void {
    this.#monitor.at(textOf(directory));
    if (this.#isBlocked(directory) || !this.#guard(() => this.#makeParents(directory))) return;
    using into = this.#target.openPath(relativeOf(directory));
    const share: Share = { directory, batches: [], links: [], directories: [] };
    let files: Entry[] = [], bytes = 0;
    const flush = () => {
      if (files.length > 0) this.#post(share, files);
      [files, bytes] = [[], 0];
    };
    for (const entry of entries) {
      if (!this.#isFile(entry, into, share)) continue;
      files.push(entry);
      bytes += entry.size;
      if (files.length >= BATCH_FILES || bytes >= BATCH_BYTES) flush();
    }
    flush();
    this.#queue.push(share);
  }

  /** True for a file whose content has to be written; everything else is dealt with at once, or noted for later. */
  #isFile(entry: Entry, into: Dir, share: Share): boolean {
    if (entry.path === TOP) this.#top = entry;
    else if (entry.kind === "dir") this.#guard(() => this.#makeDirectory(entry, into, share));
    else if (this.#isFurtherLink(entry)) share.links.push(entry);
    else if (entry.kind !== "file") this.#guard(() => this.#makeOther(entry, into));
    else if (entry.content === undefined) this.#monitor.problem(new NotBackedUp(entry));
    else return true;
    return false;
  }

  #extract(directory: Apath, files: readonly Entry[]): Promise<ExtractResult[]> {
    return this.#pool.run("extract", {
      rootPath: this.#request.target,
      relative: relativeOf(directory),
      overwrite: this.#overwrite,
      files: files.map(taskOf),
    }, { items: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) });
  }

  #post(share: Share, files: readonly Entry[]): void {
    const results = this.#extract(share.directory, files);
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
    if (!this.#ensureDirectory(parent, directory)) return;
    const entry = this.#entryOf(directory);
    if (entry !== undefined) this.#late.push(entry);
  }

  /** Undefined too if it is in a damaged hunk, which is a problem already: the directory then keeps plain attributes. */
  #entryOf(directory: Apath): Entry | undefined {
    try {
      return this.#manifest.entry(directory);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return undefined;
    }
  }

  /** True if the directory is new; a symlink, or anything else, in its place is never followed. @throws TargetTaken */
  #ensureDirectory(parent: Dir, directory: Apath): boolean {
    const name = nameOf(directory);
    try {
      let isNew = parent.mkdir(name, 0o700);
      if (!isNew && parent.stat(name)?.kind !== "dir") {
        if (this.#overwrite === "never" || this.#overwrite === "refuse") throw new TargetTaken(textOf(directory));
        parent.unlink(name);
        isNew = parent.mkdir(name, 0o700);
      }
      this.#made.add(directory);
      return isNew;
    } catch (error) {
      this.#blocked.add(directory);
      throw error;
    }
  }

  #isBlocked(directory: Apath): boolean {
    if (this.#blocked.size === 0 || directory === TOP) return false;
    return this.#blocked.has(directory) || this.#isBlocked(parentOf(directory));
  }

  /** Notes the name, and says whether it is not the first of its file. */
  #isFurtherLink({ hardLink }: Entry): boolean {
    if (hardLink === undefined) return false;
    const isFurther = this.#linksSeen.has(hardLink);
    this.#linksSeen.add(hardLink);
    return isFurther;
  }

  #makeDirectory(entry: Entry, into: Dir, share: Share): void {
    const isNew = this.#ensureDirectory(into, entry.path);
    if (!isNew && this.#overwrite === "never") return;
    share.directories.push(entry);
    if (!isNew) into.setAttributes(nameOf(entry.path), { mode: 0o700 });
  }

  /** Symlinks, pipes, sockets and devices. */
  #makeOther(entry: Entry, into: Dir): void {
    if (entry.kind === "symlink" && entry.target === undefined) throw new NotBackedUp(entry);
    const isSame = (there: Stat) => this.#overwrite === "if-changed" && isSameObject(entry, there, into);
    const placed = this.#placer.place(entry, into, isSame, (name) => {
      if (entry.kind === "symlink") into.symlink(entry.target!, name);
      else into.mknod(name, 0o600, entry.kind, entry.device ?? { major: 0, minor: 0 });
      this.#report(entry, giveAttributes(namedIn(into, name, entry.kind === "symlink"), entry));
      return true;
    });
    if (placed === "made" || placed === "same") this.#linkable(entry);
  }

  #linkable({ hardLink, path }: Entry): void {
    if (hardLink !== undefined) this.#linksMade.set(hardLink, path);
  }

  async #consumeOldest(): Promise<void> {
    const share = this.#queue.shift()!;
    for (const { entries, results } of share.batches) {
      this.#batchesUnderWay--;
      const done = await results;
      entries.forEach((entry, i) => this.#countFile(entry, done[i]!));
    }
    for (const entry of share.links) await this.#makeLink(entry, share.directory);
    while (this.#open.length > 0 && !isWithin(share.directory, this.#open.at(-1)!.path)) this.#leave();
    if (this.#open.at(-1)?.path !== share.directory) this.#open.push({ path: share.directory, children: [] });
    this.#open.at(-1)!.children.push(...share.directories);
  }

  /** A further name of a file; where none of its names could be restored, or linked to, it becomes a file of its own. */
  async #makeLink(entry: Entry, directory: Apath): Promise<void> {
    const first = this.#linksMade.get(entry.hardLink!);
    if (first !== undefined) {
      let placed = "kept" as Placed;
      this.#guard(() => placed = this.#link(entry, first));
      if (placed !== "refused") return;
      this.#monitor.notice(`${textOf(entry.path)} became an independent copy: no more hard links can be made here`);
    }
    using into = this.#target.openPath(relativeOf(directory));
    if (entry.kind !== "file") this.#guard(() => this.#makeOther(entry, into));
    else if (entry.content === undefined) this.#monitor.problem(new NotBackedUp(entry));
    else this.#countFile(entry, (await this.#extract(directory, [entry]))[0]!);
  }

  #link(entry: Entry, first: Apath): Placed {
    using from = this.#target.openPath(relativeOf(parentOf(first)));
    using into = this.#target.openPath(relativeOf(parentOf(entry.path)));
    const original = from.stat(nameOf(first));
    if (original === undefined) throw new DiskFault("ENOENT", "link", first);
    const isSame = ({ inode, device }: Stat) => inode === original.inode && device === original.device;
    return this.#placer.place(entry, into, isSame, (name) => {
      const result = from.link(nameOf(first), into, name);
      if (result === "exists" || result === "missing") throw new DiskFault("ESTALE", "link", entry.path);
      return result === "linked";
    });
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
    this.#report(directory, giveAttributes(selfOf(own), directory));
  }

  #finishByPath(directory: Entry): void {
    using into = this.#target.openPath(relativeOf(parentOf(directory.path)));
    this.#finish(into, directory);
  }

  #finishTop(): void {
    const stays = this.#overwrite === "never" && !this.#isEmpty;
    if (this.#top !== undefined && !stays) this.#report(this.#top, giveAttributes(selfOf(this.#target), this.#top));
  }

  #countFile(entry: Entry, { how, bytes, problem }: ExtractResult): void {
    this.#report(entry, problem);
    if (how === "failed") return;
    this.#monitor.count(how === "written" ? "restoredFiles" : "keptFiles");
    this.#monitor.fate?.(how === "written" ? "restored" : "kept", textOf(entry.path));
    this.#monitor.count("restoredBytes", bytes);
    if (how !== "kept") this.#linkable(entry);
  }

  /** A damaged content says nothing of the file it was for. */
  #report({ path }: Entry, problem: Told | undefined): void {
    if (problem === undefined) return;
    const about = problem.code === "damaged-content" ? `Cannot restore ${JSON.stringify(textOf(path))}: ` : "";
    this.#monitor.problem(untell({ ...problem, message: about + problem.message }));
  }

  /** One object's failure doesn't stop the others. @returns whether it succeeded */
  #guard(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof Fault) || isFatal(error)) throw error;
      this.#monitor.problem(error);
      return false;
    }
  }
}

function chooser(request: RestoreRequest): (entry: Entry) => boolean {
  const included = request.include.length > 0 ? parseFilter(request.include) : undefined;
  const excluded = parseFilter(request.exclude);
  return ({ path, kind }) =>
    (request.paths.length === 0 || request.paths.some((chosen) => isWithin(path, chosen))) &&
    (included === undefined || includesWithParents(included, path, kind === "dir")) &&
    !excludesWithParents(excluded, path, kind === "dir");
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
