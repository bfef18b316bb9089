/** Acknowledges alarms, so that `forget` treats their snapshots as any others again. */
import type { RootId } from "../../core/content_id.ts";
import { BadUsage } from "../../core/fault.ts";
import { shortId } from "../../core/short_id.ts";
import type { Repository } from "../../snapshot/repository.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { becomeWriter } from "../become_writer.ts";
import { SnapshotInUse } from "../forget/forget.ts";
import type { OpenedRepository } from "../opened.ts";

export interface Acknowledged {
  readonly former: RootId;
  /** New id: a root is never changed, so the snapshot has a new root. */
  readonly id: RootId;
}

/** Snapshots with unacknowledged alarms, oldest first. */
export async function openAlarms(repository: Pick<Repository, "snapshots">): Promise<readonly SnapshotInfo[]> {
  return (await repository.snapshots()).filter(({ alarm }) => alarm?.acknowledged === false);
}

/**
 * Acknowledges alarms.
 * @param names of snapshots; undefined: all with an open alarm
 * @throws BadUsage if a named one has no alarm; NoSnapshot, AmbiguousSnapshot, SnapshotInUse, Locked, DiskFault
 */
export async function acknowledge(
  repository: OpenedRepository,
  names: readonly string[] | undefined,
): Promise<Acknowledged[]> {
  await using writer = await becomeWriter(repository, "alarm");
  const snapshots = await repository.snapshots();
  const chosen = names?.map((name) => resolveSnapshot(name, snapshots)) ?? await openAlarms(repository);
  const without = chosen.find(({ alarm }) => alarm === undefined);
  if (without !== undefined) {
    throw new BadUsage(`The snapshot ${shortId(without.id)} has no alarm`, "See `backup-tool alarm list`");
  }
  const done: Acknowledged[] = [];
  for (const { id: former, alarm } of new Set(chosen)) {
    if (alarm === undefined || alarm.acknowledged) continue;
    const id = await writer.replaceRoot(former, { alarm: { ...alarm, acknowledged: true } });
    if (id === undefined) throw new SnapshotInUse(former);
    done.push({ former, id });
  }
  return done;
}
