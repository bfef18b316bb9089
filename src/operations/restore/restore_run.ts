/** One restore along one route: contents in parallel, verified on the way; everything else in order, attributes last. */
import { type Apath, isWithin, nameOf, parentOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import { type FaultData, fromFaultData } from "../../core/fault_data.ts";
import type { Monitor } from "../../core/monitor.ts";
import { joinRaw, type Raw, textOf } from "../../core/raw.ts";
import type { MetadataLoss, Overwrite, Owner } from "../../core/restore_terms.ts";
import type { Stat } from "../../core/stat.ts";
import type { Yielder } from "../../core/yielding.ts";
import { NameCollisions } from "./name_collisions.ts";
import { type EntryGroup, NotBackedUp } from "./restore_entries.ts";
import { TargetInStorage } from "./restore_target.ts";
import type { RestoredLinks, RestoredName } from "./restored_links.ts";
import { makeNode, makeWritable, namedIn, selfOf, taskOf } from "./restored_object.ts";
import type { UnrestoredMetadata } from "./unrestored_metadata.ts";
import { Descent } from "../../platform/descent.ts";
import type { OwnPlaces } from "../../platform/own_places.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import type { StoragePool } from "../../storage/threads/batch_executor.ts";
import type { ExtractResult } from "../../snapshot/extract_batch.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import { isFatal } from "../../storage/threads/extract.ts";
import { giveAttributes, NO_LOSSES, renewAttributes, type Wanted } from "../../target/attributes.ts";
import { isSameObject, ObjectWriter, type WriteOutcome } from "../../target/object_writer.ts";
import { assertMayRestore, decideOverwrite } from "../../target/overwrite.ts";
import { assertReplaceable, partialName } from "../../target/replacing.ts";

const BATCH_FILES = 128;
const BATCH_BYTES = 4 * 1024 * 1024;
const NO_DEVICE = "the device node (EPERM)";

/** Files of one directory that are being restored, and what has to wait for them. */
interface Share {
  readonly directory: Apath;
  readonly batches: { readonly entries: readonly Entry[]; readonly results: Promise<ExtractResult[]> }[];
  /** Further names of files with several hard links. */
  readonly links: Entry[];
  readonly directories: Entry[];
}

export interface RunOptions {
  /** Id of the snapshot. */
  readonly snapshot: string;
  readonly manifest: Manifest;
  readonly groups: Iterable<EntryGroup>;
  readonly target: Dir;
  readonly overwrite: Overwrite;
  /** Nothing is in the target. */
  readonly isFresh: boolean;
  /** Undefined: what is restored belongs to whoever restores it. */
  readonly ownerOf: (entry: Entry) => Owner | undefined;
  /** Extended attributes, with ACLs for the users and groups of this machine. */
  readonly xattrsOf: (entry: Entry) => Entry["xattrs"];
  readonly pool: StoragePool;
  readonly monitor: Monitor;
  readonly lacks: UnrestoredMetadata;
  /** Directories that nothing is restored into, by whichever way they are found below the target. */
  readonly own: OwnPlaces | undefined;
  readonly pace: Yielder;
  /** Of the whole restore. */
  readonly links: RestoredLinks;
}

export class RestoreRun implements Disposable {
  readonly #options: RunOptions;
  readonly #target: Dir;
  readonly #descent: Descent;
  readonly #overwrite: Overwrite;
  readonly #placer: ObjectWriter;
  readonly #pool: StoragePool;
  readonly #monitor: Monitor;
  readonly #links: RestoredLinks;
  readonly #names: NameCollisions;
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

  constructor(options: RunOptions) {
    this.#options = options;
    this.#target = options.target;
    this.#descent = new Descent(options.target);
    this.#overwrite = options.overwrite;
    this.#pool = options.pool;
    this.#monitor = options.monitor;
    this.#links = options.links;
    this.#names = new NameCollisions(options.snapshot);
    this.#placer = new ObjectWriter(options.overwrite, options.monitor, options.snapshot);
  }

  [Symbol.dispose](): void {
    this.#descent[Symbol.dispose]();
  }

  /** Everything but the attributes of the target itself. */
  async make(): Promise<void> {
    for (const group of this.#options.groups) {
      await this.#options.pace.yieldIfDue();
      this.#take(group);
      while (this.#batchesUnderWay >= this.#pool.width) await this.#consumeOldest();
    }
    while (this.#queue.length > 0) await this.#consumeOldest();
    this.#monitor.phase("setting attributes");
    while (this.#open.length > 0) this.#leave();
    for (const directory of this.#late.reverse()) this.#guard(() => this.#finishByPath(directory));
  }

  /** Gives the target itself what the snapshot's top had. */
  finishTop(): void {
    const stays = this.#overwrite === "never" && !this.#options.isFresh;
    if (this.#top !== undefined && !stays) this.#give(this.#top, this.#target);
  }

  #take({ directory, from, entries }: EntryGroup): void {
    this.#monitor.current(textOf(directory));
    if (this.#isBlocked(directory) || !this.#guard(() => this.#makeParents(directory, from))) return;
    using into = this.#descent.open(relativeOf(directory));
    const share: Share = { directory, batches: [], links: [], directories: [] };
    let files: Entry[] = [], bytes = 0;
    const flush = () => {
      if (files.length > 0) this.#post(share, files);
      [files, bytes] = [[], 0];
    };
    for (const entry of entries) {
      if (this.#collides(entry, into) || !this.#isFile(entry, into, share)) continue;
      files.push(entry);
      bytes += entry.size;
      if (files.length >= BATCH_FILES || bytes >= BATCH_BYTES) flush();
    }
    flush();
    this.#queue.push(share);
  }

  /** Tells of an entry whose name another one has taken in the target. Nothing below it can be restored either. */
  #collides(entry: Entry, into: Dir): boolean {
    if (entry.path === TOP || this.#guard(() => this.#names.add(entry, into))) return false;
    if (entry.kind === "dir") this.#blocked.add(entry.path);
    return true;
  }

  /** True for a file whose content has to be written; everything else is dealt with at once, or noted for later. */
  #isFile(entry: Entry, into: Dir, share: Share): boolean {
    if (entry.path === TOP) this.#top = entry;
    else if (entry.kind === "dir") this.#guard(() => this.#makeDirectory(entry, into, share));
    else if (this.#links.isFurther(entry)) share.links.push(entry);
    else if (entry.kind !== "file") this.#guard(() => this.#makeOther(entry, into));
    else if (entry.content === undefined) this.#monitor.problem(new NotBackedUp(entry));
    else return true;
    return false;
  }

  #extract(directory: Apath, files: readonly Entry[]): Promise<ExtractResult[]> {
    return this.#pool.run("extract", {
      rootPath: this.#target.path,
      relative: relativeOf(directory),
      overwrite: this.#overwrite,
      isFresh: this.#options.isFresh,
      key: this.#options.snapshot,
      files: files.map((entry) => taskOf(entry, this.#wanted(entry))),
    }, { items: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) });
  }

  #post(share: Share, files: readonly Entry[]): void {
    const results = this.#extract(share.directory, files);
    results.catch(() => {}); // awaited in order later; until then a failure is no unhandled one
    share.batches.push({ entries: files, results });
    this.#batchesUnderWay++;
  }

  /** Directories above a chosen entry exist even if they were not chosen themselves. @param from the same in the snapshot */
  #makeParents(directory: Apath, from: Apath): void {
    if (this.#made.has(directory)) return;
    this.#makeParents(parentOf(directory), parentOf(from));
    using parent = this.#descent.open(relativeOf(parentOf(directory)));
    const entry = this.#entryOf(from);
    if (!this.#ensureDirectory(parent, directory, entry?.mtime)) return;
    if (entry !== undefined) this.#late.push({ ...entry, path: directory });
  }

  /** Undefined too if it is in a damaged hunk, which is a problem already: the directory then keeps plain attributes. */
  #entryOf(directory: Apath): Entry | undefined {
    try {
      return this.#options.manifest.entry(directory);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return undefined;
    }
  }

  /**
   * A symlink, or anything else, in its place is never followed.
   * @returns true if the directory is new. @throws TargetTaken, TargetNewer
   */
  #ensureDirectory(parent: Dir, directory: Apath, mtime: string | undefined): boolean {
    const name = nameOf(directory);
    try {
      let isNew = parent.mkdir(name, 0o700);
      const there = isNew ? undefined : parent.stat(name);
      if (there?.kind === "dir") this.#assertForeign(parent, name, there);
      if (there !== undefined && there.kind !== "dir") {
        const verdict = decideOverwrite(this.#overwrite, there, { mtime: mtime ?? there.mtime }, () => false);
        assertMayRestore(verdict === "keep" ? "taken" : verdict, textOf(directory));
        assertReplaceable(parent, name, { there, directory: parent.statSelf() });
        isNew = replaceByDirectory(parent, name, this.#options.snapshot);
      }
      this.#made.add(directory);
      return isNew;
    } catch (error) {
      this.#blocked.add(directory);
      throw error;
    }
  }

  /** @throws TargetInStorage */
  #assertForeign(parent: Dir, name: Raw, there: Stat): void {
    if (this.#options.own?.isOfStorage(parent, name, there)) throw new TargetInStorage(joinRaw(parent.path, name));
  }

  #isBlocked(directory: Apath): boolean {
    if (this.#blocked.size === 0 || directory === TOP) return false;
    return this.#blocked.has(directory) || this.#isBlocked(parentOf(directory));
  }

  #makeDirectory(entry: Entry, into: Dir, share: Share): void {
    const isNew = this.#ensureDirectory(into, entry.path, entry.mtime);
    if (!isNew && this.#overwrite === "never") return;
    share.directories.push(entry);
    if (!isNew) makeWritable(into, nameOf(entry.path));
  }

  /** Symlinks, pipes, sockets and devices. */
  #makeOther(entry: Entry, into: Dir): void {
    if (entry.kind === "symlink" && entry.target === undefined) throw new NotBackedUp(entry);
    const wanted = this.#wanted(entry);
    let lacks = NO_LOSSES;
    const placed = this.#placer.write(entry, into, {
      isSame: (there) => isSameObject(entry, there, into),
      make: (name) => {
        if (!makeNode(entry, into, name)) return false;
        lacks = giveAttributes(namedIn(into, name, entry.kind === "symlink"), wanted);
        return true;
      },
      renew: (there) => {
        const found = renewOther(entry, wanted, { there, into });
        lacks = found ?? NO_LOSSES;
        return found !== undefined;
      },
    });
    this.#options.lacks.add(entry.path, placed === "refused" ? [NO_DEVICE] : lacks);
    if (placed === "made" || placed === "same") this.#links.note(entry, this.#target);
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
    const first = this.#links.first(entry);
    if (first !== undefined) {
      let placed = "kept" as WriteOutcome;
      this.#guard(() => placed = this.#link(entry, first));
      if (placed !== "refused") return;
      this.#monitor.notice(`${textOf(entry.path)} became an independent copy: no more hard links can be made here`);
    }
    using into = this.#descent.open(relativeOf(directory));
    if (entry.kind !== "file") this.#guard(() => this.#makeOther(entry, into));
    else if (entry.content === undefined) this.#monitor.problem(new NotBackedUp(entry));
    else this.#countFile(entry, (await this.#extract(directory, [entry]))[0]!);
  }

  #link(entry: Entry, { target, path: first }: RestoredName): WriteOutcome {
    using from = target.openPath(relativeOf(parentOf(first)));
    using into = this.#descent.open(relativeOf(parentOf(entry.path)));
    const original = from.stat(nameOf(first));
    if (original === undefined) throw new DiskFault("ENOENT", "link", first);
    return this.#placer.write(entry, into, {
      isSame: ({ inode, device }) => inode === original.inode && device === original.device,
      make: (name) => {
        const result = from.link(nameOf(first), into, name);
        if (result === "exists" || result === "missing") throw new DiskFault("ESTALE", "link", entry.path);
        return result === "linked";
      },
    });
  }

  /** Gives the directories in a finished directory their attributes. */
  #leave(): void {
    const { path, children } = this.#open.pop()!;
    if (children.length === 0) return;
    using into = this.#descent.open(relativeOf(path));
    for (const child of children) this.#guard(() => this.#finish(into, child));
  }

  #finish(into: Dir, directory: Entry): void {
    using own = into.openDir(nameOf(directory.path));
    this.#give(directory, own);
  }

  #finishByPath(directory: Entry): void {
    using into = this.#descent.open(relativeOf(parentOf(directory.path)));
    this.#finish(into, directory);
  }

  #give(entry: Entry, directory: Dir): void {
    this.#options.lacks.add(
      entry.path,
      renewAttributes(selfOf(directory), directory.statSelf(), this.#wanted(entry)) ?? NO_LOSSES,
    );
  }

  #wanted(entry: Entry): Wanted {
    const { mode, mtime } = entry;
    return { owner: this.#options.ownerOf(entry), mode, mtime, xattrs: this.#options.xattrsOf(entry) };
  }

  #countFile(entry: Entry, { how, bytes, problem, lacks }: ExtractResult): void {
    this.#report(entry, problem);
    if (how === "failed") return;
    this.#options.lacks.add(entry.path, lacks);
    this.#monitor.count(how === "written" ? "restoredFiles" : "keptFiles");
    if (how !== "written") this.#monitor.count("keptBytes", entry.size);
    this.#monitor.status?.(how === "written" ? "restored" : "kept", textOf(entry.path));
    this.#monitor.count("restoredBytes", bytes);
    if (how !== "kept") this.#links.note(entry, this.#target);
  }

  /** A damaged content says nothing of the file it was for. */
  #report({ path }: Entry, problem: FaultData | undefined): void {
    if (problem === undefined) return;
    const about = problem.code === "damaged-content" ? `Cannot restore ${JSON.stringify(textOf(path))}: ` : "";
    this.#monitor.problem(fromFaultData({ ...problem, message: about + problem.message }));
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

function relativeOf(path: Apath): Raw {
  return path.slice(1) as Raw;
}

/** What is there goes when the directory is made. @param key of partial names */
function replaceByDirectory(parent: Dir, name: Raw, key: string): boolean {
  const aside = partialName(name, key);
  parent.rename(name, parent, aside);
  try {
    parent.mkdir(name, 0o700);
  } catch (error) {
    parent.rename(aside, parent, name);
    throw error;
  }
  return parent.unlink(aside);
}

/** Undefined if another has to take its place: one with other names belongs to others as well. */
function renewOther(
  { path, kind }: Entry,
  wanted: Wanted,
  { there, into }: { readonly there: Stat; readonly into: Dir },
): readonly MetadataLoss[] | undefined {
  const isSymlink = kind === "symlink";
  const object = namedIn(into, nameOf(path), isSymlink);
  return renewAttributes(object, there, isSymlink ? { ...wanted, mode: there.mode } : wanted, () => there.links === 1);
}
