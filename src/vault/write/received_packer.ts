/**
 * Packs the contents of files from another repository: they are read here, in the thread that has the repository, and
 * packed by threads. Small ones go to a thread together, in memory; larger ones as streams, or in parts if these are
 * known.
 */
import { inTurn } from "../../core/steps.ts";
import { type ContentId, knownContentId } from "../../core/content_id.ts";
import type { Raw } from "../../core/raw.ts";
import type { ReceivedFile } from "../../snapshot/snapshot_sink.ts";
import type { Candidate } from "./content_packer.ts";
import { factsOf } from "./local_packer.ts";
import type { PackThreads } from "./pack_threads.ts";
import { PartsPacker } from "./parts_packer.ts";
import { ChunkStream } from "./pieces.ts";
import type { RunStore } from "./run_store.ts";
import { Turn } from "./turn.ts";

/** Size in bytes up to which contents are given to threads whole. */
const MOST_WHOLE = 1024 * 1024;

/** What was stored. */
type Packing = Promise<readonly ContentId[]>;

/** Received files, and the directory of the snapshot's names in units. */
export interface ReceivedFiles {
  readonly files: readonly ReceivedFile[];
  readonly directory: Raw;
}

export class ReceivedPacker {
  readonly #threads: PackThreads;
  readonly #parts: PartsPacker;
  readonly #mostWhole: number;
  /** Contents that are being packed. */
  readonly #underWay = new Map<ContentId, Packing>();
  /** One reads at a time: a repository may have a single buffer, and keeps what it read last at hand. */
  readonly #reading = new Turn();

  constructor(threads: PackThreads, store: RunStore) {
    this.#threads = threads;
    this.#parts = new PartsPacker({ store, threads, reading: this.#reading });
    this.#mostWhole = Math.min(MOST_WHOLE, store.objects.access.config.chunker.wholeUpTo);
  }

  /** Number of batches that may usefully be in progress at once. */
  get width(): number {
    return this.#threads.width;
  }

  isUnderWay(content: ContentId): boolean {
    return this.#underWay.has(content);
  }

  /**
   * Packs files; what is being packed already is waited for.
   * @returns the contents that this call has stored
   * @throws DamagedContent, Interrupted
   */
  async add({ files, directory }: ReceivedFiles): Promise<Set<ContentId>> {
    const small: ReceivedFile[] = [], own: Packing[] = [], others: Packing[] = [], seen = new Set<ContentId>();
    for (const file of files) {
      if (seen.has(file.content)) continue;
      seen.add(file.content);
      const earlier = this.#underWay.get(file.content);
      if (earlier !== undefined) others.push(earlier);
      else if (file.entry.size <= this.#mostWhole) small.push(file);
      else own.push(this.#note([file], this.#addLarge(file, directory)));
    }
    if (small.length > 0) own.push(this.#note(small, this.#addSmall(small, directory)));
    // All of it: what is still being packed would be left behind in threads.
    const failed = (await Promise.allSettled([...own, ...others])).find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return new Set((await Promise.all(own)).flat());
  }

  #note(files: readonly ReceivedFile[], work: Packing): Packing {
    for (const { content } of files) this.#underWay.set(content, work);
    const forget = () => files.forEach(({ content }) => this.#underWay.delete(content));
    work.then(forget, forget);
    return work;
  }

  async #addLarge({ content, entry, open, parts }: ReceivedFile, directory: Raw): Packing {
    const inParts = await parts?.(), facts = factsOf(directory, entry);
    if (inParts !== undefined) await this.#parts.add(inParts, content, facts);
    else await this.#threads.stream(this.#chunksOf(open), content, { facts, size: entry.size });
    return [content];
  }

  /** Copies of the chunks. */
  async *#chunksOf(open: ReceivedFile["open"]): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    await using stream = new ChunkStream(open());
    for (let chunk = await this.#copyOfNext(stream); chunk !== undefined; chunk = await this.#copyOfNext(stream)) {
      yield chunk;
    }
  }

  async #copyOfNext(stream: ChunkStream): Promise<Uint8Array<ArrayBuffer> | undefined> {
    using _ = await inTurn(this.#reading.take());
    return (await stream.next())?.slice();
  }

  async #addSmall(files: readonly ReceivedFile[], directory: Raw): Packing {
    const memory = new Uint8Array(files.reduce((sum, { entry: { size } }) => sum + size, 0));
    const { candidates, others } = await this.#read(files, memory, directory);
    const isNew = await this.#threads.contents(candidates, memory.buffer);
    const stored = candidates.flatMap(({ id }, i) => isNew[i] === true ? [knownContentId(id)] : []);
    for (const file of others) stored.push(...await this.#addLarge(file, directory));
    return stored;
  }

  /** Reads contents. @returns them, and the files whose sizes are not those of their contents */
  async #read(
    files: readonly ReceivedFile[],
    memory: Uint8Array<ArrayBuffer>,
    directory: Raw,
  ): Promise<{ readonly candidates: readonly Candidate[]; readonly others: readonly ReceivedFile[] }> {
    const candidates: Candidate[] = [], others: ReceivedFile[] = [];
    using _ = await inTurn(this.#reading.take());
    let used = 0;
    for (const file of files) {
      const { content: id, entry } = file, bytes = memory.subarray(used, used + entry.size);
      used += entry.size;
      if (await fills(file, bytes)) candidates.push({ id, bytes, ...factsOf(directory, entry) });
      else others.push(file);
    }
    return { candidates, others };
  }
}

/** Reads a content. @returns false if it doesn't have as many bytes as its entry says */
async function fills({ open }: ReceivedFile, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  let size = 0;
  for await (const piece of open()) {
    if (size + piece.length > bytes.length) return false;
    bytes.set(piece, size);
    size += piece.length;
  }
  return size === bytes.length;
}
