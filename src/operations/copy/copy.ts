/** Copies snapshots from one repository to another, of whatever kind: roots and hunks stay byte for byte the same. */
import type { HunkId, RootId } from "../../core/content_id.ts";
import { Fault, Interrupted } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import type { WorkOptions } from "../../core/work.ts";
import { Yielder } from "../../core/yielding.ts";
import type { Clock } from "../../core/clock.ts";
import type { Repository, RepositoryWriter } from "../../snapshot/repository.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";
import { type CopiedSnapshot, type CopySource, unchangedSnapshot } from "./copied_snapshot.ts";
import { Course } from "./course.ts";
import { isTranslated, originKey, originsIn, Translation } from "./translation.ts";
import { whatIsThere } from "./what_is_there.ts";

export interface CopyRequest extends WorkOptions {
  readonly clock: Clock;
  /** Called when everything done so far is safe. It may throw to postpone the rest. */
  readonly onCheckpoint?: () => void;
  /** Snapshots to copy. Default: all complete ones. */
  readonly snapshots?: readonly RootId[];
}

export interface CopyResult {
  /** Ids of the copied snapshots, oldest first. */
  readonly copied: readonly RootId[];
  /** Number of snapshots that the target had already. */
  readonly present: number;
  /** Number of snapshots that can't be copied completely; each is reported to the monitor. */
  readonly failed: number;
}

/** An interrupted copy has to redo at most this much. */
const CHECKPOINT_BYTES = 8 * 1024 ** 3, CHECKPOINT_MS = 5 * 60_000;
/** A prune of the target may come in between again and again. */
const ATTEMPTS = 3;
/** What is wrong with one snapshot alone. */
const OF_ONE_SNAPSHOT: readonly string[] = ["damaged-content", "damaged-manifest", "no-snapshot", "other-algorithm"];

/** Copies snapshots. @throws Locked, DiskFault, Interrupted, and failures that prevent any reading or writing */
export async function copy(
  from: Repository,
  to: OpenedRepository,
  request: CopyRequest,
  monitor: Monitor,
): Promise<CopyResult> {
  const wanted = request.snapshots && new Set(request.snapshots);
  const snapshots = (await from.snapshots()).filter(({ id, complete }) => complete && (wanted?.has(id) ?? true));
  const there = await whatIsThere(from, to), missing = snapshots.filter(({ id }) => !there.has(id));
  const copied: RootId[] = [];
  if (missing.length > 0) {
    await using writer = await becomeWriter(to, "copy");
    await using reader = from.reader(request);
    const run = new CopyRun({ from, to, writer, reader }, request, monitor);
    for (const { id } of missing) {
      if (copied.length > 0) request.onCheckpoint?.();
      if (await run.copyOrReport(id)) copied.push(id);
    }
  }
  return { copied, present: snapshots.length - missing.length, failed: missing.length - copied.length };
}

interface CopyEnds extends CopySource {
  readonly to: Repository;
  readonly writer: RepositoryWriter;
}

class CopyRun {
  readonly #ends: CopyEnds;
  readonly #clock: Clock;
  readonly #work: WorkOptions;
  readonly #onCheckpoint: (() => void) | undefined;
  readonly #monitor: Monitor;
  readonly #pace: Yielder;
  /** Hunks that the target has received in this run, with everything that they refer to. */
  readonly #done = new Set<HunkId>();
  #checkpoint = { bytes: 0, ms: 0 };
  #translation: Translation | undefined;

  constructor(ends: CopyEnds, { clock, workers, signal, onCheckpoint }: CopyRequest, monitor: Monitor) {
    this.#work = { workers, signal };
    this.#onCheckpoint = onCheckpoint;
    this.#ends = ends;
    this.#clock = clock;
    this.#monitor = monitor;
    this.#pace = new Yielder(clock, signal);
  }

  /** Copies a snapshot. @returns false if a part of it can't be read: then the target doesn't get it */
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
    const { from, writer } = this.#ends;
    using _held = await from.lockForReading(id);
    const snapshot = await this.#snapshot(id), { source, hunks } = snapshot;
    // What somebody removes at the target meanwhile is stored there again, from the source.
    await using receiver = await writer.receive(snapshot.root, source, this.#work);
    await using course = new Course(receiver);
    try {
      for (const [index, ref] of hunks.entries()) {
        if (this.#done.has(ref.id) || receiver.hasHunk?.(ref.id) === true) continue;
        await this.#addFiles(snapshot, index, course);
        course.addHunk({ ref, bytes: await source.hunk(ref.id) });
      }
      await course.arrive();
      await this.#pace.yieldIfDue();
    } catch (error) {
      if (error instanceof Interrupted) await course.keep();
      throw error;
    }
    await course.commit();
    this.#note(course.hunks);
  }

  async #snapshot(id: RootId): Promise<CopiedSnapshot> {
    const { from, to } = this.#ends;
    if (!isTranslated(from, to)) return await unchangedSnapshot(this.#ends, id);
    this.#translation ??= await this.#newTranslation();
    return await this.#translation.snapshot(id);
  }

  /** It begins with what the last copy of each series shows. */
  async #newTranslation(): Promise<Translation> {
    const { from, to } = this.#ends, translation = new Translation(this.#ends, to.algorithm);
    const origins = await originsIn(to), last = new Map<string, { here: RootId; there: RootId }>();
    for (const { id: here, host, name } of await from.snapshots()) {
      const there = origins.get(originKey({ storage: from.id, id: here }));
      if (there !== undefined) last.set(JSON.stringify([host, name]), { here, there });
    }
    for (const { here, there } of last.values()) await translation.learn(to, here, there);
    return translation;
  }

  async #addFiles(snapshot: CopiedSnapshot, hunk: number, course: Course): Promise<void> {
    for (const file of snapshot.files(hunk)) {
      await this.#pace.yieldIfDue();
      this.#monitor.current(textOf(file.file.entry.path));
      await course.addFile({
        file: file.file,
        beginning: () => snapshot.beginning(hunk, file.lines),
        arrived: (how) => this.#count(file.file.entry.size, how),
      });
      if (!this.#isCheckpointDue()) continue;
      await course.checkpoint();
      this.#note(course.hunks);
      this.#onCheckpoint?.();
    }
  }

  #count(bytes: number, how: "stored" | "reused"): void {
    if (how === "stored") this.#countStored(bytes);
    else this.#monitor.count("reusedItems");
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

  #note(hunks: readonly HunkId[]): void {
    for (const id of hunks) this.#done.add(id);
    this.#checkpoint = { bytes: 0, ms: this.#clock.nowMs() };
  }
}
