/**
 * One snapshot on its way: files are handed over in batches, several at a time where the receiver can use that, and
 * arrive in order. So a checkpoint has everything up to some file.
 */
import { Interrupted } from "../../core/fault.ts";
import type { HunkId } from "../../core/content_id.ts";
import type { HunkWithBytes, ReceivedFile, SnapshotReceiver } from "../../snapshot/snapshot_sink.ts";

/** A full batch: enough to outweigh handing it over, and not so much that one thread is left with all the work. */
const FULL_FILES = 256, FULL_BYTES = 2 * 1024 * 1024;

/** A file to hand over. */
export interface FileOnCourse {
  readonly file: ReceivedFile;
  /** Makes the beginning of its hunk, up to and including this file. */
  readonly beginning: () => HunkWithBytes;
  readonly arrived: (how: "stored" | "reused") => void;
}

interface Batch {
  readonly files: FileOnCourse[];
  /** Hunks that are complete with the first so many files of this batch. */
  readonly hunks: { readonly hunk: HunkWithBytes; readonly files: number }[];
  bytes: number;
  results: Promise<readonly ("stored" | "reused")[]> | undefined;
}

export class Course implements AsyncDisposable {
  /** Hunks that arrived with all of their files. */
  readonly hunks: HunkId[] = [];
  readonly #receiver: SnapshotReceiver;
  readonly #width: number;
  /** Handed over, oldest first. */
  #sent: Batch[] = [];
  #batch = newBatch();
  /** Hunks that arrived since the last checkpoint. */
  #waiting: HunkWithBytes[] = [];
  /** Makes the beginning of the hunk that has arrived in part. */
  #tail: (() => HunkWithBytes) | undefined;

  constructor(receiver: SnapshotReceiver) {
    this.#receiver = receiver;
    this.#width = receiver.width ?? 1;
  }

  /** Waits for what is in progress, even if it fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#sent.map(({ results }) => results));
  }

  /** Adds a file; waits if too much is in progress. @throws the fault of an earlier one */
  async addFile(file: FileOnCourse): Promise<void> {
    const batch = this.#batch;
    batch.files.push(file);
    batch.bytes += file.file.entry.size;
    if (batch.files.length < FULL_FILES && batch.bytes < FULL_BYTES) return;
    this.#send();
    while (this.#sent.length >= this.#width) await this.#arriveOldest();
  }

  /** Adds a hunk all of whose files were added. */
  addHunk(hunk: HunkWithBytes): void {
    this.#batch.hunks.push({ hunk, files: this.#batch.files.length });
  }

  #send(): void {
    const batch = this.#batch;
    if (batch.files.length === 0 && batch.hunks.length === 0) return;
    batch.results = this.#receiver.add(batch.files.map(({ file }) => file));
    batch.results.catch(() => {}); // thrown when it is its turn
    this.#sent.push(batch);
    this.#batch = newBatch();
  }

  /** Waits for all that was added. @throws its fault */
  async arrive(): Promise<void> {
    this.#send();
    while (this.#sent.length > 0) await this.#arriveOldest();
  }

  /** Waits for the oldest batch, which stays the oldest if it failed. */
  async #arriveOldest(): Promise<void> {
    const [batch] = this.#sent;
    if (batch === undefined) return;
    const results = await batch.results ?? [], hunks = [...batch.hunks];
    this.#sent.shift();
    const takeHunks = (files: number) => {
      while (hunks[0]?.files === files) this.#take(hunks.shift()!.hunk);
    };
    takeHunks(0);
    for (const [i, { beginning, arrived }] of batch.files.entries()) {
      this.#tail = beginning;
      arrived(results[i] ?? "reused");
      takeHunks(i + 1);
    }
  }

  #take(hunk: HunkWithBytes): void {
    this.#waiting.push(hunk);
    this.hunks.push(hunk.ref.id);
    this.#tail = undefined;
  }

  /** Makes durable what was added. */
  async checkpoint(): Promise<void> {
    await this.arrive();
    await this.#makeDurable();
  }

  /** Makes durable what arrives in spite of an interruption. */
  async keep(): Promise<void> {
    try {
      await this.arrive();
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
    }
    await this.#makeDurable();
  }

  async #makeDurable(): Promise<void> {
    await this.#receiver.checkpoint(this.#waiting, this.#tail?.());
    this.#waiting = [];
  }

  async commit(): Promise<void> {
    await this.arrive();
    await this.#receiver.commit(this.#waiting);
  }
}

function newBatch(): Batch {
  return { files: [], hunks: [], bytes: 0, results: undefined };
}
