/**
 * Backing up: the walk of the source is compared in lock-step with the previous snapshot; files that are new or changed
 * are stored, and everything becomes lines of a new manifest, in order, whatever order the threads finish in.
 */
import { RatioSampler } from "../../catalog/compression_ratios.ts";
import { type Apath, compareApath, nameOf, parentOf, TOP } from "../../core/apath.ts";
import type { RootId } from "../../core/content_id.ts";
import { countingProblems, type Monitor } from "../../core/monitor.ts";
import type { Entry } from "../../core/entry.ts";
import { Interrupted } from "../../core/fault.ts";
import { fromFaultData } from "../../core/fault_data.ts";
import type { ItemSet } from "../../core/item_set.ts";
import { joinRaw, type Raw, rawOf, textOf } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import { Comparison, type Selection } from "./comparison.ts";
import { rootOf } from "./new_root.ts";
import { keptEntry, type PendingEntry, type PendingRun, statusOf, taskOf } from "./pending_entry.ts";
import { recordedOf } from "./recorded.ts";
import { namesInAcls, placeInTree, readDetails } from "./special_entries.ts";
import { storeStreams, type StreamSource } from "./streams.ts";
import { type BatchDirectory, WorkBatch } from "./work_batch.ts";
import { isHidden, NotInSources, sourcePath } from "../sources/sources.ts";
import { ACL_ATTRIBUTE } from "../../platform/acl.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import type { StoragePool } from "../../storage/threads/batch_executor.ts";
import { contentOfLine, encodeLine, linePath, parseLine, statPrefix } from "../../snapshot/entry_line.ts";
import type { StoreResult } from "../../snapshot/ingest_batch.ts";
import type { PreviousLine } from "../../snapshot/previous_entries.ts";
import { type JobMark, nextSequence, type Root } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { SnapshotWriter } from "../../snapshot/snapshot_writer.ts";
import { type Found, NoSource, type WalkBatch } from "../../source/walk.ts";
import type { Storage } from "../../storage/storage.ts";
import { newTree, noticeTaken } from "../../storage/tree/new_tree.ts";
import type { TreeBuilder } from "../../storage/tree/tree_builder.ts";
import { existingTree, pointLatest } from "../../storage/tree/tree_places.ts";
import type { Writer } from "../../storage/writer.ts";

export interface BackupRequest extends Omit<Selection, "reserved"> {
  /** Files of the snapshot that are none in the source. */
  readonly streams?: readonly StreamSource[];
  readonly tags: readonly string[];
  /** The job that asks for it; absent if a person does. */
  readonly job?: JobMark;
  readonly tree: boolean;
  /** Threads that read and store besides the one that walks; 0: none. */
  readonly workers: number;
  readonly user: string;
  readonly signal: AbortSignal;
  /** Time between checkpoints of a long run; undefined: the default. */
  readonly checkpointMs?: number;
  /** Bytes read after which there is one as well; undefined: the default. */
  readonly checkpointBytes?: number;
}

/** Directories whose lines wait for a parcel that is not full yet. */
const MOST_WAITING = 256;
/** What the file system itself writes for one item, roughly. */
const ITEM_BYTES = 4096;
/** A crash costs at most this much work. */
const CHECKPOINT_MS = 5 * 60_000;
const CHECKPOINT_BYTES = 8 * 1024 ** 3;

/** Of what is in no source. */
const NO_SOURCE = { rootPath: rawOf("/"), relative: rawOf("") };

/** Makes one snapshot. @throws SourceGone, NoSource, SourceInStorage, BadPattern, Locked, Interrupted, DiskFault of the storage */
export async function backup(storage: Storage, request: BackupRequest, monitor: Monitor): Promise<SnapshotInfo> {
  using writer = storage.write(`backup of ${request.sources.map((source) => textOf(sourcePath(source))).join(", ")}`);
  await using run = new BackupRun(storage, writer, request, monitor);
  return await run.make();
}

/** Says what is waited for when a wish to stop comes, or has come, while the disk writes. Until disposed. */
function tellingOfWait(signal: AbortSignal, monitor: Monitor, then: string): Disposable {
  const tell = () => monitor.notice(`Waiting for the disk to finish writing what it was given; ${then}`);
  if (signal.aborted) tell();
  signal.addEventListener("abort", tell);
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", tell) };
}

