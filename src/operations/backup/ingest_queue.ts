/**
 * The stations *queue* and *ingest*: files are collected in batches until these are worth sending. Their results are
 * then awaited in order, whatever order the threads finish in.
 */
import { nameOf, TOP } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import { contentOfSoundLine } from "../../snapshot/entry_line.ts";
import type { SnapshotSink } from "../../snapshot/snapshot_sink.ts";
import { WorkBatch } from "../../snapshot/work_batch.ts";
import { type BackupEntry, taskOf } from "../comparison/backup_entry.ts";
import type { EntryRun } from "./entry_run.ts";
import type { Settlement } from "./settlement.ts";

/** Directories whose lines wait for a batch that is not full yet. */
const MOST_WAITING = 256;

export class IngestQueue {
  readonly #sink: SnapshotSink;
  readonly #settlement: Settlement;
  /** Runs that are not settled yet, in the order of the manifest. */
  readonly #runs: EntryRun[] = [];
  /** Sent, not settled yet; oldest first. */
  readonly #sent: WorkBatch<BackupEntry>[] = [];
  #batch = new WorkBatch<BackupEntry>();

  constructor(sink: SnapshotSink, settlement: Settlement) {
    this.#sink = sink;
    this.#settlement = settlement;
  }

  /** Adds an entry to a run, and to the current batch if it needs work. @returns false if the run has to end there */
  put(entry: BackupEntry, run: EntryRun): boolean {
    run.entries.push(entry);
    if (entry.stat.kind !== "file") return true;
    const content = this.#unchangedContent(entry), { tree } = entry.place;
    if (content !== undefined && tree === undefined && this.#sink.relyOn(content)) {
      this.#settlement.keep(entry);
      return true;
    }
    run.batch = this.#batch;
    if (content === undefined || tree === undefined) this.#batch.store(entry.place, taskOf(entry), entry);
    else this.#batch.link({ tree, before: entry.place.before }, nameOf(entry.path), content, entry);
    if (!this.#batch.isFull) return true;
    this.#send();
    return false;
  }

  /** What an unchanged file keeps, unless that is known to be damaged. */
  #unchangedContent({ line, head }: BackupEntry): ContentId | undefined {
    const content = line === undefined ? undefined : contentOfSoundLine(line, head.length);
    const { damaged } = this.#sink;
    return content !== undefined && damaged.size > 0 && damaged.has(content) ? undefined : content;
  }

  #send(): void {
    this.#batch.send(this.#sink);
    this.#sent.push(this.#batch);
    this.#batch = new WorkBatch();
  }

  /** Takes the next run. Finished runs are passed on at once; if too many are in progress, this waits. */
  async take(run: EntryRun): Promise<void> {
    this.#runs.push(run);
    for (let [oldest] = this.#runs; oldest !== undefined && this.#mustSettle(oldest); [oldest] = this.#runs) {
      await this.#settle(oldest);
    }
  }

  #mustSettle({ batch }: EntryRun): boolean {
    return batch === undefined || batch.isDone || this.#sent.length >= this.#sink.width ||
      this.#runs.length > MOST_WAITING;
  }

  /** Waits for all runs; yields after each, so that other work can proceed. */
  async *rest(): AsyncGenerator<void> {
    for (let [oldest] = this.#runs; oldest !== undefined; [oldest] = this.#runs) yield await this.#settle(oldest);
  }

  /** Waits for the batches that were sent, and drops the rest. */
  async settleSent(): Promise<void> {
    for (let [oldest] = this.#runs; oldest !== undefined && oldest.batch?.isSent !== false; [oldest] = this.#runs) {
      await this.#settle(oldest);
    }
  }

  async #settle(run: EntryRun): Promise<void> {
    if (run.batch !== undefined) await this.#settleUpTo(run.batch);
    this.#runs.shift();
    if (run.entries[0]?.path !== TOP) this.#sink.tree?.enter(run.directory);
    for (const entry of run.entries) this.#settlement.add(entry);
  }

  async #settleUpTo(batch: WorkBatch<BackupEntry>): Promise<void> {
    if (!batch.isSent) this.#send();
    if (!this.#sent.includes(batch)) return;
    for (let [oldest] = this.#sent; oldest !== undefined; [oldest] = this.#sent) {
      await this.#finish(oldest);
      this.#sent.shift();
      if (oldest === batch) return;
    }
  }

  async #finish(batch: WorkBatch<BackupEntry>): Promise<void> {
    const missing = this.#settlement.finish(await batch.results());
    if (missing.length > 0) await this.#storeAgain(missing);
    await this.#sink.keepUp();
  }

  /** Unchanged files whose contents are not there any more. */
  async #storeAgain(missing: readonly BackupEntry[]): Promise<void> {
    const batch = new WorkBatch<BackupEntry>();
    for (const entry of missing) batch.store(entry.place, taskOf(entry), entry);
    batch.send(this.#sink);
    this.#settlement.finish(await batch.results());
  }
}
