/**
 * Backs up from a server: files are listed in order, compared by ETag, size and time, and read only where something
 * changed. The snapshots are the same as those of local directories; the rest of the program treats them alike.
 */
import { countingProblems, type Monitor } from "../../core/monitor.ts";
import { Interrupted } from "../../core/fault.ts";
import { chooseName, sourcesKey } from "../../core/series.ts";
import { VERSION } from "../../core/version.ts";
import type { RemoteTree } from "../../backend/remote_tree.ts";
import type { JobMark } from "../../snapshot/root.ts";
import { NoSnapshot } from "../../snapshot/faults.ts";
import { PreviousEntries } from "../../snapshot/previous_entries.ts";
import type { RepositoryWriter } from "../../snapshot/repository.ts";
import type { RootFields } from "../../snapshot/root_fields.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { SnapshotSink } from "../../snapshot/snapshot_sink.ts";
import { SnapshotWriter } from "../../snapshot/snapshot_writer.ts";
import { parseFilter } from "../../source/filter.ts";
import { previousOf } from "../comparison/series.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";
import { type BackedUp, LastSnapshot } from "../backup/unchanged.ts";
import { Checkpoints } from "../backup/checkpoints.ts";
import type { ChangeWatch } from "../unusual/change_watch.ts";
import { alarmText, changeFields, UnusualChange } from "../unusual/alarm.ts";
import { RemoteChanges } from "./remote_changes.ts";
import { ReadAhead, takenAhead } from "./read_ahead.ts";
import { RemoteFiles, type RemoteSeen } from "./remote_files.ts";
import { type RemoteFound, walkRemote } from "./remote_walk.ts";
import type { RunningTotals } from "../backup/settlement.ts";

export interface RemoteBackupRequest {
  /** Absent: the last component of the location. */
  readonly name?: string;
  readonly host: string;
  readonly user: string;
  readonly tags: readonly string[];
  readonly description?: string;
  /** Patterns in gitignore syntax. */
  readonly excludes: readonly string[];
  /** Files larger than this (bytes) are excluded. */
  readonly largestBytes?: number;
  readonly job?: JobMark;
  /** Read all files, even unchanged ones. */
  readonly force?: boolean;
  /** Make no snapshot if it would equal the last one. */
  readonly skipIfUnchanged?: boolean;
  readonly checkpointMs?: number;
  readonly checkpointBytes?: number;
  readonly workers: number;
  readonly signal: AbortSignal;
}

/**
 * Makes one snapshot of everything in `tree`.
 * @throws MissingTree, BadPattern, Locked, Interrupted, and what requests throw
 */
export async function backUpRemote(
  repository: OpenedRepository,
  tree: RemoteTree,
  request: RemoteBackupRequest,
  monitor: Monitor,
): Promise<BackedUp> {
  await using writer = await becomeWriter(repository, `backup of ${tree.location}`);
  return await new RemoteBackupRun(repository, tree, request, monitor).make(writer);
}

class RemoteBackupRun {
  readonly #repository: OpenedRepository;
  readonly #tree: RemoteTree;
  readonly #request: RemoteBackupRequest;
  readonly #monitor: Monitor;
  /** Receives notices that don't count as problems of the snapshot. */
  readonly #outer: Monitor;
  readonly #source: string;
  readonly #startMs: number;
  readonly #totals: RunningTotals = { entries: 0, files: 0, dirs: 0, bytes: 0, problems: 0 };

  /** Not to be made once more. */
  #last: LastSnapshot | undefined;

  constructor(repository: OpenedRepository, tree: RemoteTree, request: RemoteBackupRequest, monitor: Monitor) {
    this.#repository = repository;
    this.#tree = tree;
    this.#request = request;
    this.#outer = monitor;
    this.#monitor = countingProblems(monitor, () => this.#totals.problems++);
    this.#source = tree.location;
    this.#startMs = repository.machine.clock.nowMs();
  }

