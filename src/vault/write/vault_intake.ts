/**
 * Stores the files of a batch in a vault. They are read and hashed; then the desk is asked which of their contents are
 * needed, and these are packed. There is one intake per thread; while a batch waits for an answer, the next one may
 * begin.
 */
import { type ContentId, contentIdOf } from "../../core/content_id.ts";
import { hashBytes } from "../../core/digest.ts";
import { DigestStream } from "../../core/digest_stream.ts";
import { childOf } from "../../core/apath.ts";
import type { Raw } from "../../core/raw.ts";
import type { Steps, WaitingSteps } from "../../core/steps.ts";
import type { ContentKeeper, ContentStream, FileFacts, StoredItem } from "../../intake/content_keeper.ts";
import { FileIntake } from "../../intake/file_intake.ts";
import { SourceDirectory } from "../../intake/source_files.ts";
import { Descents } from "../../platform/descent.ts";
import type { Disk, OpenFile } from "../../platform/disk.ts";
import type { Meter } from "../../platform/meter.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";
import type { StoreBatch, StoreResult, StoreTask } from "../../snapshot/ingest_batch.ts";
import { fileName } from "../pack/tar_names.ts";
import type { TarFields } from "../pack/unit_writer.ts";
import type { Chunking } from "../store/config.ts";
import type { Candidate, ContentFacts, ContentPacker } from "./content_packer.ts";
import { type PackedContent, type ReadNext, StreamPacker } from "./stream_packer.ts";
import { Turn } from "./turn.ts";

/**
 * Size of the buffer for contents that are claimed together. Files up to the size that is kept whole fit in any case.
 */
const FEWEST_ARENA_BYTES = 4 * 1024 * 1024;
/** Contents that are claimed together. More would only fill more memory, for each batch that is under way. */
const ENOUGH_BYTES = 2 * 1024 * 1024;
/** Spare byte by which a file shows that it has grown. */
const ROOM_TO_GROW = 1;
const CHUNK_BYTES = 256 * 1024;

export interface IntakeSetup {
  readonly disk: Disk;
  readonly packer: ContentPacker;
  readonly chunking: Chunking;
  readonly gear: Uint32Array;
  readonly stop: StopFlag;
  readonly meter: Meter;
}

/** Files of a backup. */
export interface FileBatches {
  /** Directory in which units show the backed-up files, for people. */
  readonly directory: Raw;
  readonly batches: readonly StoreBatch[];
}

type Wait = Promise<void> | undefined;
type AddStream = (read: ReadNext, facts: ContentFacts) => WaitingSteps<PackedContent>;

/** A content that was read, with the file that it belongs to. */
interface Held {
  readonly candidate: Candidate;
  /** Records the result. */
  readonly settle: (isNew: boolean) => void;
}

export class VaultIntake implements Disposable {
  readonly #setup: IntakeSetup;
  readonly #sources: Descents;
  readonly #arenas: Uint8Array<ArrayBuffer>[] = [];
  /** Packer for large contents, made on first use because it takes much memory. */
  #stream: StreamPacker | undefined;
  readonly #turn = new Turn();

  constructor(setup: IntakeSetup) {
    this.#setup = setup;
    this.#sources = new Descents(setup.disk);
  }

  [Symbol.dispose](): void {
    this.#sources[Symbol.dispose]();
  }

  *run({ directory, batches }: FileBatches): WaitingSteps<StoreResult[][]> {
    const results: StoreResult[][] = [];
    const arena = this.#arenas.pop() ?? this.#newArena();
    const addStream: AddStream = (read, facts) => this.addStream(read, facts);
    const work = new BatchIntake(this.#setup, { directory, arena, addStream });
    try {
      for (const batch of batches) {
        using source = new SourceDirectory(this.#sources, batch.rootPath, batch.relative);
        results.push(yield* work.storeAll(batch, source));
      }
      yield* work.settle();
    } finally {
      this.#arenas.push(arena);
    }
    return results;
  }

  #newArena(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(Math.max(FEWEST_ARENA_BYTES, this.#setup.chunking.wholeUpTo + ROOM_TO_GROW));
  }

  /** Packs a content of any size. @param expected its id, if known */
  *addStream(read: ReadNext, facts: ContentFacts, expected?: ContentId): WaitingSteps<PackedContent> {
    const { packer, gear, chunking } = this.#setup;
    using _ = yield* this.#turn.take();
    this.#stream ??= new StreamPacker(packer, gear, chunking);
    return yield* this.#stream.add(read, facts, expected);
  }
}

/** The intake of one batch. */
class BatchIntake implements ContentKeeper<Wait> {
  readonly #setup: IntakeSetup;
  readonly #directory: Raw;
  readonly #arena: Uint8Array<ArrayBuffer>;
  readonly #addStream: AddStream;
  readonly #files: FileIntake<Wait>;
  #used = 0;
  #held: Held[] = [];
  /** The last content that was read, if it was a small one. */
  #read: { readonly id: ContentId; readonly bytes: Uint8Array<ArrayBuffer>; readonly file: FileFacts } | undefined;
  /** The current file. */
  #facts: ((file: FileFacts) => ContentFacts) | undefined;

