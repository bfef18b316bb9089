/**
 * Backing up: a chain of stations, each a value of its own, between the sources and the repository.
 *
 *     sources                                                              repository
 *        │                                                                     ▲
 *        ▼                                                                     │
 *      walk ──▶ compare ──▶ queue ──▶ ingest ──▶ settle ──▶ manifest ──▶ commit│
 *                 ▲           │         │ ▲         │           │           │  │
 *                 │           │         ▼ │         ▼           ▼           ▼  │
 *          previous snapshot  │    threads of     the tree    hunks      the root
 *                             │    the engine
 *      streams, kept ─────────┘
 *
 * - *walk*, *compare*: {@link ComparedRuns} puts everything in the sources beside the previous snapshot ({@link Comparison})
 *   and makes one {@link BackupEntry} for each object; {@link StreamsAndKept} adds what the walk doesn't come to.
 * - *queue*, *ingest*: {@link IngestQueue} gathers files into batches for the engine ({@link SnapshotSink}), which reads
 *   and stores those that are new or changed, and looks for the contents of the others.
 * - *settle*: {@link Settlement} turns the results of the files into lines, in order, whatever order the threads finish in.
 * - *manifest*: {@link SnapshotWriter} makes hunks of the lines; {@link Checkpoints} make what is done so far last.
 * - *commit*: the engine makes all of it durable, and then the snapshot exist.
 */
import type { Apath } from "../../core/apath.ts";
import type { RootId } from "../../core/content_id.ts";
import { countingProblems, type Monitor } from "../../core/monitor.ts";
import { Interrupted } from "../../core/fault.ts";
import { baseName, textOf } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import { linePath } from "../../snapshot/entry_line.ts";
import { NoSnapshot } from "../../snapshot/faults.ts";
import type { RepositoryWriter } from "../../snapshot/repository.ts";
import type { RootFields } from "../../snapshot/root_fields.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { SnapshotSink } from "../../snapshot/snapshot_sink.ts";
import { SnapshotWriter } from "../../snapshot/snapshot_writer.ts";
import { NoSource } from "../../source/walk.ts";
import { Comparison } from "../comparison/comparison.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";
import { notKept } from "../sources/not_kept.ts";
import { isHidden, NotInSources, sourcePath } from "../sources/sources.ts";
import { beginningOnDisk } from "../unusual/scrambled.ts";
import { alarmText, type ChangeFields, changeFields, UnusualChange } from "../unusual/alarm.ts";
import { type ChangedFile, ChangeWatch } from "../unusual/change_watch.ts";
import type { BackupRequest } from "./backup_request.ts";
import { Checkpoints } from "./checkpoints.ts";
import { ComparedRuns } from "./compared_runs.ts";
import { IngestQueue } from "./ingest_queue.ts";
import { rootFieldsOf } from "./root_fields.ts";
import { type RunningTotals, Settlement } from "./settlement.ts";
import { type BackedUp, LastSnapshot } from "./unchanged.ts";
import { storeStreams } from "./streams.ts";
import { StreamsAndKept } from "./streams_and_kept.ts";

/**
 * Makes one snapshot.
 * @throws SourceGone, NoSource, SourceInStorage, BadPattern, Locked, Interrupted, DiskFault of the repository
 */
export async function backup(
  repository: OpenedRepository,
  request: BackupRequest,
  monitor: Monitor,
): Promise<BackedUp> {
  const sources = request.sources.map((source) => textOf(sourcePath(source)));
  await using writer = await becomeWriter(repository, `backup of ${sources.join(", ")}`);
  return await new BackupRun(repository, request, monitor).make(writer);
}

class BackupRun {
  readonly #repository: OpenedRepository;
  readonly #request: BackupRequest;
  readonly #monitor: Monitor;
  readonly #startMs: number;
  readonly #totals: RunningTotals = { entries: 0, files: 0, dirs: 0, bytes: 0, problems: 0 };
  readonly #others = new StreamsAndKept();
  #watch: ChangeWatch | undefined;
  /** Receives notices that don't count as problems of the snapshot. */
  readonly #outer: Monitor;
  /** Not to be made once more. */
  #last: LastSnapshot | undefined;

  constructor(repository: OpenedRepository, request: BackupRequest, monitor: Monitor) {
    this.#repository = repository;
    this.#request = request;
    this.#outer = monitor;
    this.#monitor = countingProblems(monitor, () => this.#totals.problems++);
    this.#startMs = repository.machine.clock.nowMs();
  }

