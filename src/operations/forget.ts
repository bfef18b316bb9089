/** Removing snapshots: those that a policy doesn't keep, or those that are named. */
import { classOfId, parseRootId, type RootId } from "../core/content_id.ts";
import { BadUsage, Fault } from "../core/fault.ts";
import type { Monitor } from "../core/monitor.ts";
import { hasRule, type Policy } from "../core/policy.ts";
import { decide, type Decision } from "../core/retention.ts";
import { DiskFault } from "../platform/disk.ts";
import type { SnapshotInfo } from "../storage/catalog/catalog.ts";
import { digestHexLength } from "../storage/digest.ts";
import { NoSnapshot } from "../storage/faults.ts";
import type { Storage } from "../storage/storage.ts";
import { refreshLatest, withdrawTrees } from "./tree_places.ts";

const SHORT_ID = 12;

/** Which snapshots a policy is about: those that fit all that is given. */
export interface SeriesFilter {
  readonly host?: string;
  readonly name?: string;
  /** Only the series of this snapshot. */
  readonly like?: RootId;
}

export type ForgetRequest =
  & { readonly dryRun: boolean }
  & (
    /** Without a policy, that of the storage. */
    | { readonly policy: Policy | undefined; readonly among: SeriesFilter }
    /** Names of snapshots; also the whole id of a root that can't be read. */
    | { readonly snapshots: readonly string[] }
  );

export interface ForgetResult {
  /** What was asked; undefined if snapshots were named. */
  readonly policy: Policy | undefined;
  /** Of each snapshot that was thought about, series by series, newest first; empty if they were named. */
  readonly decisions: readonly Decision<SnapshotInfo>[];
  /** What was removed, or would be. */
  readonly removed: readonly RootId[];
}

/**
 * Snapshots go with their trees. What only they needed stays in the storage until a prune. A dry run takes no lock.
 * @throws NoRule, DamagedPolicy, NoSnapshot, AmbiguousSnapshot, Locked, DiskFault
 */
export function forget(storage: Storage, request: ForgetRequest, monitor: Monitor): ForgetResult {
  if (request.dryRun) return toRemove(storage, request);
  using writer = storage.write("forget");
  const result = toRemove(storage, request);
  const ids = result.removed.filter((id) => !isInUse(storage, id, monitor));
  if (ids.length === 0) return { ...result, removed: [] };
  const gone = new Set<string>(ids);
  const snapshots = storage.provenSnapshots().filter(({ id }) => gone.has(id));
  monitor.phase("removing");
  // First, so that a crash leaves no tree without a snapshot: nobody would know any more whose it was.
  using trees = withdrawTrees(storage, snapshots);
  const names = [...new Set(snapshots.map(({ name }) => name))];
  const unlinked = names.filter((name) => !tryRefresh(storage, name));
  const removed = writer.forget(ids);
  trees.remove(monitor);
  for (const name of unlinked) refreshLatest(storage, name);
  return { ...result, removed };
}

function isInUse(storage: Storage, id: RootId, monitor: Monitor): boolean {
  const isHeld = storage.objects.isHeld(id);
  if (isHeld) monitor.problem(new SnapshotInUse(id));
  return isHeld;
}

/** It would be taken away from under somebody's hands. */
export class SnapshotInUse extends Fault {
  readonly code = "snapshot-in-use";
  readonly hint = "Try again when that has ended";
  constructor(id: RootId) {
    super(`Cannot change or forget snapshot ${id.slice(0, SHORT_ID)}: somebody restores from it`);
  }
}

/** Without that, a typing error would remove all snapshots but one of each series. */
export class NoRule extends BadUsage {
  constructor() {
    super(
      "No rule says which snapshots to keep",
      "Give one such as `--keep-daily 7`, or `backup-tool policy set` some",
    );
  }
}

function toRemove(storage: Storage, request: ForgetRequest): ForgetResult {
  if ("snapshots" in request) {
    return {
      policy: undefined,
      decisions: [],
      removed: [...new Set(request.snapshots.map((name) => rootNamed(storage, name)))],
    };
  }
  const policy = request.policy ?? storage.policy() ?? {};
  if (!hasRule(policy)) throw new NoRule();
  const { host, name, like } = request.among;
  const snapshots = storage.provenSnapshots().filter((snapshot) =>
    (host === undefined || snapshot.host === host) && (name === undefined || snapshot.name === name)
  );
  const series = decide(snapshots, policy, storage.machine.clock.nowMs())
    .filter(({ decisions }) => like === undefined || decisions.some(({ snapshot }) => snapshot.id === like));
  const decisions = series.flatMap((one) => one.decisions);
  return { policy, decisions, removed: decisions.filter(({ keep }) => !keep).map(({ snapshot }) => snapshot.id) };
}

/** A root that can't be read is in no list of snapshots, but its whole id names it. */
function rootNamed(storage: Storage, name: string): RootId {
  try {
    return storage.resolve(name).id;
  } catch (error) {
    const digits = digestHexLength(storage.settings.algorithm);
    if (!(error instanceof NoSnapshot) || classOfId(name, digits) !== "root") throw error;
    const id = parseRootId(name, digits);
    if (!storage.objects.isTaken(id)) throw error;
    return id;
  }
}

/** On a full disk there may be no room for a link before something is removed. */
function tryRefresh(storage: Storage, name: string): boolean {
  try {
    refreshLatest(storage, name);
    return true;
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  }
}
