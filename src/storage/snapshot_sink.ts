/**
 * Writes a new snapshot of a storage: files go to the threads, hunks to `content/`, and finally the root makes it
 * exist.
 */
import { RatioSampler } from "../catalog/compression_ratios.ts";
import type { Apath } from "../core/apath.ts";
import type { ContentId, RootId } from "../core/content_id.ts";
import type { ItemSet } from "../core/item_set.ts";
import type { Monitor, Phase } from "../core/monitor.ts";
import { rawOf } from "../core/raw.ts";
import type { BatchCost } from "../core/work.ts";
import type { Dir } from "../platform/disk.ts";
import type { Ratios } from "../snapshot/catalog_queries.ts";
import type { HunkRef } from "../snapshot/hunk.ts";
import type { IngestBatch, IngestResult, StoreBatch, StoreResult } from "../snapshot/ingest_batch.ts";
import type { VerifiedItem } from "../snapshot/repository.ts";
import { nextSequence, type Root } from "../snapshot/root.ts";
import { type RootFields, rootOf } from "../snapshot/root_fields.ts";
import type { SinkRequest, SnapshotSink, StreamFacts, StreamResult } from "../snapshot/snapshot_sink.ts";
import type { ContentStore } from "./content/content_store.ts";
import type { ItemListing } from "./content/item_listing.ts";
import type { ManifestStore } from "./content/manifest_store.ts";
import { Incoming } from "./content/stream_ingest.ts";
import type { Settings } from "./layout/settings.ts";
import type { StoragePool } from "./threads/batch_executor.ts";
import { PoolIngest } from "./threads/pool_ingest.ts";
import { type NewTree, newTree, type StorageForTree } from "./tree/new_tree.ts";

const TMP = rawOf("tmp");
/** Approximate number of bytes that the file system itself writes for one item. */
const ITEM_BYTES = 4096;

/** What a sink needs of the storage. */
export interface SinkStorage extends StorageForTree {
  readonly dir: Dir;
  readonly settings: Settings;
  readonly manifests: ManifestStore;
  readonly listing: ItemListing;
  damaged(): readonly ContentId[];
  contents(): ContentStore;
  pool(workers: number, signal: AbortSignal): StoragePool;
}

interface Phased {
  readonly phase: (phase: Phase) => void;
}

/** What a sink needs of the writer that made it. */
export interface SinkWriter {
  stored(bytes: number): void;
  keepDiskBusy(signal: AbortSignal): Promise<void>;
  checkpoint(root: Root, previous: RootId | undefined, phased: Phased): Promise<RootId>;
  commit(root: Root, checkpoint: RootId | undefined, phased: Phased): Promise<RootId>;
  forget(ids: readonly RootId[]): unknown;
  recordVerified(items: Iterable<VerifiedItem>, atMs: number): void;
  recordCompression(learnt: Ratios): void;
}

export class StorageSink implements SnapshotSink {
  readonly tree: NewTree | undefined;
  readonly damaged: ReadonlySet<string>;
  readonly #storage: SinkStorage;
  readonly #writer: SinkWriter;
  readonly #request: SinkRequest;
  readonly #monitor: Monitor;
  readonly #pool: StoragePool;
  readonly #threads: PoolIngest;
  readonly #sampler = new RatioSampler();
  /** Contents that were damaged, and that this run has stored again or found intact. */
  readonly #mended = new Set<string>();
  #present: ItemSet | undefined;
  #checkpoint: RootId | undefined;
  #sequence: number;

  constructor(storage: SinkStorage, writer: SinkWriter, request: SinkRequest, monitor: Monitor) {
    this.#storage = storage;
    this.#writer = writer;
    this.#request = request;
    this.#monitor = monitor;
    this.#sequence = nextSequence(storage.snapshots().at(-1)?.sequence ?? 0);
    this.tree = request.tree ? newTree(storage, request, monitor) : undefined;
    this.damaged = new Set(storage.damaged());
    this.#pool = storage.pool(request.workers, request.signal);
    this.#threads = new PoolIngest(this.#pool, monitor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
    this.tree?.[Symbol.dispose]();
  }

  get width(): number {
    return this.#pool.width;
  }

  get bytes(): number {
    return this.#pool.bytes;
  }

  async ingest(batch: IngestBatch, cost: BatchCost): Promise<IngestResult> {
    const result = await this.#threads.ingest(batch, cost);
    for (const [i, stored] of batch.stores.entries()) this.#note(stored, result.stores[i] ?? []);
    for (const { taken } of result.links) this.tree?.noteTaken(taken);
    return result;
  }

