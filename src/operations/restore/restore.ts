/** Getting a snapshot, or a part of it, back into a directory: contents verified, attributes as they were. */
import { type IdOf, withMappedAcls } from "../../core/acl.ts";
import type { Entry } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import type { Owner } from "../../core/restore_terms.ts";
import { Yielder } from "../../core/yielding.ts";
import { notInSnapshot, resolvePaths } from "../browse/resolve_path.ts";
import { GuardedDisk } from "../guarded_disk.ts";
import { removeExtraneous } from "./extraneous.ts";
import { absoluteOf, type Destination, type PathMapping, routesTo, withoutPlace } from "./path_mapping.ts";
import { damagedProblem, type EntryGroup, groupsAlong, type RestoreFilter } from "./restore_entries.ts";
import { removeMarkers, setMarker } from "./restore_marker.ts";
import { previewGroup } from "./restore_preview.ts";
import { RestoreRun } from "./restore_run.ts";
import {
  assertOutside,
  examineTarget,
  makeTarget,
  openTarget,
  type TargetRules,
  type TargetState,
} from "./restore_target.ts";
import { RestoredLinks } from "./restored_links.ts";
import { UnrestoredMetadata } from "./unrestored_metadata.ts";
import type { OwnPlaces } from "../../platform/own_places.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import type { StoragePool } from "../../storage/threads/batch_executor.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Storage } from "../../storage/storage.ts";

export interface RestoreRequest extends RestoreFilter {
  readonly snapshot: SnapshotInfo;
  readonly destination: Destination;
  /**
   * What to do with files that are there. Undefined: a directory must be empty, or hold a restore of the same snapshot
   * that was cut off; in place, or with `delete`, only what is not newer is replaced; a new name must be free.
   */
  readonly overwrite: TargetRules["overwrite"];
  /** Removes what the snapshot doesn't have, but for what its backup left out. */
  readonly delete: boolean;
  /** "ids": numbers as they were, even if the names have others here. "none": everything belongs to who restores it. */
  readonly owners: "names" | "ids" | "none";
  /** The target is a place of the storage that is meant for it: what is to become a part of its archive. */
  readonly allowInsideStorage?: true;
  /** The target was named by others, who may also write to directories on the way: see guarded_disk.ts. */
  readonly isGuarded?: true;
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** Something that a restore would do. */
export interface PlannedChange {
  /** "refuse": something newer, or something else, is there and stays, which is a problem. */
  readonly action: "create" | "replace" | "remove" | "refuse";
  /** Absolute. */
  readonly path: Raw;
}

/** @throws NotInSnapshot, NoOriginalPlace, TargetNotEmpty, TargetInStorage, CannotDelete, Interrupted, DiskFault of the target */
export async function restore(storage: Storage, request: RestoreRequest, monitor: Monitor): Promise<void> {
  using _held = storage.lockForReading(request.snapshot.id);
  const plan = new RestorePlan(storage, request, monitor);
  using targets = new DisposableStack();
  const legs = plan.routes.map((route) => {
    const target = targets.use(makeTarget(plan.disk, route.target));
    return { route, target, state: plan.examine(target, route) };
  });
  expectWhole(plan, monitor);
  if (request.delete) {
    monitor.phase("removing");
    await plan.removeExtraneous({ removes: true, removed: () => {} });
  }
  monitor.phase("restoring");
  await using pool = storage.pool(request.workers, request.signal);
  using _followed = monitor.follow("restoredBytes", () => pool.bytes);
  const lacks = new UnrestoredMetadata(), links = new RestoredLinks();
  for (const leg of legs) await restoreAlong(leg, { plan, pool, lacks, links });
  lacks.report(monitor);
}

/** Says what {@link restore} would do, and changes nothing. */
export async function previewRestore(
  storage: Storage,
  request: RestoreRequest,
  monitor: Monitor,
  tell: (change: PlannedChange) => void,
): Promise<void> {
  const plan = new RestorePlan(storage, request, monitor);
  if (request.delete) {
    await plan.removeExtraneous({ removes: false, removed: (path) => tell({ action: "remove", path }) });
  }
  for (const route of plan.routes) {
    using target = openTarget(plan.disk, route.target);
    const { overwrite } = plan.examine(target, route);
    for (const group of plan.groups(route)) {
      await plan.pace.yieldIfDue();
      previewGroup(group, { target, overwrite, deletes: request.delete }, (outcome, place) => {
        if (outcome === "keep") monitor.count("keptFiles");
        else tell({ action: outcome, path: absoluteOf(route, place) });
      });
    }
  }
}

/** What is to be restored is known for whole snapshots, and for files that are named. */
function expectWhole(
  { request: { snapshot, include, exclude }, choice, manifest }: RestorePlan,
  monitor: Monitor,
): void {
  if (include.length + exclude.length > 0) return;
  if (choice.paths.length === 0) return monitor.setTotal({ items: snapshot.files, bytes: snapshot.bytes });
  const entries = choice.paths.map((path) => manifest.entry(path));
  if (entries.some((entry) => entry?.kind === "dir")) return;
  monitor.setTotal({ items: entries.length, bytes: entries.reduce((sum, entry) => sum + (entry?.size ?? 0), 0) });
}

interface Leg {
  readonly route: PathMapping;
  readonly target: Dir;
  readonly state: TargetState;
}

async function restoreAlong(
  { route, target, state }: Leg,
  { plan, ...shared }: { plan: RestorePlan; pool: StoragePool; lacks: UnrestoredMetadata; links: RestoredLinks },
): Promise<void> {
  const { id } = plan.request.snapshot;
  if (state.isFresh) setMarker(target, id);
  using run = new RestoreRun({ ...plan, ...state, ...shared, snapshot: id, groups: plan.groups(route), target });
  await run.make();
  removeMarkers(target, id);
  if (!state.keepsTop) run.finishTop();
}

/** What is restored, and where to: everything that is known before the target is touched. */
class RestorePlan {
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
  readonly choice: RestoreFilter;
  readonly routes: readonly PathMapping[];
  readonly monitor: Monitor;
  /** What must not be restored into; undefined: nothing is looked for, as the target is a place of the storage. */
  readonly own: OwnPlaces | undefined;
  readonly pace: Yielder;
  readonly ownerOf: (entry: Entry) => Owner | undefined;
  readonly xattrsOf: (entry: Entry) => Entry["xattrs"];
  /** By which paths of targets are followed. */
  readonly disk: Disk;
  readonly #storage: Storage;

