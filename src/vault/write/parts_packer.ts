/**
 * Packs large contents of another vault: threads get their parts as they are. Parts that are there needn't be sent, and
 * the lists of a content are kept unchanged.
 */
import type { ContentId } from "../../core/content_id.ts";
import { newHasher } from "../../core/digest.ts";
import { inTurn } from "../../core/steps.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { ContentParts } from "../../snapshot/snapshot_sink.ts";
import { WRONG_TOGETHER } from "../store/contents.ts";
import type { Candidate, ContentFacts } from "./content_packer.ts";
import type { PackThreads } from "./pack_threads.ts";
import type { RunStore } from "./run_store.ts";
import type { Turn } from "./turn.ts";

/** Bytes of parts that are given to a thread at once: they become neighbours. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** Batches of one content that are being packed at once. */
const BATCHES_AT_ONCE = 3;

export interface PartsDesk {
  readonly store: Pick<RunStore, "has">;
  readonly threads: Pick<PackThreads, "contents" | "lists">;
  /** Is taken while parts are read. */
  readonly reading: Turn;
}

/** A content that is sent in parts. */
interface SentContent extends Pick<ContentParts, "read"> {
  readonly content: ContentId;
  readonly facts: ContentFacts;
}

interface Batch {
  readonly parts: { readonly id: string; readonly size: number; readonly from: number }[];
  bytes: number;
  readonly packed: PromiseWithResolvers<void>;
}

export class PartsPacker {
  readonly #desk: PartsDesk;
  /** Parts of all contents that are read or packed just now. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(desk: PartsDesk) {
    this.#desk = desk;
  }

  /** @throws DamagedContent if all parts were sent and don't form the content */
  async add({ parts, read, top, inner }: ContentParts, content: ContentId, facts: ContentFacts): Promise<void> {
    const { store, threads } = this.#desk, sending = new Sending(this.#desk, this.#underWay, { read, content, facts });
    const others = new Set<Promise<void>>();
    let from = 0, isAll = true;
    try {
      for await (const some of parts()) {
        for (const { id, size } of some) {
          const earlier = this.#underWay.get(id), isNew = earlier === undefined && !store.has(id, "data");
          if (earlier !== undefined) others.add(earlier);
          if (isNew) await sending.add({ id, size, from });
          else isAll = false;
          from += size;
        }
      }
    } finally {
      await sending.end();
    }
    await Promise.all(others);
    if (isAll && sending.digest() !== content) throw new DamagedContent(content, WRONG_TOGETHER);
    await threads.lists({ top, inner, content, size: from }, facts.name);
  }
}

/** The parts of one content on their way to threads. */
class Sending {
  readonly #desk: PartsDesk;
  readonly #underWay: Map<string, Promise<void>>;
  readonly #what: SentContent;
  readonly #hasher = newHasher("sha256");
  readonly #packing = new Set<Promise<void>>();
  #batch = newBatch();
  #failure: { readonly error: unknown } | undefined;

  constructor(desk: PartsDesk, underWay: Map<string, Promise<void>>, what: SentContent) {
    this.#desk = desk;
    this.#underWay = underWay;
    this.#what = what;
  }

  /** @throws the failure of an earlier one */
  async add(part: Batch["parts"][number]): Promise<void> {
    this.#batch.parts.push(part);
    this.#batch.bytes += part.size;
    this.#underWay.set(part.id, this.#batch.packed.promise);
    if (this.#batch.bytes < BATCH_BYTES) return;
    const batch = this.#batch;
    this.#batch = newBatch();
    while (this.#packing.size >= BATCHES_AT_ONCE) await Promise.race(this.#packing);
    await this.#send(batch);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Sends the rest, and waits until everything is packed. @throws the failure of any */
  async end(): Promise<void> {
    await this.#send(this.#batch);
    await Promise.all(this.#packing);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Reads a batch, and begins to pack it. */
  async #send(batch: Batch): Promise<void> {
    const memory = new Uint8Array(batch.bytes);
    let packed: Promise<unknown>;
    try {
      if (this.#failure !== undefined) throw this.#failure.error;
      packed = this.#desk.threads.contents(await this.#read(batch, memory), memory.buffer);
    } catch (error) {
      packed = Promise.reject(error);
    }
    const done = packed.then(() => this.#settle(batch), (error: unknown) => this.#settle(batch, { error }))
      .finally(() => this.#packing.delete(done));
    this.#packing.add(done);
  }

  async #read({ parts }: Batch, memory: Uint8Array<ArrayBuffer>): Promise<readonly Candidate[]> {
    using _ = await inTurn(this.#desk.reading.take());
    const { read, content, facts } = this.#what, candidates: Candidate[] = [];
    let used = 0;
    for (const { id, size, from } of parts) {
      const part = await read(id), bytes = memory.subarray(used, used += size);
      if (part.length !== size) throw new DamagedContent(content, WRONG_TOGETHER);
      bytes.set(part);
      this.#hasher.update(bytes);
      candidates.push({ id, bytes, from, of: content, ...facts });
    }
    return candidates;
  }

  #settle({ parts, packed }: Batch, failure?: { readonly error: unknown }): void {
    for (const { id } of parts) this.#underWay.delete(id);
    packed.promise.catch(() => {}); // perhaps nobody waits for it
    if (failure === undefined) return packed.resolve();
    this.#failure ??= failure;
    packed.reject(failure.error);
  }

  /** Digest of all parts that were sent, in order. */
  digest(): string {
    return this.#hasher.hex();
  }
}

function newBatch(): Batch {
  return { parts: [], bytes: 0, packed: Promise.withResolvers() };
}
