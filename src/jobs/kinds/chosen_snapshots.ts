/** Snapshots that a job names, and replaces by others: after a kill, some have been replaced. */
import { unlessFault } from "../../core/fault.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import { parseRoot } from "../../snapshot/root.ts";
import type { JobRun } from "../run/job_run.ts";

export interface Chosen {
  /** Ids, as they are now. */
  readonly ids: readonly string[];
  /** The job has been begun before. */
  readonly isRepeated: boolean;
}

/**
 * Notes what the names mean before anything is changed. What they mean later, such as `latest`, is of no interest.
 * @param names empty: nothing is named @throws NoSnapshot, AmbiguousSnapshot
 */
export async function chosenSnapshots(run: JobRun, names: readonly string[]): Promise<Chosen> {
  const snapshots = await run.repository.snapshots(), { chosen } = run.record;
  if (chosen !== undefined) return { ids: await idsNow(run, chosen, snapshots), isRepeated: true };
  const ids = names.map((name) => resolveSnapshot(name, snapshots).id);
  run.update({ chosen: ids });
  return { ids, isRepeated: false };
}

async function idsNow(run: JobRun, chosen: readonly string[], snapshots: readonly SnapshotInfo[]): Promise<string[]> {
  const there = new Set<string>(snapshots.map(({ id }) => id)), missing = chosen.filter((id) => !there.has(id));
  const ids = chosen.filter((id) => there.has(id));
  if (missing.length === 0) return ids;
  for (const { id } of snapshots) {
    const bytes = await run.repository.object(id), replaced = unlessFault(() => parseRoot(bytes).replaces, undefined);
    if (replaced !== undefined && missing.includes(replaced)) ids.push(id);
  }
  return ids;
}
