/** Determines what a rewrite would change: the snapshots, and the entries to remove. */
import type { Apath } from "../../core/apath.ts";
import type { Clock } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import { Yielder } from "../../core/yielding.ts";
import { contentsOf } from "../../snapshot/hunk_contents.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Repository } from "../../snapshot/repository.ts";
import type { RootChanges } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { changesOf, type NewFacts } from "./new_facts.ts";
import { type Reason, RemovalChoice, type Unwanted, withExcludes } from "./removal_choice.ts";

/** What is removed from one snapshot. */
export interface Removed {
  entries: number;
  files: number;
  dirs: number;
  bytes: number;
  problems: number;
}

export interface PlannedSnapshot {
  readonly info: SnapshotInfo;
  readonly removed: Removed;
  readonly choice: RemovalChoice;
  readonly changes: RootChanges;
}

/** A path that is removed, with everything below it. */
export interface RemovedPath {
  readonly path: Apath;
  /** Number of entries, in the newest of the chosen snapshots that contains it. */
  readonly entries: number;
  readonly bytes: number;
  /** Number of snapshots from which it is removed. */
  readonly snapshots: number;
}

/** What goes of one hunk. */
interface Verdict extends Removed {
  readonly tops: Map<Apath, { entries: number; bytes: number }>;
  readonly reasons: Set<Reason>;
  readonly contents: Map<string, number>;
}

export interface PlanRequest {
  readonly unwanted: Unwanted;
  readonly facts: NewFacts;
  readonly signal: AbortSignal;
}

export class RewritePlan {
  /** Snapshots that would change, oldest first. */
  readonly snapshots: PlannedSnapshot[] = [];
  /** Snapshots that would stay unchanged. */
  readonly unchanged: SnapshotInfo[] = [];
  /** Paths and patterns that match something. */
  readonly fitting = new Set<Reason>();
  readonly #repository: Repository;
  readonly #request: PlanRequest;
  readonly #clock: Clock;
  readonly #pace: Yielder;
  readonly #verdicts = new Map<string, Verdict>();
  readonly #paths = new Map<Apath, RemovedPath>();
  readonly #contents = new Map<string, number>();

  constructor(repository: Repository, request: PlanRequest, clock: Clock) {
    this.#repository = repository;
    this.#request = request;
    this.#clock = clock;
    this.#pace = new Yielder(clock, request.signal);
  }

