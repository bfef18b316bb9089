/** Restores a snapshot, or a part of it, into a directory: contents are verified, and attributes set. */
import type { Monitor } from "../../core/monitor.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import type { OpenedRepository } from "../opened.ts";
import { removeExtraneous } from "./extraneous.ts";
import { absoluteOf } from "./path_mapping.ts";
import { groupsAlong } from "./restore_entries.ts";
import { removeMarkers, setMarker } from "./restore_marker.ts";
import { planRestore, type RestorePlan } from "./restore_plan.ts";
import { previewGroup } from "./restore_preview.ts";
import type { PlannedChange, RestoreRequest } from "./restore_request.ts";
import { RestoreRun } from "./restore_run.ts";
import { examineTarget, makeTarget, openTarget, type RestoreTarget } from "./restore_target.ts";
import { UnrestoredMetadata } from "./unrestored_metadata.ts";

/**
 * Runs a restore.
 * @throws NotInSnapshot, NoOriginalPlace, TargetNotEmpty, TargetInStorage, CannotDelete, WriteOnlyKey, Interrupted, and
 * DiskFault of the target
 */
export async function restore(repository: OpenedRepository, request: RestoreRequest, monitor: Monitor): Promise<void> {
  using _held = await repository.lockForReading(request.snapshot.id);
  const plan = await planRestore(repository, request, monitor);
  await using reader = repository.reader(request);
  // A target that was begun is refused to another snapshot.
  reader.assertReads?.();
  using opened = new DisposableStack();
  const targets = plan.mappings.map((mapping) =>
    examineTarget(opened.use(makeTarget(plan.disk, mapping.target)), mapping, request)
  );
  setTotal(plan);
  if (request.delete) {
    monitor.phase("removing");
    await removeExtraneous(plan, reader, { removes: true, removed: () => {} });
  }
  monitor.phase("restoring");
  using _followed = monitor.follow("restoredBytes", () => reader.bytes);
  await restoreInto(targets, plan, reader);
}

/** Reports what {@link restore} would do, without changing anything. */
export async function previewRestore(
  repository: OpenedRepository,
  request: RestoreRequest,
  monitor: Monitor,
  tell: (change: PlannedChange) => void,
  ready?: () => Promise<void>,
): Promise<void> {
  const plan = await planRestore(repository, request, monitor);
  if (request.delete) {
    await using reader = repository.reader(request);
    await removeExtraneous(plan, reader, {
      removes: false,
      removed: (path) => tell({ action: "remove", path }),
    });
  }
  for (const mapping of plan.mappings) {
    using directory = openTarget(plan.disk, mapping.target);
    const target = examineTarget(directory, mapping, request);
    for (const group of groupsAlong(mapping, plan)) {
      await plan.yielder.yieldIfDue();
      await ready?.();
      previewGroup(group, target, request.delete, (outcome, place) => {
        if (outcome === "keep") monitor.count("keptFiles");
        else tell({ action: outcome, path: absoluteOf(mapping, place) });
      });
    }
  }
}

/** What is to be restored is known for whole snapshots, and for files that are named. */
function setTotal({ request: { snapshot, include, exclude }, paths, manifest, monitor }: RestorePlan): void {
  if (include.length + exclude.length > 0) return;
  if (paths.length === 0) return monitor.setTotal({ items: snapshot.files, bytes: snapshot.bytes });
  const entries = paths.map((path) => manifest.entry(path));
  if (entries.some((entry) => entry?.kind === "dir")) return;
  monitor.setTotal({ items: entries.length, bytes: entries.reduce((sum, entry) => sum + (entry?.size ?? 0), 0) });
}

async function restoreInto(
  targets: readonly RestoreTarget[],
  plan: RestorePlan,
  reader: ContentReader,
): Promise<void> {
  await using extraction = reader.collect?.();
  using held = new DisposableStack();
  const shared = { reader, extraction, losses: new UnrestoredMetadata(), links: new Map() }, runs: RestoreRun[] = [];
  const { id } = plan.request.snapshot;
  for (const [number, target] of targets.entries()) {
    if (target.isFresh) setMarker(target.directory, id);
    const run = held.use(new RestoreRun(plan, target, { ...shared, number }));
    runs.push(run);
    await run.make();
    if (extraction === undefined) await finish(run, target, id);
  }
  if (extraction !== undefined) {
    for await (const file of extraction.run()) runs[file.note.target]?.take(file);
    for (const [number, target] of targets.entries()) await finish(runs[number], target, id);
  }
  for (const run of runs) run.giveFlags();
  shared.losses.report(plan.monitor);
}

async function finish(
  run: RestoreRun | undefined,
  { directory, keepsTop }: RestoreTarget,
  snapshot: string,
): Promise<void> {
  await run?.finish();
  removeMarkers(directory, snapshot);
  if (!keepsTop) run?.finishTop();
}
