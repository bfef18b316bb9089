/**
 * Gathers files into batches for an engine's threads. A batch may hold many files of several directories, but never so
 * many that one thread is left with all the work.
 */
import type { Apath } from "../core/apath.ts";
import type { ContentId } from "../core/content_id.ts";
import type { Raw } from "../core/raw.ts";
import type { BatchCost } from "../core/work.ts";
import type { IngestBatch, IngestResult, StoreBatch, StoreResult, StoreTask } from "./ingest_batch.ts";

/** Costs of one file: linking takes a fraction of the time of reading. */
const LINK_COST = 1;
const STORE_COST = 4;
/** Number of links that take a thread as long as one item. */
const LINKS_OF_ONE_ITEM = 8;
/** Cost of a full batch: enough to outweigh sending the message. */
const FULL_COST = 512;
/** Bytes of a full batch: large files are spread over the threads, and the disk isn't left too far behind. */
const FULL_BYTES = 4 * 1024 * 1024;

/** A directory whose files go into a batch. */
export interface BatchDirectory {
  readonly rootPath: Raw;
  /** The directory, relative to `rootPath`. */
  readonly relative: Raw;
  /** The same directory in the snapshot. */
  readonly apath: Apath;
  /** Directory of the tree being built; undefined if there is no tree. */
  readonly tree: Raw | undefined;
  /** The same directory in the previous tree. */
  readonly before?: Raw | undefined;
}

/** Results of the files, for the callers that wait for them. `T` is how a caller identifies a file. */
export interface SettledBatch<T> {
  readonly stored: readonly { readonly file: T; readonly result: StoreResult }[];
  /** Unchanged files whose contents exist, and that are in the tree. */
  readonly kept: readonly T[];
  readonly linkedFiles: number;
  readonly copiedFiles: number;
  /** Number of files that are not in the tree, because their names are in use there. */
  readonly takenNames: number;
  /** Unchanged files whose contents no longer exist. */
  readonly missing: readonly T[];
}

/** Carries out batches. */
export interface BatchTaker {
  /** Number of batches that may usefully be in progress at once. */
  readonly width: number;
  ingest(batch: IngestBatch, cost: BatchCost): Promise<IngestResult>;
}

interface Stores<T> {
  readonly batch: StoreBatch & { readonly files: StoreTask[] };
  readonly files: T[];
}

interface Links<T> {
  readonly tree: Raw;
  readonly before: Raw | undefined;
  readonly names: Raw[];
  readonly contents: ContentId[];
  readonly files: T[];
}

/** Takes files until it is full or sent; then its results can be awaited. */
export class WorkBatch<T> {
  readonly #stores: Stores<T>[] = [];
  readonly #links: Links<T>[] = [];
  #cost = 0;
  #bytes = 0;
  #items = 0;
  #results: Promise<SettledBatch<T>> | undefined;
  #isDone = false;

  get isFull(): boolean {
    return this.#cost >= FULL_COST || this.#bytes >= FULL_BYTES;
  }

  get isSent(): boolean {
    return this.#results !== undefined;
  }

  /** True once the results are available without waiting. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Adds a file that has to be read. */
  store(directory: BatchDirectory, task: StoreTask, file: T): void {
    let last = this.#stores.at(-1);
    if (last?.batch.relative !== directory.relative || last.batch.rootPath !== directory.rootPath) {
      const { rootPath, relative, apath, tree } = directory;
      this.#stores.push(last = { batch: { rootPath, relative, apath, tree, files: [] }, files: [] });
    }
    last.batch.files.push(task);
    last.files.push(file);
    this.#count(STORE_COST, 1, task.size);
  }

  /** Adds an unchanged file that has to appear in a tree. */
  link({ tree, before }: Pick<Links<T>, "tree" | "before">, name: Raw, content: ContentId, file: T): void {
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

  send(taker: BatchTaker): void {
    this.#results = this.#run(taker);
    const done = () => void (this.#isDone = true);
    this.#results.then(done, done); // awaited in order later; until then a failure is no unhandled one
  }

  /** Results of the files. To be called only after `send`. */
  results(): Promise<SettledBatch<T>> {
    if (this.#results === undefined) throw new Error("The batch has not been sent");
    return this.#results;
  }

  async #run(taker: BatchTaker): Promise<SettledBatch<T>> {
    const links = this.#links.map(({ tree, before, names, contents }) => {
      return { tree, before, names: names.join("/"), contents: contents.join(" ") };
    });
    const stores = this.#stores.map(({ batch }) => batch);
    const cost = { items: this.#items, bytes: this.#bytes };
    return this.#settled(await taker.ingest({ links, stores }, cost));
  }

  #settled({ stores, links }: IngestResult): SettledBatch<T> {
    const stored: { file: T; result: StoreResult }[] = [], kept: T[] = [], missing: T[] = [];
    let linkedFiles = 0, copiedFiles = 0, takenNames = 0;
    for (const [i, { files }] of this.#stores.entries()) {
      const results = answerTo(i, stores);
      for (const [j, file] of files.entries()) stored.push({ file, result: answerTo(j, results) });
    }
    for (const [i, { files }] of this.#links.entries()) {
      const result = answerTo(i, links);
      linkedFiles += result.linked;
      copiedFiles += result.copied;
      takenNames += result.taken;
      divide(files, result.missing, kept, missing);
    }
    return { stored, kept, linkedFiles, copiedFiles, takenNames, missing };
  }
}

/** The answer to one question. An engine answers in the order of the questions. */
function answerTo<A>(question: number, answers: readonly A[]): A {
  const answer = answers[question];
  if (answer === undefined) throw new Error(`The engine has given only ${answers.length} answers`);
  return answer;
}

/** Divides files into kept and missing ones. @param numbers indices of the missing files */
function divide<T>(files: readonly T[], numbers: readonly number[], kept: T[], missing: T[]): void {
  const gone = new Set(numbers);
  for (const [i, file] of files.entries()) (gone.has(i) ? missing : kept).push(file);
}
