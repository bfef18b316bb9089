/**
 * Storing a batch of files: read, hash, store, link into the tree. The only loop that runs once per file of a first
 * backup, so it is synchronous and works relative to open directories.
 *
 * A file that can't be read is an answer of its own; a storage that can't be written ends the batch with its fault.
 */
import { type ContentId, isDigestOf } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { type FaultData, toFaultData } from "../../core/fault_data.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { ACL_ATTRIBUTE } from "../../platform/acl.ts";
import { Descent, Descents } from "../../platform/descent.ts";
import { type Dir, type Disk, DiskFault, type OpenFile } from "../../platform/disk.ts";
import { Endless, withinBounds } from "../../platform/endless.ts";
import { readingAroundHoles } from "../../platform/holes.ts";
import type { Meter } from "../../platform/meter.ts";
import type { Steps } from "../../core/steps.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import { encodeXattrs } from "../../platform/xattr_text.ts";
import { StaticChanged } from "../../snapshot/faults.ts";
import type {
  IngestBatch,
  IngestResult,
  LinkBatch,
  LinkResult,
  StoreBatch,
  StoreResult,
  StoreTask,
} from "../../snapshot/ingest_batch.ts";
import { CHUNK_BYTES, type ContentStore, type FileFacts, type StoredItem } from "../content/content_store.ts";

/** How often a file that changes while it is read is read again. */
const ATTEMPTS = 3;

/** The file can't be read. Anything else that fails in here is the storage's failure. */
class SourceFault extends Error {
  readonly told: FaultData;
  constructor(fault: Fault) {
    super(fault.message);
    this.told = toFaultData(fault);
  }
}

class Vanished extends Fault {
  readonly code = "source-vanished";
  readonly hint = "If it was not meant to be deleted during the backup, run the backup again";
  constructor(path: string) {
    super(`Cannot read ${JSON.stringify(path)}: it vanished during the backup`);
  }
}

class Unsteady extends Fault {
  readonly code = "source-changing";
  readonly hint = "Stop what writes to it, or back up a snapshot of the file system";
  constructor(path: string) {
    super(`${JSON.stringify(path)} changed each time it was read; what was kept may mix old and new`);
  }
}

/** What of a batch is work for a thread. */
export type DiskBatch = Pick<IngestBatch, "links" | "stores">;

export interface DiskResult extends Pick<IngestResult, "links" | "stores"> {
  /** Where that is now which had the places of items and was none: paths in the storage. */
  readonly aside: readonly string[];
}

export interface IngestSetup {
  readonly storage: Dir;
  readonly store: ContentStore;
  readonly stop: StopFlag;
  readonly meter: Meter;
}

/** Links made between two looks at the wish to stop. */
const LINKS_PER_STEP = 16;

/** Stores batches; one per thread. */
export class Ingest implements Disposable {
  readonly #storage: Dir;
  readonly #trees: Descent;
  readonly #sources: Descents;
  readonly #store: ContentStore;
  readonly #stop: StopFlag;
  readonly #meter: Meter;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);

  constructor(disk: Disk, { storage, store, stop, meter }: IngestSetup) {
    this.#storage = storage;
    this.#trees = new Descent(storage);
    this.#sources = new Descents(disk);
    this.#store = store;
    this.#stop = stop;
    this.#meter = meter;
  }

  [Symbol.dispose](): void {
    this.#trees[Symbol.dispose]();
    this.#sources[Symbol.dispose]();
  }

