/** What one thread can do with a storage: the same code in the main thread and in workers. */
import type { Raw } from "../core/raw.ts";
import type { Dir, Disk } from "../platform/disk.ts";
import type { ThrottleTable } from "../platform/throttle.ts";
import { CatalogFault } from "./catalog/database.ts";
import { CatalogFile } from "./catalog_file.ts";
import { Claims } from "./claims.ts";
import { ContentStore } from "./content.ts";
import { contentsOf } from "./contents_of.ts";
import { examineHunk, type ExamineResult } from "./examine.ts";
import { Extract, type ExtractBatch, type ExtractResult } from "./extract.ts";
import type { HunkRef } from "./hunk.ts";
import { Ingest, type IngestBatch, type IngestResult } from "./ingest.ts";
import { collectGarbage } from "./garbage.ts";
import { fingerprints } from "./item_set.ts";
import { Objects } from "./objects.ts";
import type { Settings } from "./settings.ts";
import { SizeTable } from "./size_table.ts";
import { Meter } from "./meter.ts";
import { type Steps, Stop } from "./stop.ts";
import { Verify, type VerifyBatch, type VerifyResult } from "./verify.ts";

/** Everything a thread needs to know; plain data, but for the shared table of claims. */
export interface EngineSetup {
  readonly storagePath: Raw;
  readonly settings: Settings;
  readonly claims: SharedArrayBuffer;
  readonly damaged: readonly string[];
  /** The catalog on the disk agrees with `content/`; of one that doesn't, nothing is believed. */
  readonly catalogVouches: boolean;
  /** Tells all threads to stop; see {@link Stop}. */
  readonly stop: SharedArrayBuffer;
  /** Where the threads tell what they have gone through; see {@link Meter}. */
  readonly meter: SharedArrayBuffer;
  /** Holds back what is read. */
  readonly throttle?: ThrottleTable;
  /** Where a check collects the sizes of items. */
  readonly sizes?: SharedArrayBuffer;
}

/** The kinds of batches, with their answers. */
export interface Batches {
  readonly store: { readonly batch: IngestBatch; readonly results: IngestResult };
  readonly extract: { readonly batch: ExtractBatch; readonly results: ExtractResult[] };
  readonly verify: { readonly batch: VerifyBatch; readonly results: VerifyResult };
  readonly examine: { readonly batch: HunkRef; readonly results: ExamineResult };
  /** What a hunk refers to, for an {@link ItemSet}. */
  readonly contents: { readonly batch: HunkRef; readonly results: Int32Array<ArrayBuffer> };
}
export type BatchKind = keyof Batches;

/** Hunks that leave some 3 MB behind, in each thread. */
const HUNKS_PER_COLLECTION = 4;

export class Engine implements Disposable {
  readonly #held = new DisposableStack();
  readonly #setup: EngineSetup;
  readonly #ingest: Ingest;
  readonly #extract: Extract;
  readonly #verify: Verify;
  readonly #store: ContentStore;
  readonly #objects: Objects;
  readonly #sizes: SizeTable | undefined;
  readonly #storage: Dir;
  #examined = 0;
  #isVouchedFor: ((id: string) => boolean) | undefined;

  /** @param thread distinguishes the threads of a run; 0 is the main one */
  constructor(disk: Disk, setup: EngineSetup, thread: number) {
    this.#setup = setup;
    const storage = this.#storage = this.#held.use(disk.openDir(setup.storagePath));
    const stop = new Stop(setup.stop), meter = new Meter(setup.meter, thread);
    const store = this.#held.use(
      new ContentStore({
        storage,
        settings: setup.settings,
        uid: disk.uid,
        gid: disk.gid,
        claims: new Claims(setup.claims),
        isVouchedFor: (id) => (this.#isVouchedFor ??= this.#openVouching())(id),
        damaged: new Set(setup.damaged),
        tempPrefix: `t${thread}-`,
        stop,
        meter,
      }),
    );
    this.#store = store;
    this.#sizes = setup.sizes && new SizeTable(setup.sizes);
    this.#objects = this.#held.use(new Objects(storage, setup.settings));
    this.#ingest = this.#held.use(new Ingest(disk, { storage, store, stop, meter }));
    this.#extract = this.#held.use(new Extract(disk, { settings: setup.settings, store, stop, meter }));
    this.#verify = this.#held.use(new Verify(storage, { settings: setup.settings, sizes: this.#sizes, stop, meter }));
  }

  /** Everything is closed once they have been gone through, or one of them has failed. */
  *run<K extends BatchKind>(kind: K, batch: Batches[K]["batch"]): Steps<Batches[K]["results"]> {
    switch (kind) {
      case "store":
        return yield* this.#ingest.run(batch as IngestBatch);
      case "extract":
        return yield* this.#extract.run(batch as ExtractBatch);
      case "verify":
        return yield* this.#verify.run(batch as VerifyBatch);
      case "examine":
        if (++this.#examined % HUNKS_PER_COLLECTION === 0) collectGarbage();
        return examineHunk(batch as HunkRef, this.#objects, (id, size) => {
          return this.#sizes?.has(id, size) === true ? size : this.#store.sizeOf(id);
        });
      case "contents":
        return fingerprints(contentsOf(this.#objects.read((batch as HunkRef).id), batch as HunkRef));
      default:
        throw new Error(`Unknown batch ${kind}`);
    }
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }

  /** The catalog is asked only when something lies there already; a catalog that can't be used vouches for nothing. */
  #openVouching(): (id: string) => boolean {
    if (!this.#setup.catalogVouches) return () => false;
    const file = this.#held.use(new CatalogFile(this.#storage, this.#setup.settings.id));
    const catalog = file.open("read");
    if ("stale" in catalog) return () => false;
    this.#held.use(catalog);
    return (id) => {
      try {
        return catalog.isTrusted(id as Parameters<typeof catalog.isTrusted>[0]);
      } catch (error) {
        if (!(error instanceof CatalogFault)) throw error;
        return false;
      }
    };
  }
}
