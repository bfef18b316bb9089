/** Contents that come as streams of chunks: one thread has the stream, and any may pack it. */
import { waitFor, type WaitingSteps } from "../../core/steps.ts";

export type Chunks = AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;

/** Provides chunks of any size as pieces of requested sizes. */
export class Pieces {
  readonly #next: () => Promise<Uint8Array<ArrayBuffer> | undefined>;
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #isDone = false;

  /** @param next the next chunk, valid until it is called again; undefined at the end */
  constructor(next: () => Promise<Uint8Array<ArrayBuffer> | undefined>) {
    this.#next = next;
  }

  *read(into: Uint8Array<ArrayBuffer>): WaitingSteps<number> {
    while (this.#rest.length === 0 && !this.#isDone) {
      const chunk = yield* waitFor(this.#next());
      if (chunk === undefined) this.#isDone = true;
      else this.#rest = chunk;
    }
    const piece = this.#rest.subarray(0, into.length);
    into.set(piece);
    this.#rest = this.#rest.subarray(piece.length);
    return piece.length;
  }
}

/** A stream in the thread that has it. */
export class ChunkStream implements AsyncDisposable {
  readonly #next: () => Promise<IteratorResult<Uint8Array<ArrayBuffer>>>;
  readonly #return: () => Promise<unknown>;
  #isDone = false;

  constructor(chunks: Chunks) {
    const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
    this.#next = async () => await iterator.next();
    this.#return = async () => await iterator.return?.();
  }

  /** The next chunk, valid until this is called again; undefined at the end. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { done, value } = await this.#next();
    if (done !== true) return value;
    this.#isDone = true;
    return undefined;
  }

  /** Ends reading. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isDone) await this.#return();
  }
}

/** Gives out the chunks of streams by their numbers. */
export interface ChunkDesk {
  /** The next chunk of a stream, which is given away; undefined at the end. */
  chunkOf(stream: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** The streams that threads are packing. */
export class OpenStreams implements ChunkDesk {
  readonly #open = new Map<number, ChunkStream>();
  #count = 0;

  /** Runs `pack` with the number of a stream, which is closed afterwards. @param chunks are given away */
  async with<T>(chunks: Chunks, pack: (stream: number) => Promise<T>): Promise<T> {
    await using stream = new ChunkStream(chunks);
    const number = this.#count++;
    this.#open.set(number, stream);
    try {
      return await pack(number);
    } finally {
      this.#open.delete(number);
    }
  }

  async chunkOf(stream: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const open = this.#open.get(stream);
    if (open === undefined) throw new Error("There is no such stream");
    return await open.next();
  }
}