  *run({ links, stores }: DiskBatch): Steps<DiskResult> {
    const results = { links: [] as LinkResult[], stores: [] as StoreResult[][] };
    for (const batch of links) results.links.push(yield* this.#linkAll(batch));
    for (const batch of stores) results.stores.push(yield* this.#storeAll(batch));
    return { ...results, aside: this.#store.takeAside() };
  }

  *#linkAll(batch: LinkBatch): Steps<LinkResult> {
    using tree = this.#trees.open(batch.tree);
    using before = new TreeBefore(this.#storage, batch.before);
    const open = () => before.open();
    const names = batch.names.split("/") as Raw[], contents = batch.contents.split(" ") as ContentId[];
    const counts = { linked: 0, copied: 0, taken: 0 }, missing: number[] = [];
    for (let i = 0; i < names.length; i++) {
      if (i % LINKS_PER_STEP === 0) {
        this.#stop.check();
        yield;
      }
      const how = this.#store.linkOrCopyIfThere(contents[i]!, tree, names[i]!, open);
      if (how === "missing") missing.push(i);
      else counts[how]++;
    }
    return { ...counts, missing };
  }

  *#storeAll(batch: StoreBatch): Steps<StoreResult[]> {
    using tree = batch.tree === undefined ? undefined : this.#trees.open(batch.tree);
    using source = new LazyDir(this.#sources, batch.rootPath, batch.relative);
    const results: StoreResult[] = [];
    for (const task of batch.files) {
      this.#stop.check();
      results.push(yield* this.#one(task, source, tree));
      yield;
    }
    return results;
  }

  *#one(task: StoreTask, source: LazyDir, tree: Dir | undefined): Steps<StoreResult> {
    const before = this.#meter.own;
    const known = task.guarded ? yield* this.#compareGuarded(task, source) : undefined;
    if (known !== undefined) return { ...known, link: this.#show(known.content!, tree, task) };
    try {
      const read = yield* this.#readSteadily(task, source);
      return { ...read, link: this.#show(read.content!, tree, task) };
    } catch (error) {
      this.#meter.backTo(before);
      if (error instanceof SourceFault) return { ...FAILED, problem: error.told };
      throw error;
    }
  }

  /** Undefined if the storage has lost the old content of a guarded file: it is then stored as any other. */
  *#compareGuarded(task: StoreTask, source: LazyDir): Steps<StoreResult | undefined> {
    const { content, size } = task;
    if (content === undefined || this.#store.sizeOf(content) !== size) return undefined;
    try {
      using file = openSource(source, task.name);
      const bounds = { size, path: () => source.describe(task.name) };
      const read = withinBounds(file, readingAroundHoles(file), bounds);
      const digest = yield* this.#store.digestOf(
        (into, position) => fromSource(() => read(into, position)),
        this.#meter,
      );
      const xattrs = fromSource(() => file.xattrs());
      const result = { ...FAILED, content, xattrs: encodeXattrs(xattrs) };
      if (isDigestOf(content, digest) && isSame(task, fromSource(() => file.stat()))) {
        const isShared = this.#store.share(content, size, { ...task, hasAcl: ACL_ATTRIBUTE in xattrs });
        return isShared ? { ...result, how: "known" } : undefined;
      }
      const fault = new StaticChanged(source.describe(task.name), "its bytes have, while its size and time have not");
      return { ...result, how: "kept", problem: toFaultData(fault) };
    } catch (error) {
      if (!(error instanceof SourceFault)) throw error;
      return { ...FAILED, content, how: "kept", problem: error.told };
    }
  }

  #show(content: ContentId, tree: Dir | undefined, task: StoreTask): StoreResult["link"] {
    return tree === undefined ? "none" : this.#store.linkOrCopy(content, tree, task.treeName);
  }

  /** Reads a file until it was the same before and after; after some attempts what was read last is kept, and marked. */
  *#readSteadily(task: StoreTask, source: LazyDir): Steps<StoreResult> {
    let before: Pick<Stat, "size" | "mtime" | "ctime" | "inode"> = task;
    const counted = this.#meter.own, path = () => source.describe(task.name);
    for (let attempt = 1;; attempt++) {
      this.#meter.backTo(counted);
      using file = openSource(source, task.name);
      const opened = attempt === 1 ? undefined : fromSource(() => file.stat());
      if (opened !== undefined) before = opened;
      const { stored, xattrs } = yield* this.#storeOnce(
        task,
        file,
        { size: before.size, sparse: task.sparse, path },
        opened,
      );
      const after = fromSource(() => file.stat());
      const steady = isSame(before, after);
      if (!steady && attempt < ATTEMPTS) continue;
      return {
        content: stored.id,
        how: stored.isNew ? "new" : "known",
        bytes: stored.newBytes,
        seen: steady && before === task && stored.size === task.size ? undefined : { ...after, size: stored.size },
        xattrs,
        link: "none",
        problem: steady ? undefined : toFaultData(new Unsteady(source.describe(task.name))),
      };
    }
  }

  *#storeOnce(
    task: StoreTask,
    file: OpenFile,
    described: Described,
    opened: Stat | undefined,
  ): Steps<{ stored: StoredItem; xattrs: StoreResult["xattrs"] }> {
    const xattrs = fromSource(() => file.xattrs());
    const facts: FileFacts = {
      mode: opened?.mode ?? task.mode,
      gid: opened?.gid ?? task.gid,
      mtime: opened?.mtime ?? task.mtime,
      hasAcl: ACL_ATTRIBUTE in xattrs,
      expected: task.content,
    };
    const stored = yield* described.size < this.#buffer.length
      ? this.#storeSmall(file, facts, described)
      : this.#store.storeStream(streamOf(file, described), facts);
    return { stored, xattrs: encodeXattrs(xattrs) };
  }

