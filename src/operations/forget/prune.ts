/**
 * Removes what no snapshot needs: contents and hunks of forgotten snapshots, and leftovers of crashed runs. A root is
 * durably removed before anything that it needs: a crash at any moment only leaves work for the next prune.
 */
import type { Monitor } from "../../core/monitor.ts";
import { patiently } from "../../core/patience.ts";
import type { RemovalRequest, RemovalSummary } from "../../snapshot/repository.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";

export interface PruneRequest extends RemovalRequest {
  /** Only plan. Takes no lock: data that another run is just storing counts as unneeded. */
  readonly dryRun: boolean;
}

export interface PruneResult extends RemovalSummary {
  /** Number of contents and hunks removed: all of the plan, or none in a dry run. */
  readonly removedItems: number;
}

/**
 * Prunes a repository.
 * @param planned called with the plan before anything is removed
 * @throws UnknownReferences, Locked, Interrupted, DiskFault
 */
export async function prune(
  repository: OpenedRepository,
  request: PruneRequest,
  planned: (plan: RemovalSummary) => void,
  monitor: Monitor,
): Promise<PruneResult> {
  if (request.dryRun) return await preview(repository, request, planned, monitor);
  await using writer = await becomeWriter(repository, "prune");
  // Another machine may be pruning the same vault.
  const plan = await patiently(() => writer.planRemoval(request, monitor), repository.machine);
  planned(plan.summary);
  return { ...plan.summary, removedItems: await plan.execute(monitor, request.signal) };
}

async function preview(
  repository: OpenedRepository,
  request: PruneRequest,
  planned: (plan: RemovalSummary) => void,
  monitor: Monitor,
): Promise<PruneResult> {
  const isBusy = await repository.hasWriter();
  const summary = await repository.previewRemoval(request, monitor);
  if (isBusy || await repository.hasWriter()) {
    monitor.notice("Another run is writing to the storage: what it stores counts as unneeded here");
  }
  planned(summary);
  return { ...summary, removedItems: 0 };
}
