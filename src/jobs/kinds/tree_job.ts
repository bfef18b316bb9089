/** Jobs that build or remove the trees of snapshots. */
import { patiently } from "../../core/patience.ts";
import { shortId } from "../../core/short_id.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { buildTree, NoTree, removeTree, TreeExists } from "../../storage/tree/build_tree.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";
import { chosenSnapshots } from "./chosen_snapshots.ts";

/** Builds or removes trees. A tree that is as it should be stays so: an earlier run may have been interrupted. */
export async function performTree(run: JobRun, job: JobOf<"tree">): Promise<void> {
  const { storage, monitor } = run, { ids } = await chosenSnapshots(run, job.snapshots);
  for (const id of ids) {
    const snapshot = storage.resolve(id), text = shortId(id);
    if (job.action === "remove") {
      if (await isChanged(() => removed(run, snapshot))) monitor.notice(`Removed the tree of ${text}`);
    } else if (await isChanged(() => built(run, snapshot, job.workers))) monitor.notice(`Built the tree of ${text}`);
  }
}

async function built({ storage, setup, monitor }: JobRun, snapshot: SnapshotInfo, workers = setup.workers) {
  await patiently(() => buildTree(storage, snapshot, { workers, signal: setup.signal }, monitor), storage.machine);
}

async function removed({ storage, monitor }: JobRun, snapshot: SnapshotInfo) {
  await patiently(() => removeTree(storage, snapshot, monitor), storage.machine);
}

/** False if there was nothing to do. */
async function isChanged(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof TreeExists || error instanceof NoTree) return false;
    throw error;
  }
}