  #note({ files }: StoreBatch, results: readonly StoreResult[]): void {
    for (const [i, { content, how, bytes, link }] of results.entries()) {
      if (link === "taken") this.tree?.noteTaken(1);
      if (content === undefined) continue;
      if (this.damaged.has(content)) this.#mended.add(content);
      if (how !== "new") continue;
      const name = files[i]?.name;
      if (name !== undefined) this.#sampler.add(name, content);
      this.#writer.stored(bytes + ITEM_BYTES);
    }
  }

  /** As no link is made, only a listing shows whether the content exists. */
  relyOn(content: ContentId): boolean {
    return (this.#present ??= this.#storage.listing.present()).has(content);
  }

  keepUp(): Promise<void> {
    return this.#writer.keepDiskBusy(this.#request.signal);
  }

  async ingestStream(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>, facts: StreamFacts): Promise<StreamResult> {
    const { dir, settings } = this.#storage;
    using contents = this.#storage.contents();
    using temp = dir.openDir(TMP);
    using incoming = new Incoming(contents, temp, settings.algorithm);
    for await (const chunk of chunks) incoming.write(chunk);
    const { id, size, isNew, newBytes } = incoming.finish({ ...facts, hasAcl: false, expected: undefined });
    return { content: id, size, isNew, bytes: newBytes };
  }

  addHunk(first: Apath, lines: readonly string[]): { readonly ref: HunkRef; readonly newBytes: number } {
    return this.#storage.manifests.writeHunk(first, lines);
  }

  /** Does nothing: a hunk stays for as long as any root lists it. */
  keepHunk(_: HunkRef): void {}

  async checkpoint(fields: RootFields, hunks: readonly HunkRef[]): Promise<void> {
    const { signal } = this.#request;
    using _ = signal.aborted ? this.#tellingOfWait("what is done is kept for the next run") : undefined;
    const root = this.#root(fields, hunks, false);
    this.#checkpoint = await this.#writer.checkpoint(root, this.#checkpoint, this.#phased);
    this.#sequence = nextSequence(this.#sequence);
  }

  async commit(fields: RootFields, hunks: readonly HunkRef[]): Promise<RootId> {
    // The memory of the threads is better used by what follows.
    await this.#pool[Symbol.asyncDispose]();
    const id = await this.#makeSnapshot(this.#root(fields, hunks, true));
    this.#forgetPartials();
    this.#recordMended();
    this.#recordCompression();
    if (this.tree !== undefined) {
      this.#monitor.phase("finishing the tree");
      this.tree.publish();
    }
    return id;
  }

  /**
   * Commits the snapshot. Everything has been read by now, so a request to stop costs a wait for the disk, not the
   * snapshot.
   */
  async #makeSnapshot(root: Root): Promise<RootId> {
    using _ = this.#tellingOfWait("the snapshot is made as soon as it has");
    // Before the sync that makes all of it durable.
    this.tree?.close(this.#monitor);
    const id = await this.#writer.commit(root, this.#checkpoint, this.#phased);
    if (this.#request.signal.aborted) {
      this.#monitor.notice("Everything had been read: the snapshot was made all the same");
    }
    return id;
  }

  /** Removes the partial snapshots that this one was built on: it contains what they had. */
  #forgetPartials(): void {
    const partials = this.#request.previous.filter(({ complete }) => !complete);
    if (partials.length > 0) this.#writer.forget(partials.map(({ id }) => id));
  }

  /** Records repaired contents as intact, so that the next run needn't read these files again. */
  #recordMended(): void {
    if (this.#mended.size === 0) return;
    const items = [...this.#mended].map((id) => ({ id, state: "ok" as const }));
    this.#writer.recordVerified(items, this.#storage.machine.clock.nowMs());
  }

  #recordCompression(): void {
    using contents = this.#storage.contents();
    const learnt = this.#sampler.measure((id) => contents.open(id));
    if (learnt !== undefined) this.#writer.recordCompression(learnt);
  }

  #root(fields: RootFields, hunks: readonly HunkRef[], complete: boolean): Root {
    const { id, algorithm, hexSplit } = this.#storage.settings, { isPrivate, previous } = this.#request;
    return rootOf(fields, {
      storage: { id, algorithm, hexSplit },
      sequence: this.#sequence,
      previous: previous[0]?.id ?? null,
      tree: complete ? this.tree?.name ?? null : null,
      private: isPrivate,
      complete,
      hunks: [...hunks],
    });
  }

  get #phased(): Phased {
    return { phase: (phase) => this.#monitor.phase(phase) };
  }

  /** Until disposed, reports what is being waited for if a stop is requested, or was, while the disk writes. */
  #tellingOfWait(then: string): Disposable {
    const { signal } = this.#request;
    const tell = () => this.#monitor.notice(`Waiting for the disk to finish writing what it was given; ${then}`);
    if (signal.aborted) tell();
    signal.addEventListener("abort", tell);
    return { [Symbol.dispose]: () => signal.removeEventListener("abort", tell) };
  }
}
