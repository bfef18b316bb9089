/** Jobs that back up. */
import { baseName, joinRaw, parentPath, type Raw, rawOf, textOf } from "../../core/raw.ts";
import { backup } from "../../operations/backup/backup.ts";
import type { BackupRequest } from "../../operations/backup/backup_request.ts";
import type { Selection } from "../../operations/comparison/selection.ts";
import { lockedBackup } from "../../operations/backup/locked_backup.ts";
import { forget } from "../../operations/forget/forget.ts";
import { type BackupSettings, lockFrom, marksFrom, selectionFrom } from "../../operations/settings/backup_settings.ts";
import { backUpRemote } from "../../operations/remote_sources/remote_backup.ts";
import { openSource, remoteRequest } from "../../operations/remote_sources/remote_source.ts";
import { remoteFrom, type RemoteSource } from "../../operations/settings/source_schema.ts";
import { ConfinedDisk } from "../../operations/confined_disk.ts";
import { type Source, sourcePath } from "../../operations/sources/sources.ts";
import { NO_SECRETS } from "../../operations/vaults/login.ts";
import { type Disk, DiskFault } from "../../platform/disk.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { JobRun } from "../run/job_run.ts";
import { absolutePath, type JobOf, serverOf } from "../schema/schema.ts";
import { readTextIn } from "../state/text_file.ts";
import { policyOf } from "./prune_job.ts";

/** Makes a snapshot unless an earlier run of the job has, and removes what `keep` doesn't keep. */
export async function performBackup(run: JobRun, job: JobOf<"backup">): Promise<void> {
  const { repository, monitor } = run;
  const done = await run.findSnapshot({ name: job.name, host: job.host ?? run.setup.host });
  if (done !== undefined) monitor.recall((await repository.manifest(done.id)).root.totals.problems);
  const snapshot = done ?? await makeBackup(run, job);
  run.noteSnapshot(snapshot);
  if (job.keep === undefined) return;
  const { host, name, id: like } = snapshot;
  await forget(repository, { policy: policyOf(job.keep), among: { host, name, like }, dryRun: false }, monitor);
}

async function makeBackup(run: JobRun, job: JobOf<"backup">): Promise<SnapshotInfo> {
  const { setup, repository, monitor } = run;
  const settings = settingsOf(job);
  const request: BackupRequest = {
    ...selectionOf(job, setup.machine.disk, setup.host),
    ...marksFrom(settings),
    job: run.mark("backup"),
    workers: job.workers ?? setup.workers,
    user: setup.user,
    signal: setup.signal,
  };
  const server = serverOf(job.sources);
  if (server !== undefined) return await backUpServer(run, remoteFrom(server, asAbsolute), request);
  const { lockState: state } = setup;
  if (state !== undefined) {
    return await lockedBackup(repository, request, { state, spec: lockFrom(settings, PATHS) }, monitor);
  }
  if (job.lock === undefined) return await backup(repository, request, monitor);
  throw new Error("Nothing says where locks of sources are noted");
}

async function backUpServer(run: JobRun, source: RemoteSource, request: BackupRequest): Promise<SnapshotInfo> {
  const { setup: { machine, secrets = NO_SECRETS }, repository, monitor } = run;
  await using tree = await openSource(source, machine, (name) => secrets.env(name), monitor);
  return await backUpRemote(repository, tree, remoteRequest(request), monitor);
}

const asAbsolute = (path: string) => textOf(absolutePath(path));

/**
 * The sources of a job on this machine, and what it excludes.
 * @param host default for jobs that name none
 * @throws DiskFault of a file with patterns
 */
export function selectionOf(job: JobOf<"backup">, disk: Disk, host: string): Selection {
  const local = serverOf(job.sources) === undefined ? job.sources.flatMap(localSource) : [];
  const { limits } = job, sources = limits === undefined ? local : local.map(confinedTo(disk, limits.below));
  const readText = (path: string) => readTextFile(disk, absolutePath(path));
  return selectionFrom({ sources }, settingsOf(job), { ...PATHS, host: () => host, readTextFile: readText });
}

function localSource(source: JobOf<"backup">["sources"][number]): Source[] {
  if (typeof source === "string") return [absolutePath(source)];
  if ("location" in source) return [];
  return [{ path: absolutePath(source.path), as: source.as === undefined ? undefined : rawOf(source.as) }];
}

/** What others may link or move is read where it was named, or not at all. @throws OutsideLimits, DiskFault */
function confinedTo(disk: Disk, below: readonly string[]): (source: Source) => Source {
  const confined = new ConfinedDisk(disk, below.map(absolutePath));
  return (source) => {
    const { top, relative } = confined.placeOf(sourcePath(source)), beneath = disk.realPath(top);
    const as = typeof source === "string" ? undefined : source.as;
    return { path: joinRaw(beneath, relative), as, beneath };
  };
}

const PATHS = { absolute: absolutePath };

/** The settings of a backup in a job, without its sources. */
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
