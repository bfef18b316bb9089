/** Explains where a path that a snapshot lacks was last seen. */
import type { Awaitable } from "../../core/awaitable.ts";
import { Fault } from "../../core/fault.ts";
import { shortId } from "../../core/short_id.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { Repository } from "../../snapshot/repository.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { history } from "./history.ts";
import { NotInSnapshot } from "./resolve_path.ts";

/**
 * Runs `work`, and extends its failure.
 * @throws NotInSnapshot with the name of the last snapshot that had the path, if there is one
 */
export async function orLastSeen<T>(repository: Repository, work: () => Awaitable<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NotInSnapshot)) throw error;
    const last = await lastWith(repository, error);
    throw last === undefined ? error : new NotInSnapshot(error.path, error.snapshot, lastText(last));
  }
}

/** A catalog that can't be read says nothing. */
async function lastWith(repository: Repository, { path }: NotInSnapshot): Promise<SnapshotInfo | undefined> {
  try {
    const versions = await history(repository, path);
    return versions.map(({ span }) => span.last).toSorted((a, b) => a.sequence - b.sequence).at(-1);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

function lastText({ id, time, offsetMinutes }: SnapshotInfo): string {
  return `It was last in the snapshot ${shortId(id)} (${localTimeText(Date.parse(time), offsetMinutes)})`;
}
