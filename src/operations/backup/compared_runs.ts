/**
 * The stations *walk* and *compare*: everything in the sources is compared with the previous snapshot. Directories,
 * symlinks and special files are finished here; regular files are queued in batches.
 */
import { nameOf, parentOf, TOP } from "../../core/apath.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import { ACL_ATTRIBUTE } from "../../platform/acl.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import { encodeLine, parseLine } from "../../snapshot/entry_line.ts";
import type { TreeDirectory, TreeOutput } from "../../snapshot/snapshot_sink.ts";
import type { BatchDirectory } from "../../snapshot/work_batch.ts";
import type { Found, WalkBatch } from "../../source/walk.ts";
import type { BackupEntry } from "../comparison/backup_entry.ts";
import type { Comparison } from "../comparison/comparison.ts";
import { readDetails } from "../comparison/entry_details.ts";
import { type EntryRun, newRun } from "./entry_run.ts";
import type { IngestQueue } from "./ingest_queue.ts";
import type { StreamsAndKept } from "./streams_and_kept.ts";

export interface ComparedRunsSetup {
  readonly comparison: Comparison;
  readonly others: StreamsAndKept;
  readonly queue: IngestQueue;
  readonly tree: TreeOutput | undefined;
  readonly disk: Disk;
  readonly monitor: Monitor;
}

/** A directory of the source, while its entries are compared. */
interface Directory {
  readonly parent: Dir;
  readonly place: BatchDirectory;
  readonly tree: TreeDirectory | undefined;
}

export class ComparedRuns {
  readonly #setup: ComparedRunsSetup;

  constructor(setup: ComparedRunsSetup) {
    this.#setup = setup;
  }

  /**
   * Yields everything, in apath order. The queue must take each run before the next is requested.
   * @throws SourceGone
   */
  *all(): Generator<EntryRun> {
    const { comparison, others, tree } = this.#setup;
    for (const batch of comparison.batches()) {
      yield* this.#alone(others.before(batch.found[0]?.path, comparison, tree));
      yield* this.#ofBatch(batch);
    }
    yield* this.#alone(others.kept(comparison, tree));
    yield* this.#alone(others.before(undefined, comparison, tree));
  }

  /**
   * A run ends where a batch is sent: what is done of a directory of huge files needn't wait for the rest of it. It
   * ends as well where something is kept that the source no longer has.
   */
  *#ofBatch(batch: WalkBatch): Generator<EntryRun> {
    const { comparison, others, tree, queue, monitor } = this.#setup;
    monitor.current(textOf(batch.apath));
    using opened = batch.found[0]?.path === TOP ? undefined : tree?.open(batch.apath);
    const directory = { parent: batch.parent, place: this.#placeOf(batch, opened !== undefined), tree: opened };
    let run = newRun(batch.apath);
    for (const found of batch.found) {
      const entry = this.#compare(found, directory);
      if (others.hasKept) {
        yield run;
        yield* this.#alone(others.kept(comparison, tree));
        run = newRun(batch.apath);
      }
      if (queue.put(entry, run)) continue;
      yield run;
      run = newRun(batch.apath);
    }
    yield run;
  }

  #placeOf({ rootPath, relative, apath }: WalkBatch, isInTree: boolean): BatchDirectory {
    const { tree } = this.#setup;
    if (tree === undefined) return { rootPath, relative, apath, tree: undefined, before: undefined };
    const { tree: shown, before } = tree.placeOf(apath);
    return { rootPath, relative, apath, tree: isInTree ? shown : undefined, before };
  }

  #compare(found: Found, { parent, place, tree }: Directory): BackupEntry {
    const { comparison, disk, monitor } = this.#setup;
    const entry = comparison.compare(found, parent);
    entry.place = place;
    const { stat } = entry;
    if (stat.kind === "file") return entry;
    const line = entry.line ??= encodeLine(entry.head, readDetails(entry, parent, disk, monitor));
    if (stat.kind === "dir") this.#showDirectory(entry, line, tree);
    else if (stat.kind === "symlink" && tree !== undefined) showSymlink(entry, line, tree);
    return entry;
  }

  #showDirectory(entry: BackupEntry, line: string, tree: TreeDirectory | undefined): void {
    const { comparison, tree: output } = this.#setup;
    if (output === undefined) return;
    const isSimple = !line.includes(ACL_ATTRIBUTE);
    entry.directory = isSimple ? { path: entry.path, ...comparison.seenOf(entry.stat) } : parseLine(line);
    tree?.makeDirectory(entry.directory);
  }

  /** What the walk doesn't come to. */
  *#alone(entries: Iterable<BackupEntry>): Generator<EntryRun> {
    for (const entry of entries) {
      const run = newRun(parentOf(entry.path));
      this.#setup.queue.put(entry, run);
      yield run;
    }
  }
}

function showSymlink({ path, stat }: BackupEntry, line: string, tree: TreeDirectory): void {
  const { target } = parseLine(line), { uid, gid, mtime } = stat;
  if (target !== undefined) tree.makeSymlink({ name: nameOf(path), target, uid, gid, mtime });
}
