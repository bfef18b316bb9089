/**
 * Stores a batch of files: read, hash, store, link into the tree. This runs once per file of a first backup, so it is
 * synchronous and works relative to open directories.
 *
 * A file that can't be read is a result; a storage that can't be written ends the batch with its fault.
 */
import type { ContentId } from "../../core/content_id.ts";
import type { Raw } from "../../core/raw.ts";
import type { Steps } from "../../core/steps.ts";
import { FileIntake } from "../../intake/file_intake.ts";
import { SourceDirectory } from "../../intake/source_files.ts";
import { Descent, Descents } from "../../platform/descent.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import type { Meter } from "../../platform/meter.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import type {
  IngestBatch,
  IngestResult,
  LinkBatch,
  LinkResult,
  StoreBatch,
  StoreResult,
  StoreTask,
} from "../../snapshot/ingest_batch.ts";
import type { ContentStore } from "../content/content_store.ts";
import { type PackedResults, packResults } from "./packed_results.ts";

/** The part of a batch that is work for a thread. */
export type DiskBatch = Pick<IngestBatch, "links" | "stores">;

export interface DiskResult extends Pick<IngestResult, "links"> {
  readonly stores: readonly PackedResults[];
  /** Paths in the storage of objects that were moved out of the way of items. */
  readonly aside: readonly string[];
}

export interface IngestSetup {
  readonly storage: Dir;
  readonly store: ContentStore;
  readonly stop: StopFlag;
  readonly meter: Meter;
}

/** Links that are made between two checks for a request to stop. */
const LINKS_PER_STEP = 16;

/** Stores batches; one per thread. */
export class Ingest implements Disposable {
  readonly #storage: Dir;
  readonly #trees: Descent;
  readonly #sources: Descents;
  readonly #store: ContentStore;
  readonly #stop: StopFlag;
  readonly #files: FileIntake;

  constructor(disk: Disk, { storage, store, stop, meter }: IngestSetup) {
    this.#storage = storage;
    this.#trees = new Descent(storage);
    this.#sources = new Descents(disk);
    this.#store = store;
    this.#stop = stop;
    this.#files = new FileIntake(store, meter);
  }

  [Symbol.dispose](): void {
    this.#trees[Symbol.dispose]();
    this.#sources[Symbol.dispose]();
  }

  *run({ links, stores }: DiskBatch): Steps<DiskResult> {
    const results = { links: [] as LinkResult[], stores: [] as PackedResults[] };
    for (const batch of links) results.links.push(yield* this.#linkAll(batch));
    for (const batch of stores) results.stores.push(packResults(yield* this.#storeAll(batch)));
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
    using source = new SourceDirectory(this.#sources, batch.rootPath, batch.relative);
    const results: StoreResult[] = [];
    for (const task of batch.files) {
      this.#stop.check();
      results.push(yield* this.#one(task, source, tree));
      yield;
    }
    return results;
  }

  *#one(task: StoreTask, source: SourceDirectory, tree: Dir | undefined): Steps<StoreResult> {
    const result = yield* this.#files.take(task, source), { content } = result;
    if (tree === undefined || content === undefined) return result;
    return { ...result, link: this.#store.linkOrCopy(content, tree, task.treeName) };
  }
}

/** A directory of the previous tree, opened on first use; it may no longer exist. */
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
