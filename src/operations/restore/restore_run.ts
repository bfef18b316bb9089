/** One restore into one target: contents in parallel, verified on the way; everything else in order, attributes last. */
import { type Apath, apathIn, isWithin, nameOf, parentOf, relativeOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import { type FaultData, fromFaultData } from "../../core/fault_data.ts";
import type { Monitor } from "../../core/monitor.ts";
import { EMPTY, joinRaw, type Raw, textOf } from "../../core/raw.ts";
import type { MetadataLoss, Overwrite, WantedAttributes, WriteOutcome } from "../../core/restore_terms.ts";
import type { Stat } from "../../core/stat.ts";
import { Descent } from "../../platform/descent.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import type { ExtractBatch, ExtractedFile, Extraction, ExtractResult, FileNote } from "../../snapshot/extract_batch.ts";
import { NotBackedUp } from "../../snapshot/faults.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import { giveAttributes, NO_LOSSES, renewAttributes } from "../../target/attributes.ts";
import { isFatal } from "../../target/file_writer.ts";
import { giveFlags, settableFlags } from "../../target/flags.ts";
import { isSameObject, ObjectWriter } from "../../target/object_writer.ts";
import { assertMayRestore, decideOverwrite } from "../../target/overwrite.ts";
import { assertReplaceable, partialName } from "../../target/replacing.ts";
import { makeNode, makeWritable, namedIn, selfOf, taskOf } from "../../target/target_object.ts";
import { OutsideLimits } from "../confined_disk.ts";
import { NameCollisions } from "./name_collisions.ts";
import { type EntryGroup, groupsAlong } from "./restore_entries.ts";
import { isDevice, leftOutOf } from "../../target/harmless.ts";
import type { RestorePlan } from "./restore_plan.ts";
import { type RestoreTarget, TargetInStorage } from "./restore_target.ts";
import type { UnrestoredMetadata } from "./unrestored_metadata.ts";

const BATCH_FILES = 128;
const BATCH_BYTES = 4 * 1024 * 1024;
const NO_DEVICE = "the device node (EPERM)", NO_DEVICE_WANTED = "the device node (skipped on purpose)";

export class RestoreRun implements Disposable {
  readonly #plan: RestorePlan;
  readonly #restore: RestoreTarget;
  readonly #target: Dir;
  readonly #beneath: Raw | undefined;
  readonly #descent: Descent;
  readonly #overwrite: Overwrite;
  /** Key of partial names: the id of the snapshot. */
  readonly #key: string;
  readonly #writer: ObjectWriter;
  readonly #reader: ContentReader;
  readonly #extraction: Extraction | undefined;
  readonly #number: number;
  readonly #monitor: Monitor;
  readonly #losses: UnrestoredMetadata;
  readonly #links: Map<string, { readonly target: Dir; readonly path: Apath } | undefined>;
  readonly #names: NameCollisions;
  readonly #queue: EntryGroup[] = [];
  /** What waits for the files that were collected: of each directory that has some, as JSON, for all of it stays in memory. */
  readonly #waiting: string[] = [];
  /** Directories whose contents are still being restored, outermost first. */
  readonly #open: { path: Apath; children: Entry[] }[] = [];
  /** Directories that exist below the target, as far as the current branch goes. */
  readonly #made = new Set<Apath>([TOP]);
  /** Directories that could not be made: nothing in them can be restored. */
  readonly #blocked = new Set<Apath>();
  /** Directories that were not chosen but had to be made, outermost first. */
  readonly #late: Entry[] = [];
  /** Flags to set at the end. */
  readonly #flags = new Map<Apath, readonly string[]>();
  #batchesUnderWay = 0;
  #top: Entry | undefined;

  /** @param shared state of all targets of the restore, such as the outcomes of all names of a file */
  constructor(plan: RestorePlan, target: RestoreTarget, shared: {
    readonly reader: ContentReader;
    readonly losses: UnrestoredMetadata;
    /**
     * Maps each hard link to the restored name that further names are linked to; undefined as long as there is none.
     */
    readonly links: Map<string, { readonly target: Dir; readonly path: Apath } | undefined>;
    /** Takes the files if the engine reads better in an order of its own. */
    readonly extraction: Extraction | undefined;
    /** Index of the target. */
    readonly number: number;
  }) {
    this.#plan = plan;
    this.#restore = target;
    this.#target = target.directory;
    this.#beneath = plan.beneath(target.directory.path);
    this.#descent = new Descent(target.directory);
    this.#overwrite = target.overwrite;
    this.#key = plan.request.snapshot.id;
    this.#monitor = plan.monitor;
    this.#reader = shared.reader;
    this.#losses = shared.losses;
    this.#links = shared.links;
    this.#extraction = shared.extraction;
    this.#number = shared.number;
    this.#names = new NameCollisions(this.#key);
    this.#writer = new ObjectWriter(target.overwrite, plan.monitor, this.#key);
  }

  [Symbol.dispose](): void {
    this.#descent[Symbol.dispose]();
  }

  /** Restores everything except what has to wait for collected files, which are written next. */
  async make(): Promise<void> {
    for (const group of groupsAlong(this.#restore.mapping, this.#plan)) {
      await this.#plan.yielder.yieldIfDue();
      this.#take(group);
      while (this.#batchesUnderWay >= this.#reader.width) await this.#consumeOldest();
    }
    while (this.#queue.length > 0) await this.#consumeOldest();
  }

  /** Handles the result of a collected file. */
  take({ relative, name, size, note: { hardLink, flags }, result }: ExtractedFile): void {
    const path = apathIn(TOP, relative === EMPTY ? name : joinRaw(relative, name));
    this.#monitor.current(textOf(path));
    const found = { ...(hardLink !== undefined && { hardLink }), ...(flags !== undefined && { flags }) };
    this.#countFile({ kind: "file", path, size, ...found }, result);
  }

  /** Creates additional names, and sets attributes of directories. */
  async finish(): Promise<void> {
    for (const text of this.#waiting) {
      await this.#plan.yielder.yieldIfDue();
      // Written a moment ago, by this object.
      await this.#settle(JSON.parse(text) as EntryGroup);
    }
    this.#monitor.phase("setting attributes");
    while (this.#open.length > 0) this.#leave();
    for (const directory of this.#late.reverse()) this.#guard(() => this.#finishByPath(directory));
  }

  /** Gives the target itself the attributes of the snapshot's top. */
  finishTop(): void {
    const stays = this.#overwrite === "never" && !this.#restore.isFresh;
    if (this.#top !== undefined && !stays) this.#give(this.#top, this.#target);
  }

  #take(group: EntryGroup): void {
    const { directory, from, entries } = group;
    this.#monitor.current(textOf(directory));
    if (this.#isBlocked(directory) || !this.#guard(() => this.#makeParents(directory, from))) return;
    using into = this.#descent.open(relativeOf(directory));
    let files: Entry[] = [], bytes = 0;
    const flush = () => {
      if (files.length > 0) this.#post(group, files);
      [files, bytes] = [[], 0];
    };
    for (const entry of entries) {
      if (this.#collides(entry, into) || !this.#isFile(entry, into, group)) continue;
      files.push(entry);
      bytes += entry.size;
      if (files.length >= BATCH_FILES || bytes >= BATCH_BYTES) flush();
    }
    flush();
    this.#queue.push(group);
  }

  /** Reports an entry whose name another one has taken in the target. Nothing below it can be restored either. */
  #collides(entry: Entry, into: Dir): boolean {
    if (entry.path === TOP || this.#guard(() => this.#names.add(entry, into))) return false;
    if (entry.kind === "dir") this.#blocked.add(entry.path);
    return true;
  }

  /** True for a file whose content has to be written; everything else is dealt with at once, or noted for later. */
  #isFile(entry: Entry, into: Dir, group: EntryGroup): boolean {
    if (this.#plan.isConfined) this.#losses.add(entry.path, leftOutOf(entry));
    if (entry.path === TOP) this.#top = entry;
    else if (entry.kind === "dir") this.#guard(() => this.#makeDirectory(entry, into, group));
    else if (this.#isFurtherName(entry)) group.links.push(entry);
    else if (entry.kind !== "file") this.#guard(() => this.#makeOther(entry, into));
    else if (entry.content === undefined) this.#monitor.problem(new NotBackedUp(entry));
    else return true;
    return false;
  }

  /** Notes the name, and says whether it is not the first of its object. */
  #isFurtherName({ hardLink }: Entry): boolean {
    if (hardLink === undefined) return false;
    const isFurther = this.#links.has(hardLink);
    if (!isFurther) this.#links.set(hardLink, undefined);
    return isFurther;
  }

  /** Further names are links to this one from now on. */
  #noteName({ hardLink, path }: Pick<Entry, "hardLink" | "path">): void {
    if (hardLink !== undefined) this.#links.set(hardLink, { target: this.#target, path });
  }

  #batchOf(directory: Apath, files: readonly Entry[]): ExtractBatch {
    const { sparse } = this.#plan.request;
    return {
      rootPath: this.#target.path,
      ...(this.#beneath !== undefined && { beneath: this.#beneath }),
      relative: relativeOf(directory),
      overwrite: this.#overwrite,
      isFresh: this.#restore.isFresh,
      key: this.#key,
      clones: !sparse,
      files: files.map((entry) => taskOf(sparse ? { ...entry, sparse } : entry, this.#plan.wanted(entry))),
    };
  }

  #extract(directory: Apath, files: readonly Entry[]): Promise<readonly ExtractResult[]> {
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    return this.#reader.extract(this.#batchOf(directory, files), { items: files.length, bytes });
  }

  #collect(
    extraction: Extraction,
    directory: Apath,
    files: readonly Entry[],
  ): EntryGroup["batches"][0]["results"] {
    const target = this.#number;
    const notes = files.map((entry): FileNote => {
      const { hardLink } = entry, flags = this.#plan.request.flags ? settableFlags(entry) : undefined;
      return { target, ...(hardLink !== undefined && { hardLink }), ...(flags !== undefined && { flags }) };
    });
    return extraction.add(this.#batchOf(directory, files), notes);
  }

  #post({ directory, batches }: EntryGroup, entries: readonly Entry[]): void {
    const extraction = this.#extraction;
    const results = extraction === undefined
      ? this.#extract(directory, entries)
      : this.#collect(extraction, directory, entries);
    results.catch(() => {}); // awaited in order later; until then a failure is no unhandled one
    batches.push({ entries, results });
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
      return this.#plan.manifest.entry(directory);
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
        isNew = replaceByDirectory(parent, name, this.#key);
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
    const { own, isConfined } = this.#plan;
    if (own?.isOfStorage(parent, name, there)) throw new TargetInStorage(joinRaw(parent.path, name));
    const path = joinRaw(parent.path, name);
    if (isConfined && own?.whyNotFound(path, name, there) !== undefined) throw new OutsideLimits(path);
  }

  #isBlocked(directory: Apath): boolean {
    if (this.#blocked.size === 0 || directory === TOP) return false;
    return this.#blocked.has(directory) || this.#isBlocked(parentOf(directory));
  }

  #makeDirectory(entry: Entry, into: Dir, { directories }: EntryGroup): void {
    const isNew = this.#ensureDirectory(into, entry.path, entry.mtime);
    if (!isNew && this.#overwrite === "never") return;
    directories.push(entry);
    if (!isNew) makeWritable(into, nameOf(entry.path));
  }

  /** Symlinks, pipes, sockets and devices. */
  #makeOther(entry: Entry, into: Dir): void {
    if (entry.kind === "symlink" && entry.target === undefined) throw new NotBackedUp(entry);
    if (this.#plan.isConfined && isDevice(entry)) return this.#losses.add(entry.path, [NO_DEVICE_WANTED]);
    const wanted = this.#plan.wanted(entry);
    let losses = NO_LOSSES;
    const outcome = this.#writer.write(entry, into, {
      isSame: (there) => isSameObject(entry, there, into),
      make: (name) => {
        if (!makeNode(entry, into, name)) return false;
        losses = giveAttributes(namedIn(into, name, entry.kind === "symlink"), wanted);
        return true;
      },
      renew: (there) => {
        const found = renewOther(entry, wanted, { there, into });
        losses = found ?? NO_LOSSES;
        return found !== undefined;
      },
    });
    this.#losses.add(entry.path, outcome === "refused" ? [NO_DEVICE] : losses);
    if (outcome === "written" || outcome === "same") this.#noteName(entry);
  }

  async #consumeOldest(): Promise<void> {
    const group = this.#queue.shift();
    if (group === undefined) return;
    const { directory, batches, links, directories } = group;
    for (const { entries, results } of batches) {
      this.#batchesUnderWay--;
      this.#countFiles(entries, await results);
    }
    if (this.#extraction === undefined) return await this.#settle({ directory, links, directories });
    if (links.length + directories.length > 0) this.#waiting.push(JSON.stringify({ directory, links, directories }));
  }

  /** All files of the directory that were to be restored are. */
  async #settle(
    { directory, links, directories }: Pick<EntryGroup, "directory" | "links" | "directories">,
  ): Promise<void> {
    for (const entry of links) await this.#makeLink(entry, directory);
    let open = this.#open.at(-1);
    for (; open !== undefined && !isWithin(directory, open.path); open = this.#open.at(-1)) this.#leave();
    if (open?.path !== directory) this.#open.push(open = { path: directory, children: [] });
    open.children.push(...directories);
  }

  /** A further name of a file; where none of its names could be restored, or linked to, it becomes a file of its own. */
  async #makeLink(entry: Entry, directory: Apath): Promise<void> {
    const first = entry.hardLink === undefined ? undefined : this.#links.get(entry.hardLink);
    if (first !== undefined) {
      let isRefused = false;
      this.#guard(() => isRefused = this.#link(entry, first) === "refused");
      if (!isRefused) return;
      this.#monitor.notice(`${textOf(entry.path)} became an independent copy: no more hard links can be made here`);
    }
    using into = this.#descent.open(relativeOf(directory));
    if (entry.kind !== "file") this.#guard(() => this.#makeOther(entry, into));
    else if (entry.content === undefined) this.#monitor.problem(new NotBackedUp(entry));
    else this.#countFiles([entry], await this.#extract(directory, [entry]));
  }

  #link(entry: Entry, { target, path: first }: { readonly target: Dir; readonly path: Apath }): WriteOutcome {
    using from = target.openPath(relativeOf(parentOf(first)));
    using into = this.#descent.open(relativeOf(parentOf(entry.path)));
    const original = from.stat(nameOf(first));
    if (original === undefined) throw new DiskFault("ENOENT", "link", first);
    return this.#writer.write(entry, into, {
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
    const finished = this.#open.pop();
    if (finished === undefined || finished.children.length === 0) return;
    using into = this.#descent.open(relativeOf(finished.path));
    for (const child of finished.children) this.#guard(() => this.#finish(into, child));
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
    this.#noteFlags(entry);
    const losses = renewAttributes(selfOf(directory), directory.statSelf(), this.#plan.wanted(entry));
    this.#losses.add(entry.path, losses ?? NO_LOSSES);
  }

  #countFiles(entries: readonly Entry[], results: readonly (ExtractResult | undefined)[]): void {
    for (const [i, result] of results.entries()) {
      const entry = entries[i];
      if (entry !== undefined && result !== undefined) this.#countFile(entry, result);
    }
  }

  #countFile(
    entry: Pick<Entry, "kind" | "path" | "size" | "hardLink" | "flags">,
    { how, bytes, problem, losses }: ExtractResult,
  ): void {
    this.#report(entry, problem);
    if (how === "failed") return;
    this.#losses.add(entry.path, losses);
    this.#monitor.count(how === "written" ? "restoredFiles" : "keptFiles");
    if (how !== "written") this.#monitor.count("keptBytes", entry.size);
    this.#monitor.status?.(how === "written" ? "restored" : "kept", textOf(entry.path));
    this.#monitor.count("restoredBytes", bytes);
    if (how === "kept") return;
    this.#noteName(entry);
    this.#noteFlags(entry);
  }

  #noteFlags(entry: Pick<Entry, "kind" | "path" | "flags">): void {
    const flags = this.#plan.request.flags ? settableFlags(entry) : undefined;
    if (flags !== undefined) this.#flags.set(entry.path, flags);
  }

  /** Sets the flags when everything else is done, because what is immutable can be neither changed nor linked. */
  giveFlags(): void {
    for (const [path, flags] of this.#flags) {
      this.#guard(() => {
        using into = this.#descent.open(relativeOf(path === TOP ? path : parentOf(path)));
        if (path === TOP) return this.#losses.add(path, giveFlags(into, flags));
        using object = into.stat(nameOf(path))?.kind === "dir" ? into.openDir(nameOf(path)) : into.open(nameOf(path));
        if (object !== undefined) this.#losses.add(path, giveFlags(object, flags));
      });
    }
  }

  /** A damaged content says nothing of the file it was for. */
  #report({ path }: Pick<Entry, "path">, problem: FaultData | undefined): void {
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
  wanted: WantedAttributes,
  { there, into }: { readonly there: Stat; readonly into: Dir },
): readonly MetadataLoss[] | undefined {
  const isSymlink = kind === "symlink";
  const object = namedIn(into, nameOf(path), isSymlink);
  return renewAttributes(object, there, isSymlink ? { ...wanted, mode: there.mode } : wanted, () => there.links === 1);
}
