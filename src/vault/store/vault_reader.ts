/** Contents of a vault for those who read many. */
import type { ContentId } from "../../core/content_id.ts";
import { Fault, Interrupted } from "../../core/fault.ts";
import { toFaultData } from "../../core/fault_data.ts";
import type { Steps } from "../../core/steps.ts";
import type { BatchCost } from "../../core/work.ts";
import { Descents } from "../../platform/descent.ts";
import type { Disk } from "../../platform/disk.ts";
import { Meter } from "../../platform/meter.ts";
import { StopFlag } from "../../platform/stop_flag.ts";
import type { ExtractBatch, ExtractResult, ExtractTask } from "../../snapshot/extract_batch.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import { NO_LOSSES } from "../../target/attributes.ts";
import { type ContentSource, FileWriter, isFatal } from "../../target/file_writer.ts";
import type { VaultContents } from "./contents.ts";

/** Read from a content at once. */
const CHUNK_BYTES = 256 * 1024;
/** What a file writer may ask for between two steps. */
const AHEAD_BYTES = 2 * CHUNK_BYTES;

export class VaultReader implements ContentReader {
  readonly #contents: VaultContents;
  readonly #targets: Descents;
  readonly #signal: AbortSignal;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  readonly #meter = new Meter();
  readonly width = 1;

  constructor(contents: VaultContents, disk: Disk, signal: AbortSignal) {
    this.#contents = contents;
    this.#targets = new Descents(disk);
    this.#signal = signal;
  }

  get bytes(): number {
    return this.#meter.own;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#targets[Symbol.dispose]();
    return Promise.resolve();
  }

  read(id: ContentId): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    return this.#contents.read(id);
  }

  sizeOf(id: ContentId): Promise<number | undefined> {
    return this.#contents.sizeOf(id);
  }

  async extract(batch: ExtractBatch, _cost: BatchCost): Promise<readonly ExtractResult[]> {
    using target = this.#targets.open(batch.rootPath, batch.relative);
    const tools = { algorithm: "sha256", buffer: this.#buffer, stop: new StopFlag(), meter: this.#meter } as const;
    const writer = new FileWriter(target, batch, tools), results: ExtractResult[] = [];
    for (const task of batch.files) {
      const before = this.#meter.own;
      try {
        results.push(await this.#write(writer, task));
      } catch (error) {
        this.#meter.backTo(before);
        if (!(error instanceof Fault) || isFatal(error)) throw error;
        results.push({ how: "failed", bytes: 0, problem: toFaultData(error), losses: NO_LOSSES });
      }
    }
    return results;
  }

  /** What needs no content is done without: one is fetched when it is asked for, and the writer begins again. */
  async #write(writer: FileWriter, task: ExtractTask): Promise<ExtractResult> {
    using source = new FetchedContent(this.#contents.read(task.content), task.size);
    try {
      return await this.#drive(writer.write(task, source), source);
    } catch (error) {
      if (!(error instanceof NotAtHand)) throw error;
    }
    await source.fetch();
    return await this.#drive(writer.write(task, source), source);
  }

  async #drive(steps: Steps<ExtractResult>, source: FetchedContent): Promise<ExtractResult> {
    for (let step = steps.next();;) {
      if (step.done === true) return step.value;
      try {
        if (this.#signal.aborted) throw new Interrupted();
        await source.fetchAhead();
      } catch (error) {
        steps.throw(error); // it takes away what it has begun, and throws the same
        throw error;
      }
      step = steps.next();
    }
  }
}

/** A file writer has come to where it needs bytes. */
class NotAtHand extends Error {}

/** Pieces that come by and by, for somebody who reads them in order and can't wait. */
class FetchedContent implements ContentSource {
  readonly #pieces: AsyncIterator<Uint8Array<ArrayBuffer>>;
  readonly #size: number;
  #held: Uint8Array<ArrayBuffer>[] = [];
  #heldBytes = 0;
  #isAtHand = false;
  #isWhole = false;

  constructor(pieces: AsyncIterable<Uint8Array<ArrayBuffer>>, size: number) {
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#size = size;
  }

  [Symbol.dispose](): void {
    this.#held = [];
  }

  async fetch(): Promise<void> {
    this.#isAtHand = true;
    await this.fetchAhead();
  }

  async fetchAhead(): Promise<void> {
    while (this.#isAtHand && !this.#isWhole && this.#heldBytes < AHEAD_BYTES) {
      const { done, value } = await this.#pieces.next();
      if (done === true) this.#isWhole = true;
      else if (value.length > 0) {
        this.#held.push(value);
        this.#heldBytes += value.length;
      }
    }
  }

  open(): void {
    if (!this.#isAtHand) throw new NotAtHand();
  }

  size(): number {
    return this.#size;
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    let filled = 0;
    for (let piece = this.#held.shift(); piece !== undefined; piece = this.#held.shift()) {
      const part = piece.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      if (part.length < piece.length) this.#held.unshift(piece.subarray(part.length));
      if (filled === into.length) break;
    }
    this.#heldBytes -= filled;
    return filled;
  }

  cloneTo(): boolean {
    return false;
  }

  isItem(): boolean {
    return false;
  }
}
