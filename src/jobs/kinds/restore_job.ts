/** Jobs that restore. */
import { type Apath, apathOf } from "../../core/apath.ts";
import { parentPath, type Raw, rawOf } from "../../core/raw.ts";
import { ConfinedDisk, OutsideLimits } from "../../operations/confined_disk.ts";
import { GuardedDisk } from "../../operations/guarded_disk.ts";
import { restore } from "../../operations/restore/restore.ts";
import type { RestoreRequest } from "../../operations/restore/restore_request.ts";
import { type Disk, DiskFault } from "../../platform/disk.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { JobRun } from "../run/job_run.ts";
import { absolutePath, type JobOf } from "../schema/schema.ts";

export async function performRestore(run: JobRun, job: JobOf<"restore">): Promise<void> {
  const { setup, repository, monitor } = run;
  const snapshots = await repository.snapshots();
  // "latest" may be another one after a kill.
  const snapshot = run.record.snapshot === undefined
    ? snapshotFor(snapshots, job)
    : resolveSnapshot(run.record.snapshot, snapshots);
  const { machine: { disk }, workers, signal } = setup;
  const request = restoreRequest(job, snapshot, { disk, own: run.protectedPaths, workers, signal });
  // After a kill: what is there is this job's own, and what is not whole has another size or time.
  if (run.record.snapshot !== undefined) {
    return await restore(repository, { ...request, overwrite: "if-changed" }, monitor);
  }
  const { destination } = request;
  if (destination.kind === "directory" && isEmptyOrMissing(diskFor(job, disk), destination.path)) {
    run.update({ snapshot: snapshot.id });
  }
  await restore(repository, request, monitor);
}

export interface RestoreTerms {
  readonly disk: Disk;
  /** Absolute paths of the service's directories: a job with limits may not restore into them. */
  readonly own: readonly Raw[];
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** Makes the request of a restore from a job. @throws OutsideLimits */
export function restoreRequest(
  job: JobOf<"restore">,
  snapshot: SnapshotInfo,
  { disk, own, workers, signal }: RestoreTerms,
): RestoreRequest {
  const target = job.target === undefined ? undefined : absolutePath(job.target), { limits } = job;
  const below = limits?.below.map(absolutePath);
  // A directory that was named as a whole keeps its owner, mode and time.
  if (target !== undefined && below?.includes(target)) throw new OutsideLimits(target);
  return {
    snapshot,
    paths: (job.paths ?? []).map(snapshotPath),
    destination: target === undefined
      ? { kind: "in-place" }
      : { kind: "directory", path: target, strip: job.strip ?? 0 },
    include: job.include ?? [],
    exclude: job.exclude ?? [],
    overwrite: job.overwrite,
    delete: job.delete ?? false,
    owners: job.owners === "target" ? ownerAt(diskFor(job, disk), target) : job.owners ?? "names",
    sparse: job.sparse ?? false,
    flags: job.flags ?? false,
    isGuarded: true,
    ...(below !== undefined && { confined: { below, without: own } }),
    workers: job.workers ?? workers,
    signal,
  };
}

function diskFor({ limits }: JobOf<"restore">, disk: Disk): Disk {
  return limits === undefined ? new GuardedDisk(disk) : new ConfinedDisk(disk, limits.below.map(absolutePath));
}

/** Owner of the directory, or of the nearest one above it that is there. */
function ownerAt(disk: Disk, target: Raw | undefined): RestoreRequest["owners"] {
  if (target === undefined) return "names";
  try {
    const { uid, gid } = disk.statDirectory(target);
    return { uid, gid };
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") return ownerAt(disk, parentPath(target));
    throw error;
  }
}

export function snapshotFor(snapshots: readonly SnapshotInfo[], job: JobOf<"restore">): SnapshotInfo {
  const among = snapshots.filter(({ name, host }) => name === (job.name ?? name) && host === (job.host ?? host));
  return resolveSnapshot(job.snapshot ?? "latest", among);
}

/** As on the command line: the first slash may be missing, final ones don't count. */
function snapshotPath(text: string): Apath {
  return apathOf(`/${rawOf(text).replace(/^\/+|\/+$/g, "")}`);
}

function isEmptyOrMissing(disk: Disk, path: Raw): boolean {
  try {
    using directory = disk.openDir(path);
    return directory.list().names.length === 0;
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") return true;
    throw error;
  }
}
