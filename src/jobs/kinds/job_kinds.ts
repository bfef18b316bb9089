/** What each kind of job does: the same operation that the command of that name runs, asked in the same way. */
import { type Apath, apathOf } from "../../core/apath.ts";
import type { Policy } from "../../core/policy.ts";
import { baseName, parentPath, type Raw, rawOf } from "../../core/raw.ts";
import { parseSubset } from "../../core/subset.ts";
import { DamageFound, NotYet } from "../faults.ts";
import { performImport } from "../import/import.ts";
import type { JobRun } from "../run/job_run.ts";
import { absolutePath, type Job, type JobOf, type Keep } from "../schema/schema.ts";
import { readTextIn } from "../state/text_file.ts";
import { backup, type BackupRequest } from "../../operations/backup/backup.ts";
import type { Selection } from "../../operations/backup/comparison.ts";
import { lockedBackup } from "../../operations/backup/locked_backup.ts";
import { check, type Finding } from "../../operations/check/check.ts";
import { forget } from "../../operations/forget/forget.ts";
import { prune } from "../../operations/forget/prune.ts";
import { GuardedDisk } from "../../operations/guarded_disk.ts";
import { restore, type RestoreRequest } from "../../operations/restore/restore.ts";
import { type BackupSettings, lockFrom, marksFrom, selectionFrom } from "../../operations/settings/backup_settings.ts";
import { type Disk, DiskFault } from "../../platform/disk.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** Does a job, or what a run that was killed has left of it. */
export async function performKind(run: JobRun, job: Job): Promise<void> {
  switch (job.kind) {
    case "backup":
      return await performBackup(run, job);
    case "import":
      return await performImport(run, job);
    case "restore":
      return await performRestore(run, job);
    case "check":
      return await performCheck(run, job);
    case "prune":
      return await performPrune(run, job);
    case "copy":
      throw new NotYet("copy into a vault");
    default:
      return job satisfies never;
  }
}

async function performBackup(run: JobRun, job: JobOf<"backup">): Promise<void> {
  const { storage, monitor } = run;
  const done = run.findSnapshot({ name: job.name, host: job.host ?? run.setup.host });
  if (done === undefined) run.noteSnapshot(await makeBackup(run, job));
  else monitor.recall(storage.manifest(done.id).root.totals.problems);
  const { host, name, id: like } = run.snapshot!;
  if (job.keep !== undefined) {
    await forget(storage, { policy: policyOf(job.keep), among: { host, name, like }, dryRun: false }, monitor);
  }
}

async function performPrune({ setup, storage, monitor }: JobRun, job: JobOf<"prune">): Promise<void> {
  // Each thread takes much memory here.
  const { host, name, workers = 0 } = job;
  const among = { ...(host !== undefined && { host }), ...(name !== undefined && { name }) };
  if (job.keep !== undefined) await forget(storage, { policy: policyOf(job.keep), among, dryRun: false }, monitor);
  await prune(storage, { dryRun: false, workers, signal: setup.signal }, () => {}, monitor);
}

/** Undefined: what the storage itself says. */
function policyOf(keep: Keep): Policy | undefined {
  return keep === "policy" ? undefined : keep;
}

async function makeBackup(run: JobRun, job: JobOf<"backup">): Promise<SnapshotInfo> {
  const { setup, storage, monitor } = run;
  const settings = settingsOf(job);
  const request: BackupRequest = {
    ...selectionOf(job, setup.machine.disk, setup.host),
    ...marksFrom(settings),
    job: run.mark("backup"),
    workers: job.workers ?? setup.workers,
    user: setup.user,
    signal: setup.signal,
  };
  const { lockState: state } = setup;
  if (state !== undefined) {
    return await lockedBackup(storage, request, { state, spec: lockFrom(settings, PATHS) }, monitor);
  }
  if (job.lock === undefined) return await backup(storage, request, monitor);
  throw new Error("Nothing says where locks of sources are noted");
}

/** What a job is to back up. @param host if it names none @throws DiskFault of a file with patterns */
export function selectionOf(job: JobOf<"backup">, disk: Disk, host: string): Selection {
  const sources = job.sources.map((source) =>
    typeof source === "string"
      ? absolutePath(source)
      : { path: absolutePath(source.path), as: source.as === undefined ? undefined : rawOf(source.as) }
  );
  const readText = (path: string) => readTextFile(disk, absolutePath(path));
  return selectionFrom({ sources }, settingsOf(job), { ...PATHS, host: () => host, readTextFile: readText });
}

const PATHS = { absolute: absolutePath };

/** What a job says of a backup besides its sources. */
export function settingsOf({ maxSize, ...settings }: JobOf<"backup">): BackupSettings {
  return maxSize === undefined ? settings : { ...settings, excludeLargerThan: maxSize };
}

/** Of a file with patterns: a sparse one may have terabytes. */
const MOST_BYTES = 64 * 1024 * 1024;

function readTextFile(disk: Disk, path: Raw): string {
  using directory = disk.openDir(parentPath(path));
  const text = readTextIn(directory, baseName(path), MOST_BYTES);
  if (text === undefined) throw new DiskFault("ENOENT", "read", path);
  if (text.length >= MOST_BYTES) throw new DiskFault("EFBIG", "read", path);
  return text;
}

async function performRestore(run: JobRun, job: JobOf<"restore">): Promise<void> {
  const { setup, storage, monitor } = run;
  const target = job.target === undefined ? undefined : absolutePath(job.target);
  // "latest" may be another one after a kill.
  const snapshot = run.record.snapshot === undefined
    ? snapshotFor(storage.snapshots(), job)
    : storage.resolve(run.record.snapshot);
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
    isGuarded: true,
    workers: job.workers ?? setup.workers,
    signal: setup.signal,
  };
  // After a kill: what is there is this job's own, and what is not whole has another size or time.
  if (run.record.snapshot !== undefined) {
    return await restore(storage, { ...request, overwrite: "if-changed" }, monitor);
  }
  if (target !== undefined && isEmptyOrMissing(new GuardedDisk(setup.machine.disk), target)) {
    run.update({ snapshot: snapshot.id });
  }
  await restore(storage, request, monitor);
}

function snapshotFor(snapshots: readonly SnapshotInfo[], job: JobOf<"restore">): SnapshotInfo {
  const among = snapshots.filter(({ name, host }) => name === (job.name ?? name) && host === (job.host ?? host));
  return resolveSnapshot(job.snapshot ?? "latest", among);
}

/** As on the command line: the first slash may be missing, final ones don't count. */
function snapshotPath(text: string): Apath {
  return apathOf(`/${rawOf(text).replace(/^\/+|\/+$/g, "")}`);
}

function isEmptyOrMissing(disk: JobRun["setup"]["machine"]["disk"], path: Raw): boolean {
  try {
    using directory = disk.openDir(path);
    return directory.list().names.length === 0;
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") return true;
    throw error;
  }
}

async function performCheck({ setup, storage, monitor }: JobRun, job: JobOf<"check">): Promise<void> {
  const request = {
    readData: job.readData ?? false,
    ...(job.readDataSubset !== undefined && { subset: parseSubset(job.readDataSubset) }),
    workers: job.workers ?? setup.workers,
    signal: setup.signal,
  };
  const found = (finding: Finding) => {
    if (finding.severity === "damage") monitor.problem(new DamageFound(finding.where, finding.what, finding.paths));
    else monitor.notice(`${finding.where}: ${finding.what}`);
  };
  await check(storage, request, found, monitor);
}
