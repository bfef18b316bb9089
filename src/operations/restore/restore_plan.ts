/** Everything about a restore that is determined before the target is touched. */
import { type IdOf, withMappedAcls } from "../../core/acl.ts";
import type { Apath } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import { unlessFault } from "../../core/fault.ts";
import { isBelow, type Raw, ROOT, textOf } from "../../core/raw.ts";
import type { WantedAttributes } from "../../core/restore_terms.ts";
import { Yielder } from "../../core/yielding.ts";
import type { Disk } from "../../platform/disk.ts";
import type { OwnPlaces } from "../../platform/own_places.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import { notInSnapshot, resolvePaths } from "../browse/resolve_path.ts";
import { ConfinedDisk } from "../confined_disk.ts";
import { GuardedDisk } from "../guarded_disk.ts";
import type { OpenedRepository } from "../opened.ts";
import { type PathMapping, pathMappings, withoutPlace } from "./path_mapping.ts";
import type { RestoreRequest } from "./restore_request.ts";
import { harmless } from "../../target/harmless.ts";
import { assertOutside } from "./restore_target.ts";

export class RestorePlan {
  readonly repository: OpenedRepository;
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
  /** The requested paths, as in the snapshot; empty: everything. */
  readonly paths: readonly Apath[];
  readonly mappings: readonly PathMapping[];
  readonly monitor: Monitor;
  /**
   * Directories that must not be restored into. Absent where the target is inside the storage on purpose, so that this
   * isn't checked.
   */
  readonly own: OwnPlaces | undefined;
  readonly yielder: Yielder;
  /** The disk on which paths of targets are resolved. */
  readonly disk: Disk;
  readonly #idOf: IdOf;

  /** @throws NotInSnapshot, NoOriginalPlace, TargetInStorage */
  constructor(repository: OpenedRepository, manifest: Manifest, request: RestoreRequest, monitor: Monitor) {
    const { machine } = repository, { snapshot, destination } = request;
    const { confined } = request, disk = diskFor(machine.disk, request);
    this.repository = repository;
    this.request = request;
    this.manifest = manifest;
    this.monitor = monitor;
    this.disk = disk;
    this.paths = request.paths.flatMap((path) => {
      const meant = resolvePaths(manifest, path);
      if (meant.length === 0) throw notInSnapshot(manifest, path, snapshot);
      return meant;
    });
    this.mappings = pathMappings(destination, manifest, this.paths);
    this.own = request.allowInsideStorage ? undefined : repository.ownPlaces(confined?.without ?? [], monitor);
    for (const { target } of this.mappings) {
      if (this.own !== undefined) assertOutside(disk, this.own, target, confined !== undefined);
    }
    if (destination.kind === "in-place") {
      for (const path of withoutPlace(manifest)) {
        monitor.notice(`${textOf(path)} is skipped: it has no original location; restore it with --target`);
      }
    }
    this.yielder = new Yielder(machine.clock, request.signal);
    this.#idOf = (kind, name) => kind === "user" ? disk.userId(name) : disk.groupId(name);
  }

  /**
   * The attributes for an object on this machine. Names take precedence over numbers, which another machine may have
   * assigned to others.
   */
  wanted(entry: Entry): WantedAttributes {
    const { owners, confined } = this.request, { uid, gid, mtime } = entry;
    const { mode, xattrs } = confined === undefined ? entry : harmless(entry);
    if (owners === "ids") return { owner: { uid, gid }, mode, mtime, xattrs };
    return {
      owner: owners === "names" ? this.#ownerByName(entry) : owners === "none" ? undefined : owners,
      mode,
      mtime,
      xattrs: withMappedAcls(xattrs === entry.xattrs ? entry : { ...entry, xattrs }, this.#idOf),
    };
  }

  /** True if the person who requested the restore has fewer rights than this program. */
  get isConfined(): boolean {
    return this.request.confined !== undefined;
  }

  /** See {@link ExtractBatch.beneath}. @param target real path of a target */
  beneath(target: Raw): Raw | undefined {
    const { confined, isGuarded } = this.request;
    if (confined !== undefined) {
      const tops = confined.below.flatMap((top) => unlessFault(() => [this.repository.machine.disk.realPath(top)], []));
      return tops.find((top) => target === top || isBelow(target, top)) ?? ROOT;
    }
    return isGuarded && this.disk.abilities.owners ? ROOT : undefined;
  }

  #ownerByName({ uid, gid, user, group }: Entry): WantedAttributes["owner"] {
    return {
      uid: user === undefined ? uid : this.disk.userId(user) ?? uid,
      gid: group === undefined ? gid : this.disk.groupId(group) ?? gid,
    };
  }
}

function diskFor(disk: Disk, { confined, isGuarded }: RestoreRequest): Disk {
  if (confined !== undefined) return new ConfinedDisk(disk, confined.below);
  return isGuarded ? new GuardedDisk(disk) : disk;
}

/** Plans a restore. @throws NotInSnapshot, NoOriginalPlace, TargetInStorage, DamagedManifest, DamagedContent */
export async function planRestore(
  repository: OpenedRepository,
  request: RestoreRequest,
  monitor: Monitor,
): Promise<RestorePlan> {
  return new RestorePlan(repository, await repository.manifest(request.snapshot.id), request, monitor);
}
