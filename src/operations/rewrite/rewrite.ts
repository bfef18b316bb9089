/**
 * Rewrites snapshots: removes what should never have been backed up, or corrects their host, name and time. A snapshot
 * is never changed: it gets a new root, and so a new id. Data that only the former one needed is removed by a prune.
 */
import type { Apath } from "../../core/apath.ts";
import type { RootId } from "../../core/content_id.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import type { WorkOptions } from "../../core/work.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { Repository, RepositoryWriter } from "../../snapshot/repository.ts";
import { parseRoot, type Root, type Totals } from "../../snapshot/root.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { HunkSink } from "../../snapshot/snapshot_writer.ts";
import { SnapshotInUse } from "../forget/forget.ts";
import type { OpenedRepository } from "../opened.ts";
import type { NewFacts } from "./new_facts.ts";
import type { Unwanted } from "./removal_choice.ts";
import { type PlannedSnapshot, type Removed, type RemovedPath, RewritePlan } from "./rewrite_plan.ts";

/** The snapshots to rewrite: those that are named, or all that match. */
export type RewriteChoice =
  | { readonly snapshots: readonly string[] }
  | { readonly host?: string; readonly name?: string; readonly tag?: string };

export interface RewriteRequest extends Pick<WorkOptions, "signal"> {
  readonly among: RewriteChoice;
  readonly unwanted: Unwanted;
  readonly facts: NewFacts;
  readonly dryRun: boolean;
  /** True if an earlier run may have done a part of it, or all: then it is no error if nothing matches. */
  readonly isRepeated?: boolean;
}

export interface Rewritten {
  readonly former: RootId;
  /** New id; undefined in a dry run, and if the snapshot was in use. */
  readonly id: RootId | undefined;
  readonly info: SnapshotInfo;
  readonly removed: Removed;
  /** Names of the root's fields that differ. */
  readonly changes: readonly string[];
}

export interface RewriteResult {
  /** Oldest first. */
  readonly snapshots: readonly Rewritten[];
  /** Snapshots that needed no change. */
  readonly unchanged: readonly RootId[];
  /** Topmost paths that are removed. */
  readonly paths: readonly RemovedPath[];
  /** Former roots that an interrupted run had left. */
  readonly finished: readonly RootId[];
  /** Dry run only: what a prune could then remove; sizes are before compression. */
  readonly freed: { readonly contents: number; readonly bytes: number } | undefined;
}

/** A path or pattern matches nothing, most likely because of a typing error. */
export class NothingMatches extends Fault {
  readonly code = "nothing-matches";
  readonly hint = "Look for it with `backup-tool find`; nothing was changed";
  constructor(what: string) {
    super(`None of the chosen snapshots has anything that matches ${JSON.stringify(what)}`);
  }
}

/**
 * Rewrites snapshots. A dry run takes no lock.
 * @throws BadUsage, NothingMatches, NoSnapshot, AmbiguousSnapshot, DamagedManifest, DamagedContent, Locked, DiskFault,
 * Interrupted
 */
export async function rewrite(
  repository: OpenedRepository,
  request: RewriteRequest,
  monitor: Monitor,
): Promise<RewriteResult> {
  assertUseful(request);
  if (request.dryRun) {
    const plan = await planOf(repository, request, monitor);
    assertAllFit(plan, request.unwanted);
    return resultOf(plan, { finished: [], freed: await plan.freed(monitor) });
  }
  await using writer = await repository.write("rewrite");
  const finished = await finishEarlier(repository, writer);
  const plan = await planOf(repository, request, monitor);
  if (request.isRepeated !== true && (finished.length === 0 || plan.snapshots.length > 0)) {
    assertAllFit(plan, request.unwanted);
  }
  const ids = await rewriteAll({ repository, writer, plan, monitor });
  return resultOf(plan, { ids, finished, freed: undefined });
}

function assertUseful({ unwanted: { paths, patterns }, facts }: RewriteRequest): void {
  const { add = [], remove = [], set, ...others } = facts;
  const isFact = set !== undefined || add.length + remove.length > 0 || Object.keys(others).length > 0;
  if (isFact || paths.length + patterns.length > 0) return;
  throw new BadUsage(
    "Nothing to change was given",
    "Give for example `--remove PATH`, `--exclude PATTERN` or `--new-host NAME`",
  );
}

function assertAllFit({ fitting }: RewritePlan, { paths, patterns }: Unwanted): void {
  const wanted = [...paths.map((path) => textOf(path)), ...patterns.filter((pattern) => !pattern.startsWith("!"))];
  const missing = wanted.find((one) => !fitting.has(one));
  if (missing !== undefined) throw new NothingMatches(missing);
}

async function planOf(repository: OpenedRepository, request: RewriteRequest, monitor: Monitor): Promise<RewritePlan> {
  const chosen = chosenOf(await repository.snapshots(), request.among);
  if (request.facts.startMs !== undefined && chosen.length > 1) {
    throw new BadUsage(`A new time was given for ${chosen.length} snapshots`, "Name one snapshot");
  }
  const plan = new RewritePlan(repository, request, repository.machine.clock);
  monitor.phase("reading manifests");
  for (const info of chosen) await plan.add(info);
  for (const { info, removed } of plan.snapshots) {
    if (removed.entries > 0 && removed.entries === info.entries) throw nothingLeft(info);
  }
  return plan;
}

