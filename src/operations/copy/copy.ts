/** Copies snapshots from one repository into another, whatever kinds they are: roots and hunks stay byte for byte. */
import type { ContentId, HunkId, RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import type { WorkOptions } from "../../core/work.ts";
import { Yielder } from "../../core/yielding.ts";
import type { Clock } from "../../core/clock.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { ContentReader, Repository, RepositoryWriter } from "../../snapshot/repository.ts";
import type { HunkWithBytes, ReceivedFile, SnapshotReceiver } from "../../snapshot/snapshot_sink.ts";

export interface CopyRequest extends WorkOptions {
  readonly clock: Clock;
  /** Called when all that was done so far is safe. It may throw, to have the rest done another time. */
  readonly onCheckpoint?: () => void;
  /** Default: all that are complete. */
  readonly snapshots?: readonly RootId[];
}

export interface CopyResult {
  /** Oldest first. */
  readonly copied: readonly RootId[];
  /** Those that the target had already. */
  readonly present: number;
  /** Those that can't be copied whole: each is reported to the monitor. */
  readonly failed: number;
}

/** A copy that is cut off has so much to do again at most. */
const CHECKPOINT_BYTES = 8 * 1024 ** 3, CHECKPOINT_MS = 5 * 60_000;
/** A prune of the target may come in between again and again. */
const ATTEMPTS = 3;
/** What is wrong with one snapshot alone. */
const OF_ONE_SNAPSHOT: readonly string[] = ["damaged-content", "damaged-manifest", "no-snapshot", "other-algorithm"];

/** @throws Locked, DiskFault, Interrupted, and what keeps from reading or writing at all */
export async function copy(
  from: Repository,
  to: Repository,
  request: CopyRequest,
  monitor: Monitor,
): Promise<CopyResult> {
  const wanted = request.snapshots && new Set(request.snapshots);
  const snapshots = (await from.snapshots()).filter(({ id, complete }) => complete && (wanted?.has(id) ?? true));
  const there = new Set(await to.rootIds()), missing = snapshots.filter(({ id }) => !there.has(id));
  const copied: RootId[] = [];
  if (missing.length > 0) {
    await using writer = await to.write("copy");
    await using reader = from.reader(request);
    const run = new CopyRun({ from, writer, reader }, request, monitor);
    for (const { id } of missing) {
      if (copied.length > 0) request.onCheckpoint?.();
      if (await run.copyOrReport(id)) copied.push(id);
    }
  }
  return { copied, present: snapshots.length - missing.length, failed: missing.length - copied.length };
}

interface CopyEnds {
  readonly from: Repository;
  readonly writer: RepositoryWriter;
  readonly reader: ContentReader;
}

class CopyRun {
  readonly #ends: CopyEnds;
  readonly #clock: Clock;
  readonly #onCheckpoint: (() => void) | undefined;
  readonly #monitor: Monitor;
  readonly #pace: Yielder;
  /** Hunks that the target has got in this run, with all that they name. */
  readonly #done = new Set<HunkId>();
  #checkpoint = { bytes: 0, ms: 0 };

  constructor(ends: CopyEnds, { clock, signal, onCheckpoint }: CopyRequest, monitor: Monitor) {
    this.#onCheckpoint = onCheckpoint;
    this.#ends = ends;
    this.#clock = clock;
    this.#monitor = monitor;
    this.#pace = new Yielder(clock, signal);
  }

  /** @returns false if something of the snapshot can't be read: the target doesn't get it then */
  async copyOrReport(id: RootId): Promise<boolean> {
    for (let attempt = 1;; attempt++) {
      try {
        await this.#copy(id);
        return true;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (error.code === "vault-changed" && attempt < ATTEMPTS) {
          this.#done.clear();
          continue;
        }
        if (!OF_ONE_SNAPSHOT.includes(error.code)) throw error;
        this.#monitor.problem(error);
        return false;
      }
    }
  }

  async #copy(id: RootId): Promise<void> {
    const { from, writer, reader } = this.#ends;
    using _held = await from.lockForReading(id);
    // What somebody removes at the target meanwhile is stored there again.
    const source = { read: (content: ContentId) => reader.read(content), hunk: (hunk: HunkId) => from.object(hunk) };
    await using receiver = await writer.receive(await from.object(id), source);
    const manifest = await from.manifest(id);
    let handed: HunkWithBytes[] = [];
    for (const [index, ref] of manifest.root.hunks.entries()) {
      if (this.#done.has(ref.id)) continue;
      await this.#addFiles(manifest, index, receiver);
      handed.push({ ref, bytes: await from.object(ref.id) });
      if (!this.#isCheckpointDue()) continue;
      await receiver.checkpoint(handed);
      this.#note(handed);
      this.#onCheckpoint?.();
      handed = [];
    }
    await receiver.commit(handed);
    this.#note(handed);
  }

  async #addFiles(manifest: Manifest, hunk: number, receiver: SnapshotReceiver): Promise<void> {
    const { reader } = this.#ends, files: ReceivedFile[] = [];
    for (const entry of manifest.hunkEntries(hunk)) {
      const { content } = entry;
      if (content !== undefined) files.push({ content, entry, open: () => reader.read(content) });
    }
    for (const file of files) {
      await this.#pace.yieldIfDue();
      this.#monitor.current(textOf(file.entry.path));
      const [how] = await receiver.add([file]);
      if (how === "stored") this.#countStored(file.entry.size);
      else this.#monitor.count("reusedItems");
    }
  }

  #countStored(bytes: number): void {
    this.#monitor.count("storedItems");
    this.#monitor.count("storedBytes", bytes);
    this.#checkpoint.bytes += bytes;
  }

  #isCheckpointDue(): boolean {
    const now = this.#clock.nowMs(), { bytes, ms } = this.#checkpoint;
    if (ms === 0) this.#checkpoint.ms = now;
    return bytes >= CHECKPOINT_BYTES || (ms > 0 && now - ms >= CHECKPOINT_MS);
  }

  #note(handed: readonly HunkWithBytes[]): void {
    for (const { ref } of handed) this.#done.add(ref.id);
    this.#checkpoint = { bytes: 0, ms: this.#clock.nowMs() };
  }
}
