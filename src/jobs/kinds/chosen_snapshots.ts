/** Snapshots that a job names, and replaces by others. After a kill, some may have been replaced. */
import { unlessFault } from "../../core/fault.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import { parseRoot } from "../../snapshot/root.ts";
import type { JobRun } from "../run/job_run.ts";

export interface Chosen {
  /** Current ids. */
  readonly ids: readonly string[];
  /** True if an earlier run of the job has begun. */
  readonly isRepeated: boolean;
}

/**
 * Resolves the names and records the result before anything is changed; what a name such as `latest` means later is
 * irrelevant.
 * @param names empty: no snapshots are named
 * @throws NoSnapshot, AmbiguousSnapshot
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