  /** Removed paths, in apath order within the snapshots where they were found first. */
  get paths(): readonly RemovedPath[] {
    return [...this.#paths.values()];
  }

  /** Adds a snapshot to the plan. @throws DamagedManifest, DamagedContent, Interrupted */
  async add(info: SnapshotInfo): Promise<void> {
    const { unwanted, facts } = this.#request, manifest = await this.#repository.manifest(info.id);
    const choice = new RemovalChoice(manifest, unwanted), removed = await this.#removedOf(manifest, choice);
    const excludes = removed.entries === 0
      ? {}
      : { excludes: withExcludes(manifest.root, choice.asExcludes(unwanted)) };
    const changes = { ...changesOf(manifest.root, facts, this.#clock), ...excludes };
    if (Object.keys(changes).length === 0 && removed.entries === 0) this.unchanged.push(info);
    else this.snapshots.push({ info, removed, choice, changes });
  }

  async #removedOf(manifest: Manifest, choice: RemovalChoice): Promise<Removed> {
    const removed: Removed = { entries: 0, files: 0, dirs: 0, bytes: 0, problems: 0 };
    const tops = new Map<Apath, { entries: number; bytes: number }>();
    const { unwanted: { paths, patterns } } = this.#request;
    for (const hunk of paths.length + patterns.length === 0 ? [] : manifest.root.hunks.keys()) {
      await this.#pace.yieldIfDue();
      const verdict = this.#verdictOn(manifest, hunk, choice);
      addTo(removed, verdict);
      for (const [path, more] of verdict.tops) addTop(tops, path, more);
      for (const reason of verdict.reasons) this.fitting.add(reason);
      for (const [id, bytes] of verdict.contents) this.#contents.set(id, bytes);
    }
    for (const [path, { entries, bytes }] of tops) {
      this.#paths.set(path, { path, entries, bytes, snapshots: (this.#paths.get(path)?.snapshots ?? 0) + 1 });
    }
    return removed;
  }

  /** Most hunks belong to many snapshots: each is looked through once. */
  #verdictOn(manifest: Manifest, hunk: number, choice: RemovalChoice): Verdict {
    const key = `${manifest.root.hunks[hunk]?.id} ${choice.key}`, known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = verdictOf(manifest.hunkEntries(hunk), choice);
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  /** @throws Interrupted */
  async yieldIfDue(): Promise<void> {
    await this.#pace.yieldIfDue();
  }

  /** True if a part of a hunk is removed. */
  touches(manifest: Manifest, hunk: number, choice: RemovalChoice): boolean {
    return this.#verdictOn(manifest, hunk, choice).entries > 0;
  }

  /**
   * Contents that would no longer be needed, with their size before compression.
   * @throws DamagedManifest, DamagedContent, Interrupted
   */
  async freed(monitor: Monitor): Promise<{ contents: number; bytes: number }> {
    if (this.#contents.size === 0) return { contents: 0, bytes: 0 };
    monitor.phase("looking for what is not needed");
    const planned = new Map(this.snapshots.map((snapshot) => [snapshot.info.id, snapshot])), seen = new Set<string>();
    for (const { id } of await this.#repository.snapshots()) {
      const manifest = await this.#repository.manifest(id), choice = planned.get(id)?.choice;
      for (const [index, ref] of manifest.root.hunks.entries()) {
        await this.#pace.yieldIfDue();
        if (choice !== undefined && this.touches(manifest, index, choice)) {
          for (const entry of manifest.hunkEntries(index)) {
            if (entry.content !== undefined && !choice.removes(entry)) this.#contents.delete(entry.content);
          }
        } else if (!seen.has(ref.id)) {
          seen.add(ref.id);
          for (const content of contentsOf(await this.#repository.object(ref.id), ref)) this.#contents.delete(content);
        }
      }
    }
    return { contents: this.#contents.size, bytes: this.#contents.values().reduce((sum, bytes) => sum + bytes, 0) };
  }
}

function verdictOf(entries: Iterable<Entry>, choice: RemovalChoice): Verdict {
  const verdict: Verdict = {
    entries: 0,
    files: 0,
    dirs: 0,
    bytes: 0,
    problems: 0,
    tops: new Map(),
    reasons: new Set(),
    contents: new Map(),
  };
  for (const entry of entries) {
    if (!choice.removes(entry)) continue;
    choice.addReasons(entry, verdict.reasons);
    const own = factsOf(entry);
    addTo(verdict, own);
    addTop(verdict.tops, choice.topOf(entry.path), own);
    if (entry.content !== undefined) verdict.contents.set(entry.content, entry.size);
  }
  return verdict;
}

function factsOf({ kind, content, size, problems = [] }: Entry): Removed {
  const isFile = kind === "file" && content !== undefined;
  return {
    entries: 1,
    files: isFile ? 1 : 0,
    dirs: kind === "dir" ? 1 : 0,
    bytes: isFile ? size : 0,
    problems: problems.length,
  };
}

function addTo(sum: Removed, { entries, files, dirs, bytes, problems }: Removed): void {
  sum.entries += entries;
  sum.files += files;
  sum.dirs += dirs;
  sum.bytes += bytes;
  sum.problems += problems;
}

function addTop(
  tops: Map<Apath, { entries: number; bytes: number }>,
  path: Apath,
  more: { readonly entries: number; readonly bytes: number },
): void {
  const { entries, bytes } = tops.get(path) ?? { entries: 0, bytes: 0 };
  tops.set(path, { entries: entries + more.entries, bytes: bytes + more.bytes });
}