  constructor(storage: Storage, request: RestoreRequest, monitor: Monitor) {
    const { snapshot, destination, include, exclude } = request;
    const { clock } = storage.machine;
    const disk = request.isGuarded ? new GuardedDisk(storage.machine.disk) : storage.machine.disk;
    this.disk = disk;
    this.#storage = storage;
    this.request = request;
    this.monitor = monitor;
    this.manifest = storage.manifest(snapshot.id);
    const paths = request.paths.flatMap((path) => {
      const meant = resolvePaths(this.manifest, path);
      if (meant.length === 0) throw notInSnapshot(this.manifest, path, snapshot);
      return meant;
    });
    this.choice = { paths, include, exclude };
    this.routes = routesTo(destination, this.manifest, paths);
    this.own = request.allowInsideStorage ? undefined : storage.ownPlaces([], monitor);
    for (const { target } of this.routes) if (this.own !== undefined) assertOutside(disk, this.own, target);
    if (destination.kind === "in-place") {
      for (const path of withoutPlace(this.manifest)) {
        monitor.notice(`${textOf(path)} stays away: it came from no path, and can be restored with --target`);
      }
    }
    this.pace = new Yielder(clock, request.signal);
    this.ownerOf = ownersBy(request.owners, disk);
    this.xattrsOf = request.owners === "ids" ? ({ xattrs }) => xattrs : (entry) => withMappedAcls(entry, idsOn(disk));
  }

  examine(target: Dir | undefined, route: PathMapping): TargetState {
    const { snapshot, overwrite, destination } = this.request;
    const isMirror = this.request.delete || destination.kind === "in-place";
    return examineTarget(target, route, { snapshot: snapshot.id, overwrite, isMirror });
  }

  groups(route: PathMapping): Generator<EntryGroup> {
    const { manifest, choice, monitor } = this;
    return groupsAlong(route, { manifest, choice, damaged: (...about) => monitor.problem(damagedProblem(...about)) });
  }

  removeExtraneous(how: { readonly removes: boolean; readonly removed: (path: Raw) => void }): Promise<void> {
    return removeExtraneous(this.#storage, { ...this, ...how, snapshot: this.request.snapshot.id });
  }
}

function idsOn(disk: Disk): IdOf {
  return (kind, name) => kind === "user" ? disk.userId(name) : disk.groupId(name);
}

/** Names count more than numbers, which another machine may have given to others. */
function ownersBy(owners: RestoreRequest["owners"], disk: Disk): (entry: Entry) => Owner | undefined {
  if (owners === "none") return () => undefined;
  if (owners === "ids") return ({ uid, gid }) => ({ uid, gid });
  return ({ uid, gid, user, group }) => ({
    uid: user === undefined ? uid : disk.userId(user) ?? uid,
    gid: group === undefined ? gid : disk.groupId(group) ?? gid,
  });
}