  /** Falls back to a stream if the file has grown beyond the buffer. */
  #storeSmall(file: OpenFile, facts: FileFacts, described: Described): Steps<StoredItem> {
    const got = fromSource(() => file.read(this.#buffer, 0));
    if (got === this.#buffer.length) return this.#store.storeStream(streamOf(file, { ...described, size: got }), facts);
    this.#meter.add(got);
    return this.#store.storeBytes(this.#buffer.subarray(0, got), facts);
  }
}

const FAILED: StoreResult = {
  content: undefined,
  how: "failed",
  bytes: 0,
  seen: undefined,
  xattrs: undefined,
  link: "none",
  problem: undefined,
};

/** A directory of an earlier tree, opened when it is asked for; it may be gone. */
class TreeBefore implements Disposable {
  readonly #storage: Dir;
  readonly #path: Raw | undefined;
  #dir: Dir | undefined;

  constructor(storage: Dir, path: Raw | undefined) {
    this.#storage = storage;
    this.#path = path;
  }

  open(): Dir | undefined {
    if (this.#dir === undefined && this.#path !== undefined) this.#dir = openOrNot(this.#storage, this.#path);
    return this.#dir;
  }

  [Symbol.dispose](): void {
    this.#dir?.[Symbol.dispose]();
  }
}

function openOrNot(storage: Dir, path: Raw): Dir | undefined {
  try {
    return storage.openPath(path);
  } catch (error) {
    if (error instanceof DiskFault) return undefined;
    throw error;
  }
}

/** Opened when the first file of a batch has to be read: an unchanged directory is not. */
class LazyDir implements Disposable {
  readonly #sources: Descents;
  readonly #rootPath: Raw;
  readonly #relative: Raw;
  #dir: Dir | undefined;

  constructor(sources: Descents, rootPath: Raw, relative: Raw) {
    this.#sources = sources;
    this.#rootPath = rootPath;
    this.#relative = relative;
  }

  open(): Dir {
    return this.#dir ??= this.#sources.open(this.#rootPath, this.#relative);
  }

  describe(name: Raw): string {
    return [this.#rootPath, this.#relative, name].filter((part) => part !== "").map(textOf).join("/");
  }

  [Symbol.dispose](): void {
    this.#dir?.[Symbol.dispose]();
  }
}

function openSource(source: LazyDir, name: Raw): OpenFile {
  const file = fromSource(() => source.open().open(name));
  if (file === undefined) throw new SourceFault(new Vanished(source.describe(name)));
  return file;
}

/** Runs something that touches only the source. */
function fromSource<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof DiskFault || error instanceof Endless) throw new SourceFault(error);
    throw error;
  }
}

/** A file as the walk, or the last look at it, has it. */
interface Described {
  readonly size: number;
  readonly sparse: boolean;
  /** For people. */
  readonly path: () => string;
}

function streamOf(file: OpenFile, { size, sparse, path }: Described) {
  const read = withinBounds(file, readingAroundHoles(file), { size, path });
  return {
    size,
    sparse,
    read: (into: Uint8Array<ArrayBuffer>, position: number) => fromSource(() => read(into, position)),
    cloneTo: (target: OpenFile) => target.cloneFrom(file),
  };
}

function isSame(a: Pick<Stat, "size" | "mtime" | "ctime" | "inode">, b: Stat): boolean {
  return a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.inode === b.inode;
}
