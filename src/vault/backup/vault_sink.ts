/**
 * Writes a new snapshot of a vault: threads read, pack and encrypt new data, the main thread stores units and packs
 * hunks, and finally the root makes the snapshot exist.
 */
import { hash } from "node:crypto";
import type { Apath } from "../../core/apath.ts";
import { type ContentId, hunkIdOf, type RootId } from "../../core/content_id.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { Raw } from "../../core/raw.ts";
import type { BatchCost } from "../../core/work.ts";
import type { Machine } from "../../platform/machine.ts";
import type { Ratios } from "../../snapshot/catalog_queries.ts";
import { encodeHunk, type HunkRef } from "../../snapshot/hunk.ts";
import type { IngestBatch, IngestResult, StoreBatch, StoreResult } from "../../snapshot/ingest_batch.ts";
import { nextSequence, type Root } from "../../snapshot/root.ts";
import { type RootFields, rootOf } from "../../snapshot/root_fields.ts";
import type { SinkRequest, SnapshotSink, StreamFacts, StreamResult } from "../../snapshot/snapshot_sink.ts";
import { snapshotDirectory } from "../pack/tar_names.ts";
import type { RootStore } from "../store/root_store.ts";
import { PackThreads } from "../write/pack_threads.ts";
import { PresentContents } from "../write/present_contents.ts";
import { RootMaker } from "../write/root_maker.ts";
import { removePartial } from "../write/roots.ts";
import type { RunStore } from "../write/run_store.ts";
import { LocalPacker } from "../write/local_packer.ts";
import { StoreAgain } from "./store_again.ts";

/** What is known of contents beyond the vault's own objects. */
export interface ContentNotes {
  damaged(): readonly ContentId[];
  ratios(): Ratios;
  /** Records damaged contents that are intact again, and compression ratios by file type. */
  record(mended: readonly ContentId[], learnt: Ratios): void;
}

export interface SinkParts {
  readonly store: RunStore;
  readonly roots: RootStore;
  readonly notes: ContentNotes;
  readonly machine: Machine;
}

/** What is known before the first file. */
interface Beginning {
  readonly damaged: readonly ContentId[];
  readonly ratios: Ratios;
  readonly sequence: number;
  readonly present: PresentContents;
}

export class VaultSink implements SnapshotSink {
  readonly damaged: ReadonlySet<string>;
  readonly tree = undefined;
  readonly #parts: SinkParts;
  readonly #request: SinkRequest;
  readonly #monitor: Monitor;
  readonly #threads: PackThreads;
  readonly #local: LocalPacker;
  /** Directory in which units show the files of the snapshot. */
  readonly #directory: Raw;
  readonly #present: PresentContents;
  readonly #maker: RootMaker;
  /** Contents that were damaged, and that this run has stored again. */
  readonly #mended = new Set<ContentId>();
  #checkpoint: RootId | undefined;
  #sequence: number;

  /** Begins a snapshot, based on the vault's present state. */
  static async begin(parts: SinkParts, request: SinkRequest, monitor: Monitor): Promise<VaultSink> {
    const { store, roots, notes } = parts, { id } = store.objects.access.config;
    await store.catchUp();
    const own = (await roots.lastHeads()).filter(({ root }) => root.storage.id === id);
    const last = own.reduce((most, { root }) => Math.max(most, root.sequence), 0);
    const damaged = notes.damaged();
    await store.distrust(damaged);
    return new VaultSink(parts, request, monitor, {
      damaged,
      ratios: notes.ratios(),
      present: await PresentContents.of(store),
      sequence: nextSequence(last),
    });
  }

