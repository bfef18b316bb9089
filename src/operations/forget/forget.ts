/** Removes snapshots: those that a policy doesn't keep, or those that are named. */
import { shortId } from "../../core/short_id.ts";
import { classOfId, parseRootId, type RootId } from "../../core/content_id.ts";
import { digestHexLength } from "../../core/digest.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { hasRule, PIN, type Policy, tagList } from "../../core/policy.ts";
import { decide, type Decision, heldBack } from "../../core/retention.ts";
import { NoSnapshot } from "../../snapshot/faults.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";
import { makeRoom } from "./free_space.ts";

/** Which snapshots a policy applies to: those that match every given criterion. */
export interface SeriesFilter {
  readonly host?: string;
  readonly name?: string;
  /** Only snapshots with one of these tags; "a,b": with both. */
  readonly tags?: readonly string[];
  /** Only the series of this snapshot. */
  readonly like?: RootId;
}

export type ForgetRequest =
  & {
    readonly dryRun: boolean;
    readonly signal?: AbortSignal;
    /** Threads that remove trees; none if undefined. */
    readonly workers?: number;
  }
  & (
    /** Without a policy, that of the storage applies. */
    | { readonly policy: Policy | undefined; readonly among: SeriesFilter }
    /** Names of snapshots, or the full id of a root that can't be read. */
    | { readonly snapshots: readonly string[] }
  );

export interface ForgetResult {
  /** The policy that was applied; undefined if snapshots were named. */
  readonly policy: Policy | undefined;
  /** Decisions on all snapshots considered, series by series, newest first; empty if snapshots were named. */
  readonly decisions: readonly Decision<SnapshotInfo>[];
  /** Ids of the removed snapshots; in a dry run, of those that would be removed. */
  readonly removed: readonly RootId[];
}

/**
 * Removes snapshots and their trees. Data that only they needed stays in the storage until a prune. A dry run takes no
 * lock.
 * @throws NoRule, SnapshotPinned, DamagedPolicy, NoSnapshot, AmbiguousSnapshot, Locked, DiskFault
 */
export async function forget(
  repository: OpenedRepository,
  request: ForgetRequest,
  monitor: Monitor,
): Promise<ForgetResult> {
  if (request.dryRun) return await toRemove(repository, request, monitor);
  await using writer = await becomeWriter(repository, "forget");
  const result = await toRemove(repository, request, monitor);
  monitor.phase("removing");
  const { workers = 0, signal = new AbortController().signal } = request;
  const removed = await writer.forget(result.removed, { workers, signal });
  const isGone = new Set<string>(removed);
  for (const id of result.removed) if (!isGone.has(id)) monitor.problem(new SnapshotInUse(id));
  return { ...result, removed };
}

/** A running restore uses the snapshot. */
export class SnapshotInUse extends Fault {
  readonly code = "snapshot-in-use";
  readonly hint = "Try again when that has ended";
  constructor(id: RootId) {
    super(`Cannot change or forget snapshot ${shortId(id)}: a running restore uses it`);
  }
}

/** Somebody has pinned the snapshot. */
export class SnapshotPinned extends Fault {
  readonly code = "snapshot-pinned";
  readonly hint = "Unpin it first, with `backup-tool tag SNAPSHOT --unpin`";
  constructor(id: RootId) {
    super(`Cannot forget snapshot ${shortId(id)}: it is pinned`);
  }
}

/** There are no rules. Without this check, a typing error would remove all but one snapshot of each series. */
export class NoRule extends BadUsage {
  constructor() {
    super(
      "No retention rules given",
      "Use for example `--keep-daily 7`, or set a policy with `backup-tool policy set`",
    );
  }
}

async function toRemove(
  repository: OpenedRepository,
  request: ForgetRequest,
  monitor: Monitor,
): Promise<ForgetResult> {
  if ("snapshots" in request) {
    const removed: RootId[] = [];
    const pinned = new Set((await repository.snapshots()).filter(({ tags }) => tags.includes(PIN)).map(({ id }) => id));
    for (const name of request.snapshots) removed.push(await rootNamed(repository, name));
    for (const id of removed) if (pinned.has(id)) throw new SnapshotPinned(id);
    return { policy: undefined, decisions: [], removed: [...new Set(removed)] };
  }
  const policy = request.policy ?? await repository.policy() ?? {};
  if (!hasRule(policy)) throw new NoRule();
  const { host, name, tags = [], like } = request.among;
  const all = await repository.provenSnapshots(),
    snapshots = all.filter((snapshot) =>
      (host === undefined || snapshot.host === host) && (name === undefined || snapshot.name === name) &&
      (tags.length === 0 || tags.some((both) => tagList(both).every((tag) => snapshot.tags.includes(tag))))
    );
  const decided = heldBack(decide(snapshots, policy, repository.machine.clock.nowMs()), all)
    .filter(({ decisions }) => like === undefined || decisions.some(({ snapshot }) => snapshot.id === like));
  const { signal = new AbortController().signal } = request;
  const series = await makeRoom(repository, decided, { policy, signal }, monitor);
  const decisions = series.flatMap((one) => one.decisions);
  return { policy, decisions, removed: decisions.filter(({ keep }) => !keep).map(({ snapshot }) => snapshot.id) };
}

/** A root that can't be read is in no list of snapshots, but its whole id names it. */
async function rootNamed(repository: OpenedRepository, name: string): Promise<RootId> {
  try {
    return resolveSnapshot(name, await repository.snapshots()).id;
  } catch (error) {
    const digits = digestHexLength(repository.algorithm);
    if (!(error instanceof NoSnapshot) || classOfId(name, digits) !== "root") throw error;
    const id = parseRootId(name, digits);
    if (!(await repository.rootIds()).includes(id)) throw error;
    return id;
  }
}
