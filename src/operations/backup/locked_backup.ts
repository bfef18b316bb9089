/** Backups of sources that are locked while they are read. */
import type { Monitor } from "../../core/monitor.ts";
import { patiently } from "../../core/patience.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import { backup } from "./backup.ts";
import type { BackupRequest } from "./backup_request.ts";
import type { BackedUp } from "./unchanged.ts";
import { type Source, sourcePath } from "../sources/sources.ts";
import { type Disk, DiskFault } from "../../platform/disk.ts";
import { type Runner, runStep } from "../../source/lock/act.ts";
import { lockSources, type LockWorld, recoverLocks, type SourceLock } from "../../source/lock/lock.ts";
import type { LockSpec } from "../../source/lock/lock_kinds.ts";
import { OutsideSnapshot } from "../../source/lock/unreadable_mounts.ts";
import { NoSource } from "../../source/walk.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";

export interface Locking {
  /** Absolute path of the directory where this machine records what it does to sources. */
  readonly state: Raw;
  /** Undefined if the sources aren't locked. */
  readonly spec: LockSpec | undefined;
  readonly run?: Runner;
}

/**
 * Cleans up after earlier runs, locks the sources, backs up, and unlocks them, whatever the outcome.
 * @throws SourceLocked, LockFailed, NotUndone, and what {@link backup} throws
 */
export async function lockedBackup(
  repository: OpenedRepository,
  request: BackupRequest,
  { state, spec, run = runStep }: Locking,
  monitor: Monitor,
): Promise<BackedUp> {
  const { disk, clock, random } = repository.machine;
  await undoLeftOver({ disk, run, state }, monitor);
  if (spec === undefined) return await backup(repository, request, monitor);
  // Not to stop a service only to learn that the repository is busy.
  if (await repository.hasWriter()) {
    await using _ = await becomeWriter(repository, "backup");
  }
  const sources = new Map(request.sources.map((source) => [source, realPath(disk, sourcePath(source))]));
  const wanted = {
    spec,
    sources: [...sources.values()],
    facts: factsOf(repository, request, [...sources.values()]),
    signal: request.signal,
  };
  const lock = await patiently(
    () => lockSources({ disk, clock, random, run, state }, wanted),
    repository.machine,
  );
  return await whileLocked(lock, monitor, () => {
    if (!request.oneFileSystem) { for (const path of lock.lacks) monitor.problem(new OutsideSnapshot(path)); }
    const held = request.sources.map((source) => readingFrom(source, lock.reading(sources.get(source)!)));
    return backup(repository, { ...request, sources: held }, monitor);
  });
}

async function whileLocked<T>(lock: SourceLock, monitor: Monitor, work: () => Promise<T>): Promise<T> {
  let outcome: "done" | "failed" = "failed";
  try {
    const result = await work();
    outcome = "done";
    return result;
  } finally {
    for (const fault of await lock.release(outcome)) monitor.problem(fault);
  }
}

/** Cleans up after earlier runs; called before sources are locked. */
export async function undoLeftOver(
  world: Pick<LockWorld, "disk" | "run" | "state">,
  monitor: Pick<Monitor, "problem" | "notice">,
): Promise<void> {
  const locks = await recoverLocks(world, "undo", (fault) => monitor.problem(fault));
  for (const { record, isActive, faults } of locks) {
    for (const fault of faults) monitor.problem(fault);
    if (isActive || faults.length > 0) continue;
    monitor.notice(`Undone what a run of ${record.started} had done to ${record.sources.join(", ")}`);
  }
}

function readingFrom(source: Source, readFrom: Raw): Source {
  return { ...(typeof source === "string" ? { path: source } : source), readFrom };
}

function realPath(disk: Disk, path: Raw): Raw {
  try {
    return disk.realPath(path);
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") throw new NoSource(path);
    throw error;
  }
}

/** What commands may want to know. */
function factsOf(
  { location }: OpenedRepository,
  { name, host }: BackupRequest,
  sources: readonly Raw[],
): Record<string, string> {
  return {
    BACKUP_TOOL_SOURCE: textOf(sources[0] ?? ""),
    BACKUP_TOOL_SOURCES: sources.map(textOf).join("\n"),
    BACKUP_TOOL_STORAGE: location,
    BACKUP_TOOL_HOST: host,
    ...(name !== undefined && { BACKUP_TOOL_NAME: name }),
  };
}