class BackupRun implements AsyncDisposable {
  readonly #storage: Storage;
  readonly #writer: Writer;
  readonly #request: BackupRequest;
  readonly #monitor: Monitor;
  readonly #disk: Disk;
  readonly #pool: StoragePool;
  readonly #startMs: number;
  readonly #comparison: Comparison;
  readonly #manifest: SnapshotWriter;
  readonly #tree: TreeBuilder | undefined;
  readonly #treeName: string | undefined;
  /** Of the newest complete snapshot of the series, relative to the storage. */
  readonly #treeBefore: Raw | undefined;
  /** Not everybody may reach the sources. */
  readonly #isPrivate: boolean;
  readonly #totals = { entries: 0, files: 0, dirs: 0, bytes: 0, problems: 0 };
  readonly #queue: PendingRun[] = [];
  /** What the source doesn't hold any more, but the snapshot does; it comes before what was compared last. */
  readonly #kept: { readonly entry: Entry; readonly line: PreviousLine | undefined }[] = [];
  #streamBytes = 0;
  /** Entries of streams that the walk hasn't come to. */
  #streams: Entry[] = [];
  /** Sent, not settled yet; oldest first. */
  readonly #parcels: WorkBatch<PendingEntry>[] = [];
  #parcel = new WorkBatch<PendingEntry>();
  readonly #followed: Disposable;
  /** Contents that are no longer what they were: not to be linked, but to be stored again. */
  readonly #damaged: ReadonlySet<string>;
  /** Those of them that this run has stored again, or found to be whole. */
  readonly #healed = new Set<string>();
  readonly #sampler = new RatioSampler();
  #lastCheckpointMs: number;
  #bytesSinceCheckpoint = 0;
  #checkpoint: SnapshotInfo["id"] | undefined;
  #sequence: number;
  /** Files and symlinks that are not in the tree. */
  #takenNames = 0;

  constructor(storage: Storage, writer: Writer, request: BackupRequest, monitor: Monitor) {
    this.#storage = storage;
    this.#writer = writer;
    this.#request = request;
    this.#disk = storage.machine.disk;
    this.#monitor = countingProblems(monitor, () => this.#totals.problems++);
    this.#startMs = storage.machine.clock.nowMs();
    this.#lastCheckpointMs = this.#startMs;
    const { streams = [] } = request;
    this.#comparison = new Comparison(
      storage,
      { ...request, reserved: streams.map(({ name }) => name) },
      this.#monitor,
      {
        missing: (path) => this.#monitor.problem(new NoSource(path)),
        outside: (path) => this.#monitor.problem(new NotInSources(path)),
        kept: (entry, line) => this.#kept.push({ entry, line }),
        ...(monitor.status && { gone: ({ text }) => monitor.status!("gone", JSON.parse(linePath(text))) }),
      },
    );
    this.#isPrivate = this.#comparison.roots.some((root) => isHidden(this.#disk, root));
    this.#sequence = nextSequence(storage.snapshots().at(-1)?.sequence ?? 0);
    const whole = this.#comparison.previous.find((snapshot) => snapshot.complete);
    if (whole !== undefined) monitor.setTotal({ items: whole.entries, bytes: whole.bytes });
    this.#manifest = new SnapshotWriter((first, lines) => storage.manifests.writeHunk(first, lines), this.#monitor);
    const tree = request.tree ? newTree(storage, this.#startMs, this.#isPrivate, monitor) : undefined;
    this.#treeName = tree?.name;
    this.#tree = tree?.builder;
    const before = tree && whole && existingTree(storage, whole);
    this.#treeBefore = before === undefined ? undefined : rawOf(before);
    this.#damaged = new Set(storage.damaged());
    this.#pool = storage.pool(request.workers, request.signal);
    this.#followed = monitor.follow("readBytes", () => this.#pool.bytes + this.#streamBytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#followed[Symbol.dispose]();
    await this.#pool[Symbol.asyncDispose]();
    this.#tree?.[Symbol.dispose]();
  }