function nothingLeft({ id }: SnapshotInfo): BadUsage {
  return new BadUsage(`Nothing would be left of the snapshot ${shortId(id)}`, "Remove it with `backup-tool forget`");
}

function chosenOf(snapshots: readonly SnapshotInfo[], among: RewriteChoice): readonly SnapshotInfo[] {
  if ("snapshots" in among) {
    const named = new Set(among.snapshots.map((name) => resolveSnapshot(name, snapshots).id));
    return snapshots.filter(({ id }) => named.has(id));
  }
  const { host, name, tag } = among;
  return snapshots.filter((snapshot) =>
    snapshot.host === (host ?? snapshot.host) && snapshot.name === (name ?? snapshot.name) &&
    (tag === undefined || snapshot.tags.includes(tag))
  );
}

/** An interrupted run may have left a former root beside the new one: it counts as removed, and is removed now. */
async function finishEarlier(repository: Repository, writer: RepositoryWriter): Promise<readonly RootId[]> {
  const listed = new Set((await repository.snapshots()).map(({ id }) => id));
  const hidden = new Set((await repository.rootIds()).filter((id) => !listed.has(id)));
  if (hidden.size === 0) return [];
  const replaced: RootId[] = [];
  for (const id of listed) {
    const { replaces } = parseRoot(await repository.object(id));
    if (replaces !== undefined && hidden.has(replaces)) replaced.push(replaces);
  }
  return await writer.forget(replaced);
}

interface Rewrite {
  readonly repository: Repository;
  readonly writer: RepositoryWriter;
  readonly plan: RewritePlan;
  readonly monitor: Monitor;
}

/** @returns new ids by former ones */
async function rewriteAll({ repository, writer, plan, monitor }: Rewrite): Promise<ReadonlyMap<RootId, RootId>> {
  const ids = new Map<RootId, RootId>();
  monitor.phase("removing");
  for (const { info: { id: former }, removed, choice, changes } of plan.snapshots) {
    const manifest = await repository.manifest(former);
    const entries = (sink: HunkSink) => remaining({ manifest, plan, choice, removed }, sink);
    const id = await (isTagsAlone(changes) && removed.entries === 0
      ? writer.replaceRoot(former, { tags: changes.tags ?? [] })
      : writer.rewrite(former, { changes, ...(removed.entries > 0 && { entries }) }));
    if (id === undefined) {
      monitor.problem(new SnapshotInUse(former));
    } else ids.set(former, id);
  }
  return ids;
}

function isTagsAlone(changes: object): boolean {
  return Object.keys(changes).join() === "tags";
}

interface Remaining extends Pick<PlannedSnapshot, "choice" | "removed"> {
  readonly manifest: Manifest;
  readonly plan: RewritePlan;
}

/** Hunks of which nothing goes stay as they are; of the others the rest is a hunk. */
async function remaining(snapshot: Remaining, sink: HunkSink): Promise<Pick<Root, "hunks" | "totals">> {
  const { manifest, plan, choice, removed } = snapshot, hunks: HunkRef[] = [];
  for (const [index, ref] of manifest.root.hunks.entries()) {
    await plan.yieldIfDue();
    if (!plan.touches(manifest, index, choice)) {
      hunks.push(ref);
      continue;
    }
    const lines = manifest.lines(index), kept: string[] = [];
    let first: Apath | undefined, line = 0;
    for (const entry of manifest.hunkEntries(index)) {
      const text = lines[line++];
      if (choice.removes(entry) || text === undefined) continue;
      first ??= entry.path;
      kept.push(text);
    }
    if (first !== undefined) hunks.push(sink.addHunk(first, kept).ref);
  }
  return { hunks, totals: totalsWithout(manifest.root.totals, removed) };
}

function totalsWithout({ entries, files, dirs, bytes, problems }: Totals, removed: Removed): Totals {
  return {
    entries: entries - removed.entries,
    files: files - removed.files,
    dirs: dirs - removed.dirs,
    bytes: bytes - removed.bytes,
    problems: Math.max(0, problems - removed.problems),
  };
}

interface Outcome extends Pick<RewriteResult, "finished" | "freed"> {
  readonly ids?: ReadonlyMap<RootId, RootId>;
}

function resultOf(plan: RewritePlan, { ids, finished, freed }: Outcome): RewriteResult {
  const snapshots = plan.snapshots.map(({ info, removed, changes }) => ({
    former: info.id,
    id: ids?.get(info.id),
    info,
    removed,
    changes: Object.keys(changes).filter((field) => CHANGES.includes(field)),
  }));
  return { snapshots, unchanged: plan.unchanged.map(({ id }) => id), paths: plan.paths, finished, freed };
}

/** Fields that people change; the others follow from these. */
const CHANGES: readonly string[] = ["host", "name", "start", "tags", "description"];
