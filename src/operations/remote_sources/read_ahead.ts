/**
 * Small files of a server are fetched before it is their turn: one after the other, most of the time would be spent
 * waiting for answers.
 */
import { readRemote, type RemoteEntry, type RemoteTree } from "../../backend/remote_tree.ts";

/** Entries that are looked at before it is their turn. */
const MOST_AHEAD = 16;
/** A larger file is read in its turn: it keeps the connection busy by itself, and must not be in memory as a whole. */
const MOST_BYTES = 1024 * 1024;

/** A file as it was fetched. */
export interface FetchedFile {
  readonly details: Readonly<Record<string, string>>;
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
}

/** Yields what `source` does, in its order, after taking some more from it. */
export async function* takenAhead<T>(source: AsyncIterable<T>, most = MOST_AHEAD): AsyncGenerator<T> {
  const taken: T[] = [];
  for await (const each of source) {
    taken.push(each);
    if (taken.length > most) yield taken.shift()!;
  }
  yield* taken;
}

/** Fetches files in the background until it is disposed. */
export class ReadAhead implements AsyncDisposable {
  readonly #tree: RemoteTree;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<unknown>>();

  constructor(tree: RemoteTree, signal: AbortSignal) {
    this.#tree = tree;
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Ends what is still in progress. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  /** Begins to fetch a file; undefined if it is too large for that. */
  begin(path: string, entry: RemoteEntry): Promise<FetchedFile> | undefined {
    if (entry.size > MOST_BYTES) return undefined;
    const fetched = this.#fetch(path, entry);
    // A failure is met by whoever awaits it in its turn.
    const running = fetched.then(() => {}, () => {}).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return fetched;
  }

  async #fetch(path: string, entry: RemoteEntry): Promise<FetchedFile> {
    const details = await this.#tree.details(path, entry, this.#signal);
    return { details, chunks: await Array.fromAsync(readRemote(this.#tree, path, entry, this.#signal)) };
  }
}
