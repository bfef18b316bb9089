/** Jobs that restore. */
import { type Apath, apathOf } from "../../core/apath.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
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
  const target = job.target === undefined ? undefined : absolutePath(job.target);
  // "latest" may be another one after a kill.
  const snapshot = run.record.snapshot === undefined
    ? snapshotFor(snapshots, job)
    : resolveSnapshot(run.record.snapshot, snapshots);
  const request: RestoreRequest = {
    snapshot,
    paths: (job.paths ?? []).map(snapshotPath),
    destination: target === undefined
      ? { kind: "in-place" }
      : { kind: "directory", path: target, strip: job.strip ?? 0 },
    include: job.include ?? [],
    exclude: job.exclude ?? [],
    overwrite: job.overwrite,
    delete: job.delete ?? false,
    owners: job.owners ?? "names",
    sparse: job.sparse ?? false,
    flags: job.flags ?? false,
    isGuarded: true,
    workers: job.workers ?? setup.workers,
    signal: setup.signal,
  };
  // After a kill: what is there is this job's own, and what is not whole has another size or time.
  if (run.record.snapshot !== undefined) {
    return await restore(repository, { ...request, overwrite: "if-changed" }, monitor);
  }
  if (target !== undefined && isEmptyOrMissing(new GuardedDisk(setup.machine.disk), target)) {
    run.update({ snapshot: snapshot.id });
  }
  await restore(repository, request, monitor);
}

function snapshotFor(snapshots: readonly SnapshotInfo[], job: JobOf<"restore">): SnapshotInfo {
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
