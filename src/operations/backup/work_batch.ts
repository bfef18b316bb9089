/**
 * Work of a backup for the threads, gathered into parcels: many files of several directories in one message, but never
 * so many that one thread is left with all the work.
 */
import type { ContentId } from "../../core/content_id.ts";
import type { Raw } from "../../core/raw.ts";
import type { StoragePool } from "../../storage/threads/batch_executor.ts";
import type { LinkBatch, StoreBatch, StoreResult, StoreTask } from "../../snapshot/ingest_batch.ts";

/** Files that are linked cost a fraction of those that are read. */
const LINK_COST = 1;
const STORE_COST = 4;
/** The same for whoever carries it out. */
const LINKS_OF_ONE_ITEM = 8;
/** Enough to outweigh the message. */
const FULL_COST = 512;
/** Bytes in one parcel: large files are spread over the threads, and the disk isn't left too far behind. */
const FULL_BYTES = 4 * 1024 * 1024;

/** A directory whose files go into a parcel. */
export interface BatchDirectory {
  readonly rootPath: Raw;
  /** Below `rootPath`. */
  readonly relative: Raw;
  /** Directory of the tree being built; undefined: none is. */
  readonly tree: Raw | undefined;
  /** The same directory in the tree before. */
  readonly before?: Raw | undefined;
}

/** What became of the files, for those who wait for them. `T` is whatever the caller knows a file by. */
export interface Settled<T> {
  readonly stored: readonly { readonly file: T; readonly result: StoreResult }[];
  readonly linked: readonly T[];
  readonly linkedFiles: number;
  readonly copiedFiles: number;
  /** They are not in the tree: their names are taken there. */
  readonly takenNames: number;
  /** Their contents are not in the storage any more. */
  readonly missing: readonly T[];
  /** Where that is now which had the places of items and was none: paths in the storage. */
  readonly aside: readonly string[];
}

/** Takes up files until it is full or sent; then its results can be awaited. */
export class WorkBatch<T> {
  readonly #stores: { batch: StoreBatch & { files: StoreTask[] }; files: T[] }[] = [];
  readonly #links: { tree: Raw; before: Raw | undefined; names: Raw[]; contents: ContentId[]; files: T[] }[] = [];
  #cost = 0;
  #bytes = 0;
  #items = 0;
  #results: Promise<Settled<T>> | undefined;
  #isDone = false;

  get isFull(): boolean {
    return this.#cost >= FULL_COST || this.#bytes >= FULL_BYTES;
  }

  get isSent(): boolean {
    return this.#results !== undefined;
  }

  /** The results needn't be waited for. */
  get isDone(): boolean {
    return this.#isDone;
  }

  store(directory: BatchDirectory, task: StoreTask, file: T): void {
    let last = this.#stores.at(-1);
    if (last?.batch.relative !== directory.relative || last.batch.rootPath !== directory.rootPath) {
      const { rootPath, relative, tree } = directory;
      this.#stores.push(last = { batch: { rootPath, relative, tree, files: [] }, files: [] });
    }
    last.batch.files.push(task);
    last.files.push(file);
    this.#count(STORE_COST, 1, task.size);
  }

  link({ tree, before }: { tree: Raw; before: Raw | undefined }, name: Raw, content: ContentId, file: T): void {
    let last = this.#links.at(-1);
    if (last === undefined || last.tree !== tree) {
      this.#links.push(last = { tree, before, names: [], contents: [], files: [] });
    }
    last.names.push(name);
    last.contents.push(content);
    last.files.push(file);
    this.#count(LINK_COST, 1 / LINKS_OF_ONE_ITEM, 0);
  }

  #count(cost: number, items: number, bytes: number): void {
    this.#cost += cost;
    this.#bytes += bytes;
    this.#items += items;
  }

  send(pool: StoragePool): void {
    this.#results = this.#run(pool);
    const done = () => void (this.#isDone = true);
    this.#results.then(done, done); // awaited in order later; until then a failure is no unhandled one
  }

  /** Only after `send`. */
  results(): Promise<Settled<T>> {
    if (this.#results === undefined) throw new Error("The parcel has not been sent");
    return this.#results;
  }

  async #run(pool: StoragePool): Promise<Settled<T>> {
    const links: LinkBatch[] = this.#links.map(({ tree, before, names, contents }) => {
      return { tree, before, names: names.join("/"), contents: contents.join(" ") };
    });
    const stores = this.#stores.map(({ batch }) => batch);
    const answer = await pool.run("store", { links, stores }, { items: this.#items, bytes: this.#bytes });
    const stored = this.#stores.flatMap(({ files }, i) => {
      return files.map((file, j) => ({ file, result: answer.stores[i]![j]! }));
    });
    let linkedFiles = 0, copiedFiles = 0, takenNames = 0;
    const linked: T[] = [], missing: T[] = [];
    for (const [i, { files }] of this.#links.entries()) {
      const result = answer.links[i]!;
      linkedFiles += result.linked;
      copiedFiles += result.copied;
      takenNames += result.taken;
      const gone = new Set(result.missing);
      for (const [j, file] of files.entries()) (gone.has(j) ? missing : linked).push(file);
    }
    return { stored, linked, linkedFiles, copiedFiles, takenNames, missing, aside: answer.aside };
  }
}