  async make(writer: RepositoryWriter): Promise<BackedUp> {
    const comparison = await this.#compare(), { skipIfUnchanged } = this.#request;
    if (comparison.previous.length === 0 && comparison.roots.length > 0) this.#nameLosses();
    const watch = this.#watch = new ChangeWatch(comparison.previous);
    if (skipIfUnchanged) this.#last = await LastSnapshot.of(this.#repository, comparison.previous);
    await using sink = await this.#begin(writer, comparison);
    const chain = this.#chain(comparison, sink, watch);
    using _ = this.#monitor.follow("readBytes", () => sink.bytes + this.#others.streamBytes);
    this.#monitor.phase("reading the source");
    try {
      await this.#run(chain);
    } catch (error) {
      if (error instanceof Interrupted) await keepWhatIsDone(chain);
      throw error;
    }
    const fields = chain.fields(), hunks = chain.manifest.finish();
    // What was stored all the same, or mended, is safe only with a snapshot.
    const isWhole = chain.settlement.storedItems === 0 && sink.damaged.size === 0;
    if (isWhole && this.#last?.isRepeatedBy(fields, hunks)) return { ...this.#last.info, unchanged: true };
    const found = await this.#lookAtChange(comparison, watch, fields);
    const id = await sink.commit({ ...fields, ...found }, hunks);
    if (found.change && found.alarm) this.#outer.problem(new UnusualChange(alarmText(found.change, found.alarm)));
    return await this.#made(id);
  }

  /** Once for each series: a restore, maybe years later on another system, is too late to learn of it. */
  #nameLosses(): void {
    const lost = notKept(this.#repository.machine.disk.abilities);
    if (lost !== undefined) this.#outer.notice(lost);
  }

  /** Runs the chain from the sources to the manifest. */
  async #run({ sink, runs, queue, checkpoints }: Chain): Promise<void> {
    const { streams = [], signal } = this.#request, { machine } = this.#repository;
    this.#others.addStreams(await storeStreams(streams, { sink, machine, monitor: this.#monitor, signal }));
    const pace = new Yielder(machine.clock, signal);
    for (const run of runs.all()) {
      await queue.take(run);
      await pace.yieldIfDue();
      await checkpoints.makeIfDue();
    }
    for await (const _ of queue.rest()) await checkpoints.makeIfDue();
  }

  async #lookAtChange(comparison: Comparison, watch: ChangeWatch, fields: RootFields): Promise<ChangeFields> {
    const repository = this.#repository, { signal } = this.#request, { previous } = comparison;
    const beginning = ({ path }: ChangedFile) => beginningOnDisk(repository.machine.disk, comparison.placeOf(path));
    return await changeFields({ repository, previous, beginning, watch, fields, work: { workers: 0, signal } });
  }

  /** Finds the sources, and the snapshots that they are compared with. */
  async #compare(): Promise<Comparison> {
    const { streams = [] } = this.#request, { status } = this.#monitor;
    const selection = { ...this.#request, reserved: streams.map(({ name }) => name) };
    const comparison = await Comparison.begin(this.#repository, selection, this.#monitor, {
      missing: (path) => this.#monitor.problem(new NoSource(path)),
      outside: (path) => this.#monitor.problem(new NotInSources(path)),
      kept: (entry, line) => this.#others.keep(entry, line),
      gone: ({ text }) => {
        this.#watch?.gone(text);
        status?.("gone", JSON.parse(linePath(text)));
      },
    });
    const whole = comparison.previous.find((snapshot) => snapshot.complete);
    if (whole !== undefined) this.#monitor.setTotal({ items: whole.entries, bytes: whole.bytes });
    return comparison;
  }

  async #begin(writer: RepositoryWriter, comparison: Comparison): Promise<SnapshotSink> {
    const { series, previous, roots } = comparison,
      { host, tree, workers, signal } = this.#request,
      { disk } = this.#repository.machine;
    const isPrivate = roots.some((root) => isHidden(disk, root));
    const placeOf = (path: Apath) => {
      const { rootPath, relative, absolute } = comparison.placeOf(path);
      return { rootPath, relative, name: baseName(absolute) };
    };
    const request = { series, startMs: this.#startMs, isPrivate, tree, previous, placeOf, host, workers, signal };
    return await writer.begin(request, this.#monitor);
  }

  /** The stations, from the last to the first: each knows the one that follows it. */
  #chain(comparison: Comparison, sink: SnapshotSink, watch: ChangeWatch): Chain {
    const { disk, clock } = this.#repository.machine, { tree } = sink;
    const monitor = this.#monitor, totals = this.#totals, others = this.#others;
    const manifest = new SnapshotWriter(sink, monitor);
    const settlement = new Settlement({ comparison, manifest, tree, totals, watch, disk, monitor });
    const queue = new IngestQueue(sink, settlement);
    const runs = new ComparedRuns({ comparison, others, queue, tree, disk, monitor });
    const { series, roots } = comparison, startMs = this.#startMs;
    const fields = () => rootFieldsOf(this.#request, { startMs, series, roots, totals }, clock);
    const checkpoints = new Checkpoints({
      clock,
      startMs,
      everyMs: this.#request.checkpointMs,
      everyBytes: this.#request.checkpointBytes,
      readBytes: () => settlement.readBytes,
      hunks: () => manifest.soFar(),
      make: async (hunks) => {
        // Nothing would be lost yet, and no partial snapshot is to stay behind.
        if (settlement.storedItems === 0 && this.#last?.beginsWith(hunks)) return;
        await sink.checkpoint({ ...fields(), change: watch.figures() }, hunks);
        monitor.phase("reading the source");
      },
    });
    return { runs, queue, settlement, manifest, checkpoints, sink, fields };
  }

  async #made(id: RootId): Promise<SnapshotInfo> {
    const made = (await this.#repository.snapshots()).find((snapshot) => snapshot.id === id);
    if (made === undefined) throw new NoSnapshot(id, "somebody has forgotten it as soon as it was made");
    return made;
  }
}

/** The stations that the loop drives; those between them pass on by themselves. */
interface Chain {
  readonly runs: ComparedRuns;
  readonly queue: IngestQueue;
  readonly settlement: Settlement;
  readonly manifest: SnapshotWriter;
  readonly checkpoints: Checkpoints;
  readonly sink: SnapshotSink;
  /** The fields of the root as of now. */
  readonly fields: () => RootFields;
}

/** Finishes what is under way, as far as the engine lets it, for the next run to go on from. */
async function keepWhatIsDone({ queue, checkpoints }: Chain): Promise<void> {
  try {
    await queue.settleSent();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
  await checkpoints.make();
}