  constructor(
    setup: IntakeSetup,
    { directory, arena, addStream }: {
      readonly directory: Raw;
      /** Buffer for small contents, until it is known whether they are needed. */
      readonly arena: Uint8Array<ArrayBuffer>;
      readonly addStream: AddStream;
    },
  ) {
    this.#setup = setup;
    this.#directory = directory;
    this.#arena = arena;
    this.#addStream = addStream;
    this.#files = new FileIntake(this, setup.meter);
  }

  *storeAll(batch: StoreBatch, source: SourceDirectory): WaitingSteps<StoreResult[]> {
    const { stop, chunking: { wholeUpTo } } = this.#setup, directory = this.#directory, results: StoreResult[] = [];
    for (const task of batch.files) {
      stop.check();
      const isFull = this.#arena.length - this.#used < Math.min(task.size, wholeUpTo) + ROOM_TO_GROW;
      if (isFull || this.#used >= ENOUGH_BYTES) yield* this.settle();
      this.#facts = (file) => this.#factsOf(task, fileName(directory, childOf(batch.apath, task.treeName)), file);
      const result = yield* this.#files.take(task, source);
      this.#hold(results, result);
      yield;
    }
    return results;
  }

  /** Keeps a small content: it is claimed later, and only then it is known whether it is new. */
  #hold(results: StoreResult[], result: StoreResult): void {
    const at = results.push(result) - 1, read = this.#read;
    this.#read = undefined;
    if (read === undefined || result.content !== read.id || result.how === "kept") return;
    const { id, bytes, file } = read;
    this.#used += bytes.length;
    const settle = (isNew: boolean) =>
      void (results[at] = { ...result, how: isNew ? "new" : "known", bytes: isNew ? bytes.length : 0 });
    this.#held.push({ candidate: { id, bytes, ...this.#facts!(file) }, settle });
  }

  /** Packs the contents read so far that are needed. */
  *settle(): WaitingSteps<void> {
    const held = this.#held;
    if (held.length === 0) return;
    const needed = yield* this.#setup.packer.add(held.map(({ candidate }) => candidate));
    for (const [i, { settle }] of held.entries()) settle(needed[i] === true);
    this.#held = [];
    this.#used = 0;
  }

  #factsOf(task: StoreTask, name: Raw, { mode, gid, mtime }: FileFacts): ContentFacts {
    const { disk } = this.#setup, { uid } = task, user = disk.userName(uid), group = disk.groupName(gid);
    const fields: TarFields = {
      mode,
      uid,
      gid,
      mtime,
      ...(user !== undefined && { user }),
      ...(group !== undefined && { group }),
    };
    return { name, fields };
  }

  roomFor(size: number): Uint8Array<ArrayBuffer> | undefined {
    const end = this.#used + size + ROOM_TO_GROW;
    if (size > this.#setup.chunking.wholeUpTo || end > this.#arena.length) return undefined;
    return this.#arena.subarray(this.#used, end);
  }

  // deno-lint-ignore require-yield -- it is asked about later
  *storeBytes(bytes: Uint8Array<ArrayBuffer>, file: FileFacts): Steps<StoredItem> {
    const id = contentIdOf(hashBytes("sha256", bytes));
    this.#read = { id, bytes, file };
    return { id, size: bytes.length, newBytes: 0, isNew: false };
  }

  *storeStream(content: ContentStream, file: FileFacts): WaitingSteps<StoredItem> {
    this.#read = undefined;
    const { stop, meter } = this.#setup;
    const read = function* (into: Uint8Array<ArrayBuffer>, position: number): Steps<number> {
      stop.check();
      yield;
      const got = content.read(into, position);
      meter.add(got);
      return got;
    };
    return yield* this.#addStream(read, this.#facts!(file));
  }

  /** Always true: the caller has already looked up the content. */
  has(): boolean {
    return true;
  }

  *digestOf(read: OpenFile["read"], meter: Meter): Steps<string> {
    const stream = new DigestStream("sha256", read, new Uint8Array(CHUNK_BYTES));
    for (const { bytes } of stream) {
      this.#setup.stop.check();
      meter.add(bytes.length);
      yield;
    }
    return stream.digest;
  }

  share(): boolean {
    return true;
  }
}
