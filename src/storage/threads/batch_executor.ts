/** The work that one thread does for a storage: the same code runs in the main thread and in workers. */
import type { ContentId } from "../../core/content_id.ts";
import { CatalogFile } from "../../catalog/catalog_file.ts";
import { CatalogFault } from "../../catalog/faults.ts";
import { collectingEvery } from "../../core/garbage.ts";
import { fingerprints } from "../../core/item_set.ts";
import { baseName, parentPath, type Raw } from "../../core/raw.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import { Meter } from "../../platform/meter.ts";
import type { Steps } from "../../core/steps.ts";
import { tryToRemove } from "../../platform/remove_recursively.ts";
import { StopFlag } from "../../platform/stop_flag.ts";
import type { Executor, PoolSetup, ThreadPool } from "../../platform/thread_pool.ts";
import type { ThrottleTable } from "../../platform/throttle.ts";
import type { ExtractBatch, ExtractResult } from "../../snapshot/extract_batch.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { contentsOf } from "../../snapshot/hunk_contents.ts";
import { type VerifiedHunk, verifyHunk } from "../../snapshot/verify_hunk.ts";
import { ContentStore } from "../content/content_store.ts";
import { InFlightContents } from "../content/in_flight.ts";
import { ManifestStore } from "../content/manifest_store.ts";
import type { Settings } from "../layout/settings.ts";
import { Extract } from "./extract.ts";
import { type DiskBatch, type DiskResult, Ingest } from "./ingest.ts";
import { SizeTable } from "./size_table.ts";
import { Verify, type VerifyBatch, type VerifyResult } from "./verify.ts";

/** Everything that a thread needs to know; plain data, except for the shared tables. */
export interface ExecutorSetup extends PoolSetup {
  readonly storagePath: Raw;
  readonly settings: Settings;
  readonly claims: SharedArrayBuffer;
  readonly damaged: readonly string[];
  /** True if the catalog on disk agrees with `content/`; otherwise it is not trusted. */
  readonly catalogVouches: boolean;
  /** Limits the rate of reading. */
  readonly throttle?: ThrottleTable;
  /** Table in which a check collects the sizes of items. */
  readonly sizes?: SharedArrayBuffer;
}

/** The kinds of batches and their results. */
export interface Batches {
  readonly store: { readonly batch: DiskBatch; readonly results: DiskResult };
  readonly extract: { readonly batch: ExtractBatch; readonly results: ExtractResult[] };
  readonly verify: { readonly batch: VerifyBatch; readonly results: VerifyResult };
  readonly examine: { readonly batch: HunkRef; readonly results: VerifiedHunk };
  /** A directory, relative to the storage, that is removed as far as possible. The result says whether it is gone. */
  readonly remove: { readonly batch: Raw; readonly results: boolean };
  /** The contents that a hunk refers to, for an {@link ItemSet}. */
  readonly contents: { readonly batch: HunkRef; readonly results: Int32Array<ArrayBuffer> };
}
export type StoragePool = ThreadPool<Batches>;

/** The function for each kind of batch. */
type Table = { readonly [K in keyof Batches]: (batch: Batches[K]["batch"]) => Steps<Batches[K]["results"]> };

/** Number of hunks, at some 3 MB of garbage each, after which a thread collects. */
const HUNKS_PER_COLLECTION = 16;

export class BatchExecutor implements Executor<Batches> {
  readonly #held = new DisposableStack();
  readonly #setup: ExecutorSetup;
  readonly #store: ContentStore;
  readonly #objects: ManifestStore;
  readonly #sizes: SizeTable | undefined;
  readonly #storage: Dir;
  readonly #stop: StopFlag;
  readonly #collect = collectingEvery(HUNKS_PER_COLLECTION);
  readonly #table: Table;
  #isTrusted: ((id: ContentId) => boolean) | undefined;

  /** @param thread distinguishes the threads of a run; 0 is the main thread */
  constructor(disk: Disk, setup: ExecutorSetup, thread: number) {
    this.#setup = setup;
    const storage = this.#storage = this.#held.use(disk.openDir(setup.storagePath));
    const stop = this.#stop = new StopFlag(setup.stop), meter = new Meter(setup.meter, thread);
    const store = this.#held.use(
      new ContentStore({
        storage,
        settings: setup.settings,
        uid: disk.uid,
        gid: disk.gid,
        claims: new InFlightContents(setup.claims),
        isTrusted: (id) => (this.#isTrusted ??= this.#openTrust())(id),
        damaged: new Set(setup.damaged),
        tempPrefix: `t${thread}-`,
        stop,
        meter,
      }),
    );
    this.#store = store;
    this.#sizes = setup.sizes && new SizeTable(setup.sizes);
    this.#objects = this.#held.use(new ManifestStore(storage, setup.settings));
    const ingest = this.#held.use(new Ingest(disk, { storage, store, stop, meter }));
    const extract = this.#held.use(new Extract(disk, { settings: setup.settings, store, stop, meter }));
    const verify = this.#held.use(new Verify(storage, { settings: setup.settings, sizes: this.#sizes, stop, meter }));
    this.#table = {
      store: (batch) => ingest.run(batch),
      extract: (batch) => extract.run(batch),
      verify: (batch) => verify.run(batch),
      examine: (hunk) => this.#examine(hunk),
      contents: (hunk) => this.#contents(hunk),
      remove: (path) => this.#remove(path),
    };
  }

  run<K extends keyof Batches>(kind: K, batch: Batches[K]["batch"]): Steps<Batches[K]["results"]> {
    return this.#table[kind](batch);
  }

  // deno-lint-ignore require-yield -- one step
  *#examine(hunk: HunkRef): Steps<VerifiedHunk> {
    this.#collect();
    return verifyHunk(hunk, this.#objects.read(hunk.id), (id, size) => {
      return this.#sizes?.has(id, size) === true ? size : this.#store.sizeOf(id);
    });
  }

  // deno-lint-ignore require-yield -- one step
  *#contents(hunk: HunkRef): Steps<Int32Array<ArrayBuffer>> {
    return fingerprints(contentsOf(this.#objects.read(hunk.id), hunk));
  }

  // deno-lint-ignore require-yield -- one step
  *#remove(path: Raw): Steps<boolean> {
    this.#stop.check();
    using parent = this.#storage.openPath(parentPath(path));
    return tryToRemove(parent, baseName(path)) === undefined;
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  /**
   * Whether snapshots vouch for a content. The catalog is opened only once an item exists already; an unusable one
   * vouches for nothing.
   */
  #openTrust(): (id: ContentId) => boolean {
    if (!this.#setup.catalogVouches) return () => false;
    const file = this.#held.use(new CatalogFile(this.#storage, this.#setup.settings.id));
    const catalog = file.open("read", true); // the main thread has examined it
    if ("stale" in catalog) return () => false;
    this.#held.use(catalog);
    return (id) => {
      try {
        return catalog.isTrusted(id);
      } catch (error) {
        if (!(error instanceof CatalogFault)) throw error;
        return false;
      }
    };
  }
}