  async make(writer: RepositoryWriter): Promise<BackedUp> {
    const { host, workers, signal } = this.#request, snapshots = await this.#repository.snapshots();
    const series = this.#seriesIn(snapshots), previous = this.#previousIn(snapshots, series);
    const startMs = this.#startMs;
    await using sink = await writer.begin(
      // Whoever may read the server's files is not known here.
      { series, startMs, isPrivate: true, tree: false, previous, host, workers, signal },
      this.#monitor,
    );
    using _ = this.#monitor.follow("readBytes", () => sink.bytes);
    this.#monitor.phase("reading the source");
    const manifest = new SnapshotWriter(sink, this.#monitor);
    if (this.#request.skipIfUnchanged) this.#last = await LastSnapshot.of(this.#repository, previous);
    let storedItems = 0;
    const changes = new RemoteChanges(previous), { watch } = changes;
    const checkpoints = this.#checkpoints({ sink, manifest, series, watch });
    try {
      storedItems = await this.#run({ sink, manifest, checkpoints, previous, changes });
    } catch (error) {
      if (error instanceof Interrupted) await checkpoints.make();
      throw error;
    }
    const fields = this.#fields(series), hunks = manifest.finish();
    const isWhole = storedItems === 0 && sink.damaged.size === 0;
    if (isWhole && this.#last?.isRepeatedBy(fields, hunks)) return { ...this.#last.info, unchanged: true };
    const { beginning } = changes, work = { workers: 0, signal };
    const found = await changeFields({ repository: this.#repository, previous, beginning, watch, fields, work });
    const id = await sink.commit({ ...fields, ...found }, hunks);
    if (found.change && found.alarm) this.#outer.problem(new UnusualChange(alarmText(found.change, found.alarm)));
    const made = (await this.#repository.snapshots()).find((snapshot) => snapshot.id === id);
    if (made === undefined) throw new NoSnapshot(id, "somebody has forgotten it as soon as it was made");
    return made;
  }

  /** @returns number of new contents */
  async #run({ sink, manifest, checkpoints, previous, changes }: {
    readonly sink: SnapshotSink;
    readonly manifest: SnapshotWriter;
    readonly checkpoints: Checkpoints;
    readonly previous: readonly SnapshotInfo[];
    readonly changes: RemoteChanges;
  }): Promise<number> {
    const { excludes, largestBytes, signal, force = false } = this.#request,
      monitor = this.#monitor,
      totals = this.#totals;
    const manifests = await Promise.all(previous.map(({ id }) => this.#repository.manifest(id)));
    const before = new PreviousEntries(manifests, {
      damaged: (fault) => monitor.notice(`The previous snapshot can't help: ${fault.message}`),
      gone: ({ text }) => changes.watch.gone(text),
    });
    await using ahead = new ReadAhead(this.#tree, signal);
    const files = new RemoteFiles({
      tree: this.#tree,
      ahead,
      disk: this.#repository.machine.disk,
      sink,
      before,
      monitor,
      signal,
      force,
      sinceMs: Math.max(0, ...previous.map(({ time }) => Date.parse(time))),
    });
    const walk = walkRemote(this.#tree, {
      filter: parseFilter(excludes),
      largestBytes,
      signal,
      problem: (fault) => monitor.problem(fault),
      excluded: () => monitor.count("excludedEntries"),
    });
    for await (const seen of takenAhead(looked(walk, files))) {
      const { path, entry } = seen.found;
      monitor.count("walkedEntries");
      const line = await files.lineOf(seen);
      if (line === undefined) continue;
      changes.note(path, line);
      manifest.add(path, line.text, line.from?.text === line.text ? line.from : undefined);
      totals.entries++;
      if (entry.kind === "dir") totals.dirs++;
      if (line.bytes !== undefined) {
        totals.files++;
        totals.bytes += line.bytes;
      }
      await sink.keepUp();
      await checkpoints.makeIfDue();
    }
    before.finish();
    return files.storedItems;
  }

  #seriesIn(snapshots: readonly SnapshotInfo[]): string {
    const { name, host } = this.#request, sources = [this.#source];
    return name ?? chooseName(snapshots, { host, wanted: nameOf(this.#source), sources }).name;
  }

  #previousIn(snapshots: readonly SnapshotInfo[], series: string): readonly SnapshotInfo[] {
    const key = sourcesKey([this.#source]);
    // Even a given name doesn't make files of one server those of another: their ETags and times mean nothing there.
    return previousOf(snapshots.filter(({ sources }) => sourcesKey(sources) === key), this.#request.host, series);
  }

  #checkpoints({ sink, manifest, series, watch }: {
    readonly sink: SnapshotSink;
    readonly manifest: SnapshotWriter;
    readonly series: string;
    readonly watch: ChangeWatch;
  }): Checkpoints {
    return new Checkpoints({
      clock: this.#repository.machine.clock,
      startMs: this.#startMs,
      everyMs: this.#request.checkpointMs,
      everyBytes: this.#request.checkpointBytes,
      readBytes: () => sink.bytes,
      hunks: () => manifest.soFar(),
      make: async (hunks) => {
        if (this.#last?.beginsWith(hunks)) return;
        await sink.checkpoint({ ...this.#fields(series), change: watch.figures() }, hunks);
        this.#monitor.phase("reading the source");
      },
    });
  }

  #fields(series: string): RootFields {
    const { clock } = this.#repository.machine;
    const { host, user, name, excludes, largestBytes = null, tags, description, job } = this.#request;
    return {
      start: new Date(this.#startMs).toISOString(),
      end: new Date(clock.nowMs()).toISOString(),
      timeZone: clock.zone,
      offsetMinutes: clock.offsetMinutes(this.#startMs),
      host,
      user,
      name: series,
      named: name !== undefined,
      sources: [{ path: this.#source, at: "/" }],
      excludes,
      leftOut: { ignored: false, caches: false, mounts: false, largerThan: largestBytes, unlisted: false },
      tags,
      ...(description !== undefined && { description }),
      ...(job !== undefined && { job }),
      totals: { ...this.#totals },
      tool: `backup-tool ${VERSION}`,
    };
  }
}

async function* looked(walk: AsyncIterable<RemoteFound>, files: RemoteFiles): AsyncGenerator<RemoteSeen> {
  for await (const found of walk) yield files.look(found);
}

/** The last component of a location, or else its host. */
function nameOf(location: string): string {
  const withoutUser = location.replace(/^([a-z0-9]+:(?:https?:)?(?:\/\/)?)[^/:@]*@/, "$1");
  return withoutUser.split(/[/:]/).filter((part) => !["", ".", "~"].includes(part)).at(-1) ?? "remote";
}