  private constructor(parts: SinkParts, request: SinkRequest, monitor: Monitor, beginning: Beginning) {
    const { store, roots, machine } = parts, { series, host, startMs, workers, signal } = request;
    this.#parts = parts;
    this.#request = request;
    this.#monitor = monitor;
    this.damaged = new Set(beginning.damaged);
    this.#sequence = beginning.sequence;
    const directory = this.#directory = snapshotDirectory({ host, series, start: new Date(startMs).toISOString() });
    this.#threads = new PackThreads(store, { machine, ratios: beginning.ratios, workers, signal });
    this.#local = new LocalPacker(store, beginning.ratios);
    this.#present = beginning.present;
    const { placeOf } = request,
      again = new StoreAgain({ store, threads: this.#threads, local: this.#local, directory, placeOf });
    this.#maker = new RootMaker({
      store,
      roots,
      flush: () => this.#flush(),
      hunkOf: (id) => store.hunkAgain(id),
      storeAgain: (lost) => again.store(lost),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads[Symbol.asyncDispose]();
    this.#local[Symbol.dispose]();
  }

  get width(): number {
    return this.#threads.width;
  }

  get bytes(): number {
    return this.#threads.bytes;
  }

  relyOn(content: ContentId): boolean {
    return this.#present.has(content);
  }

  async ingest({ stores }: IngestBatch, cost: BatchCost): Promise<IngestResult> {
    const batches = stores.map((batch) => this.#withoutLost(batch)), directory = this.#directory;
    const results = await this.#threads.store({ directory, batches }, cost);
    if (this.damaged.size > 0) results.flat().forEach((result) => this.#noteMended(result));
    return { links: [], stores: results };
  }

  /** Treats static files whose expected content is missing from the vault like any others. */
  #withoutLost(batch: StoreBatch): StoreBatch {
    const { store } = this.#parts;
    if (!batch.files.some(({ guarded }) => guarded)) return batch;
    const files = batch.files.map((task) => {
      const isThere = task.content !== undefined && store.hasContent(task.content);
      return task.guarded && !isThere ? { ...task, guarded: false } : task;
    });
    return { ...batch, files };
  }

  #noteMended({ content, how }: StoreResult): void {
    if (content !== undefined && how !== "kept" && this.damaged.has(content)) this.#mended.add(content);
  }

  async keepUp(): Promise<void> {
    await this.#parts.store.keepUp();
  }

  async ingestStream(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>, facts: StreamFacts): Promise<StreamResult> {
    const directory = this.#directory;
    const { id, size, newBytes, isNew } = await this.#local.add(chunks, facts, { directory });
    return { content: id, size, isNew, bytes: newBytes };
  }

  addHunk(first: Apath, lines: readonly string[]): { readonly ref: HunkRef; readonly newBytes: number } {
    const bytes = encodeHunk(lines), id = hunkIdOf(hash("sha256", bytes)), isNew = this.#parts.store.addHunk(id, bytes);
    return { ref: { first, count: lines.length, id }, newBytes: isNew ? bytes.length : 0 };
  }

  /**
   * Does nothing: all hunks of a root are checked when it is made, and everything that they name if anything has gone.
   */
  keepHunk(_: HunkRef): void {}

  async #flush(): Promise<void> {
    await this.#threads.finish();
    await this.#local.finish();
    await this.#parts.store.flush();
  }

  async checkpoint(fields: RootFields, hunks: readonly HunkRef[]): Promise<void> {
    this.#monitor.phase("making it durable");
    const former = this.#checkpoint;
    this.#checkpoint = await this.#maker.make(this.#root(fields, hunks, false));
    this.#sequence = nextSequence(this.#sequence);
    if (former !== undefined) await removePartial(this.#parts.roots, [former]);
  }

  async commit(fields: RootFields, hunks: readonly HunkRef[]): Promise<RootId> {
    const { roots, notes } = this.#parts;
    this.#monitor.phase("making it durable");
    const id = await this.#maker.make(this.#root(fields, hunks, true));
    await removePartial(roots, await this.#partials());
    notes.record([...this.#mended], this.#threads.learnt);
    return id;
  }

  /** Roots of partial snapshots that the new one replaces: what they had is in it, or in an earlier one. */
  async #partials(): Promise<RootId[]> {
    const { id } = this.#parts.store.objects.access.config, { host, series, previous } = this.#request;
    const built = new Set(previous.map(({ id }) => id));
    const heads = await this.#parts.roots.lastHeads();
    return heads.filter(({ id: rootId, root, info }) => {
      if (root.complete || info.for !== undefined) return false;
      const isOurs = root.storage.id === id && root.host === host && root.name === series;
      return built.has(rootId) || (isOurs && root.sequence <= this.#sequence);
    }).map(({ id }) => id);
  }

  #root(fields: RootFields, hunks: readonly HunkRef[], complete: boolean): Root {
    const { isPrivate, previous } = this.#request, { id } = this.#parts.store.objects.access.config;
    return rootOf(fields, {
      storage: { id, algorithm: "sha256", hexSplit: [2] },
      sequence: this.#sequence,
      previous: previous[0]?.id ?? null,
      tree: null,
      private: isPrivate,
      complete,
      hunks: [...hunks],
    });
  }
}
