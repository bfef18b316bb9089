/** Getting a snapshot, or a part of it, back into a directory: contents verified, attributes as they were. */
import type { Monitor } from "../../core/monitor.ts";
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
 * @throws NotInSnapshot, NoOriginalPlace, TargetNotEmpty, TargetInStorage, CannotDelete, Interrupted, and DiskFault of the
 *   target
 */
export async function restore(repository: OpenedRepository, request: RestoreRequest, monitor: Monitor): Promise<void> {
  using _held = await repository.lockForReading(request.snapshot.id);
  const plan = await planRestore(repository, request, monitor);
  using opened = new DisposableStack();
  const targets = plan.mappings.map((mapping) =>
    examineTarget(opened.use(makeTarget(plan.disk, mapping.target)), mapping, request)
  );
  setTotal(plan);
  await using reader = repository.reader(request);
  if (request.delete) {
    monitor.phase("removing");
    await removeExtraneous(plan, reader, { removes: true, removed: () => {} });
  }
  monitor.phase("restoring");
  using _followed = monitor.follow("restoredBytes", () => reader.bytes);
  const shared = { reader, losses: new UnrestoredMetadata(), links: new Map() };
  for (const target of targets) await restoreInto(target, plan, shared);
  shared.losses.report(monitor);
}

/** Says what {@link restore} would do, and changes nothing. */
export async function previewRestore(
  repository: OpenedRepository,
  request: RestoreRequest,
  monitor: Monitor,
  tell: (change: PlannedChange) => void,
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
  target: RestoreTarget,
  plan: RestorePlan,
  shared: ConstructorParameters<typeof RestoreRun>[2],
): Promise<void> {
  const { directory, isFresh, keepsTop } = target, { id } = plan.request.snapshot;
  if (isFresh) setMarker(directory, id);
  using run = new RestoreRun(plan, target, shared);
  await run.make();
  removeMarkers(directory, id);
  if (!keepsTop) run.finishTop();
}