  async make(): Promise<SnapshotInfo> {
    this.#monitor.phase("reading the source");
    try {
      await this.#walkAll();
    } catch (error) {
      if (error instanceof Interrupted) await this.#keepWhatIsDone();
      throw error;
    }
    // Its memory is better used by what follows.
    await this.#pool[Symbol.asyncDispose]();
    const id = await this.#commit();
    this.#forgetPartials();
    this.#noteHealed();
    this.#learn();
    if (this.#tree !== undefined) this.#publishTree(this.#tree, this.#treeName!);
    return this.#storage.snapshots().find((snapshot) => snapshot.id === id)!;
  }

  /** What is read needn't be read again: a wish to stop that comes now costs the wait for the disk, not the snapshot. */
  async #commit(): Promise<RootId> {
    using _ = tellingOfWait(this.#request.signal, this.#monitor, "the snapshot is made as soon as it has");
    // Before the sync that makes all of it durable.
    this.#tree?.finish();
    const id = await this.#writer.commit(this.#root(this.#manifest.finish(), true), this.#checkpoint, {
      phase: (phase) => this.#monitor.phase(phase),
    });
    if (this.#request.signal.aborted) {
      this.#monitor.notice("Everything had been read: the snapshot was made all the same");
    }
    return id;
  }

  #learn(): void {
    using contents = this.#storage.contents();
    const learnt = this.#sampler.measure((id) => contents.open(id));
    if (learnt !== undefined) this.#writer.recordCompression(learnt);
  }

  /** What interrupted runs had got done is part of the new snapshot. */
  #forgetPartials(): void {
    const partials = this.#comparison.previous.filter(({ complete }) => !complete);
    if (partials.length > 0) this.#writer.forget(partials.map(({ id }) => id));
  }

  /** So that the next run needn't read these files again. */
  #noteHealed(): void {
    if (this.#healed.size === 0) return;
    const items = [...this.#healed].map((id) => ({ id, state: "ok" as const }));
    this.#writer.recordVerified(items, this.#storage.machine.clock.nowMs());
  }

  /** Finishes what is under way, as far as the pool lets it, for the next run to go on from. */
  async #keepWhatIsDone(): Promise<void> {
    try {
      while (this.#queue[0]?.parcel?.isSent !== false && this.#queue.length > 0) await this.#consumeOldest();
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
    }
    using _ = tellingOfWait(this.#request.signal, this.#monitor, "what is done is kept for the next run");
    await this.#makeCheckpoint();
  }

  async #walkAll(): Promise<void> {
    const { streams = [], signal } = this.#request;
    this.#streams = await storeStreams(this.#storage, streams, this.#monitor, signal);
    this.#streamBytes = this.#streams.reduce((sum, { size }) => sum + size, 0);
    const pace = new Yielder(this.#storage.machine.clock, signal);
    for (const batch of this.#comparison.batches()) {
      this.#takeStreamsBefore(batch.found[0]?.path);
      for (const share of this.#sharesOf(batch)) {
        this.#queue.push(share);
        await pace.yieldIfDue();
        while (this.#queue.length > 0 && this.#mustConsume(this.#queue[0]!)) await this.#consumeOldest();
        await this.#checkpointIfDue();
      }
    }
    this.#takeKept();
    this.#takeStreamsBefore(undefined);
    while (this.#queue.length > 0) {
      await this.#consumeOldest();
      await this.#checkpointIfDue();
    }
  }

  /** @param path undefined: the end */
  #takeStreamsBefore(path: Apath | undefined): void {
    while (this.#streams[0] !== undefined && (path === undefined || compareApath(this.#streams[0].path, path) < 0)) {
      const entry = this.#streams.shift()!;
      this.#comparison.passOver(entry);
      this.#kept.push({ entry, line: undefined });
      this.#takeKept();
    }
  }

  /** What is done goes into the manifest at once; what isn't is waited for if too much is under way. */
  #mustConsume({ parcel }: PendingRun): boolean {
    return parcel === undefined || parcel.isDone || this.#parcels.length >= this.#pool.width ||
      this.#queue.length > MOST_WAITING;
  }

  /**
   * Turns a batch of the walk into pending lines and gathers its files for the threads. A share ends where a parcel is
   * sent: what is done of a directory of huge files needn't wait for the rest of it.
   */
  *#sharesOf(batch: WalkBatch): Generator<PendingRun> {
    this.#monitor.current(textOf(batch.apath));
    using tree = batch.found[0]?.path === TOP ? undefined : this.#tree?.open(batch.apath);
    const { rootPath, relative, apath } = batch;
    const place = {
      rootPath,
      relative,
      tree: tree === undefined ? undefined : this.#tree!.directory(apath),
      before: this.#treeBefore && joinRaw(this.#treeBefore, apath.slice(1) as Raw),
    };
    let share: PendingRun = { directory: apath, pendings: [], parcel: undefined };
    for (const found of batch.found) {
      const pending = this.#look(found, place, batch.parent, tree);
      if (this.#kept.length > 0) {
        yield share;
        this.#takeKept();
        share = { directory: apath, pendings: [], parcel: undefined };
      }
      this.#takeInto(share, pending);
      if (share.parcel?.isSent === true) {
        yield share;
        share = { directory: apath, pendings: [], parcel: undefined };
      }
    }
    yield share;
  }

  #takeInto(share: PendingRun, pending: PendingEntry): void {
    share.pendings.push(pending);
    if (pending.stat.kind !== "file" || !this.#gather(pending)) return;
    share.parcel = this.#parcel;
    if (share.parcel.isFull) this.#send();
  }

  /** Entries that come before the one at hand, and that the source doesn't hold any more. */
  #takeKept(): void {
    for (const { entry, line } of this.#kept.splice(0)) {
      const directory = parentOf(entry.path);
      const tree = this.#tree?.directory(directory);
      const place = line === undefined ? NO_SOURCE : this.#comparison.placeOf(entry.path);
      const pending = keptEntry(entry, line, { ...place, tree });
      if (this.#tree !== undefined && entry.kind === "dir") {
        using parent = this.#tree.open(directory);
        this.#tree.makeDirectory(parent, entry);
      }
      const share: PendingRun = { directory, pendings: [], parcel: undefined };
      this.#takeInto(share, pending);
      this.#queue.push(share);
    }
  }

  /** Puts a file into the parcel. @returns false if there is nothing to be done for it */
  #gather(pending: PendingEntry): boolean {
    const { line, place, path, head } = pending;
    const content = line === undefined ? undefined : contentOfLine(line, head.length);
    if (content !== undefined && (this.#damaged.size === 0 || !this.#damaged.has(content))) {
      if (place.tree !== undefined) {
        this.#parcel.link({ tree: place.tree, before: place.before }, nameOf(path), content, pending);
        return true;
      }
      // Without a link that would tell: a snapshot must not promise what is not there.
      this.#present ??= this.#storage.listing.present();
      if (this.#present.has(content)) {
        this.#keep(pending);
        return false;
      }
    }
    this.#parcel.store(place, taskOf(pending), pending);
    return true;
  }
  #present: ItemSet | undefined;

  #send(): void {
    this.#parcel.send(this.#pool);
    this.#parcels.push(this.#parcel);
    this.#parcel = new WorkBatch();
  }

  /** Compares one object with the previous snapshot; what is not a regular file is dealt with at once. */
  #look(found: Found, place: BatchDirectory, parent: Dir, tree: Dir | undefined): PendingEntry {
    const { path, name, stat, head, line, from, learnt, guarded } = this.#comparison.compare(found, parent);
    const pending: PendingEntry = {
      path,
      name,
      place,
      stat,
      head,
      line,
      from,
      learnt,
      guarded,
      directory: undefined,
      bytes: undefined,
    };
    if (stat.kind === "file") return pending;
    pending.line ??= encodeLine(head, readDetails(pending, parent, this.#disk, this.#monitor));
    if (stat.kind === "dir" && this.#tree !== undefined) {
      const isSimple = !pending.line.includes(ACL_ATTRIBUTE);
      pending.directory = isSimple ? { path, ...this.#comparison.seenOf(stat) } : parseLine(pending.line);
    }
    if (tree !== undefined) this.#takenNames += placeInTree(pending, tree, this.#tree!, this.#disk) ? 0 : 1;
    return pending;
  }

  /** Waits for the files of the oldest share and adds its lines to the manifest. */
  async #consumeOldest(): Promise<void> {
    const share = this.#queue[0]!;
    if (share.parcel !== undefined) await this.#settleUpTo(share.parcel);
    this.#queue.shift();
    if (share.pendings[0]?.path !== TOP) this.#tree?.enter(share.directory);
    for (const pending of share.pendings) this.#add(pending);
  }

  async #settleUpTo(parcel: WorkBatch<PendingEntry>): Promise<void> {
    if (!parcel.isSent) this.#send();
    while (this.#parcels.includes(parcel)) {
      await this.#settle(this.#parcels[0]!);
      this.#parcels.shift();
    }
  }

  async #settle(parcel: WorkBatch<PendingEntry>): Promise<void> {
    const { stored, linked, linkedFiles, copiedFiles, takenNames, missing, aside } = await parcel.results();
    this.#tellAside(aside);
    for (const { file, result } of stored) this.#finish(file, result);
    for (const pending of linked) this.#keep(pending);
    this.#monitor.count("linkedFiles", linkedFiles);
    this.#monitor.count("copiedFiles", copiedFiles);
    this.#takenNames += takenNames;
    if (missing.length > 0) await this.#storeAgain(missing);
    await this.#writer.keepDiskBusy(this.#request.signal);
  }

  /** Unchanged files whose contents are gone from the storage. */
  async #storeAgain(missing: readonly PendingEntry[]): Promise<void> {
    const parcel = new WorkBatch<PendingEntry>();
    for (const pending of missing) parcel.store(pending.place, taskOf(pending), pending);
    parcel.send(this.#pool);
    const { stored, aside } = await parcel.results();
    this.#tellAside(aside);
    for (const { file, result } of stored) this.#finish(file, result);
  }

  #tellAside(places: readonly string[]): void {
    for (const place of places) this.#monitor.notice(`What had the place of a content is now in ${place}`);
  }

  /** Makes the line of a file that was read, or that could not be. */
  #finish(pending: PendingEntry, result: StoreResult): void {
    this.#countFile(pending, result);
    if (result.problem !== undefined) this.#monitor.problem(fromFaultData(result.problem));
    if (result.seen !== undefined) pending.head = statPrefix(pending.path, this.#comparison.seenOf(result.seen));
    const aclNames = namesInAcls(result.xattrs, this.#disk);
    pending.line = encodeLine(pending.head, {
      ...(result.content !== undefined && { content: result.content }),
      ...pending.learnt,
      ...(result.xattrs !== undefined && { xattrs: result.xattrs }),
      ...(aclNames !== undefined && { aclNames }),
      ...(result.problem !== undefined && { problems: [result.problem.message] }),
      ...recordedOf(result.seen ?? pending.stat),
    });
  }

  #countFile(pending: PendingEntry, result: StoreResult): void {
    if (result.content !== undefined && this.#damaged.has(result.content)) this.#healed.add(result.content);
    const size = result.seen?.size ?? pending.stat.size;
    const count = this.#monitor.count;
    if (result.how !== "failed") {
      count("readFiles");
      count("readBytes", size);
      this.#bytesSinceCheckpoint += size;
    }
    if (result.how === "new") {
      this.#sampler.add(pending.name, result.content!);
      this.#writer.stored(result.bytes + ITEM_BYTES);
      count("storedItems");
      count("storedBytes", result.bytes);
    } else if (result.how === "known") count("reusedItems");
    if (result.link === "linked") count("linkedFiles");
    else if (result.link === "copied") count("copiedFiles");
    else if (result.link === "taken") this.#takenNames++;
    if (result.content !== undefined) pending.bytes = size;
  }

  #keep(pending: PendingEntry): void {
    pending.bytes = pending.stat.size;
    if (pending.from === undefined) return;
    this.#monitor.count("unchangedFiles");
    this.#monitor.count("unchangedBytes", pending.bytes);
  }

  #add(pending: PendingEntry): void {
    const line = pending.line!;
    const from = pending.from?.text === line ? pending.from : undefined;
    this.#manifest.add(pending.path, line, from);
    if (this.#monitor.status !== undefined) this.#monitor.status(statusOf(pending, line), textOf(pending.path));
    this.#totals.entries++;
    if (pending.stat.kind === "dir") this.#totals.dirs++;
    if (pending.bytes !== undefined) {
      this.#totals.files++;
      this.#totals.bytes += pending.bytes;
    }
    if (pending.directory === undefined) return;
    if (pending.path === TOP) this.#tree!.setTop(pending.directory);
    else this.#tree!.expect(pending.directory);
  }

  async #checkpointIfDue(): Promise<void> {
    const now = this.#storage.machine.clock.nowMs();
    const { checkpointMs = CHECKPOINT_MS, checkpointBytes = CHECKPOINT_BYTES } = this.#request;
    if (now - this.#lastCheckpointMs < checkpointMs && this.#bytesSinceCheckpoint < checkpointBytes) return;
    this.#lastCheckpointMs = now;
    this.#bytesSinceCheckpoint = 0;
    await this.#makeCheckpoint();
  }

  /** Makes what is done so far a snapshot, marked as incomplete, from which the next run goes on. */
  async #makeCheckpoint(): Promise<void> {
    const hunks = this.#manifest.soFar();
    if (hunks.length === 0) return;
    this.#checkpoint = await this.#writer.checkpoint(this.#root(hunks, false), this.#checkpoint, {
      phase: (phase) => this.#monitor.phase(phase),
    });
    this.#monitor.phase("reading the source");
    this.#sequence = nextSequence(this.#sequence);
  }

  #publishTree(tree: TreeBuilder, name: string): void {
    noticeTaken(this.#takenNames, this.#monitor);
    this.#monitor.phase("finishing the tree");
    tree.publish(name);
    pointLatest(this.#storage.dir, this.#comparison.series, name);
  }

  #root(hunks: Root["hunks"], complete: boolean): Root {
    return rootOf(this.#storage, this.#request, this.#comparison, {
      sequence: this.#sequence,
      startMs: this.#startMs,
      tree: complete ? this.#treeName ?? null : null,
      private: this.#isPrivate,
      complete,
      totals: { ...this.#totals },
      hunks: [...hunks],
    });
  }
}
