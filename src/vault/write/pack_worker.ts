/** Runs in a worker thread of a vault: answers batches until its pool ends it. */
import { openDisk } from "../../platform/open_disk.ts";
import type { ToWorker } from "../../platform/thread_pool.ts";
import { waitingWorkerLoop } from "../../platform/waiting_worker.ts";
import { workerScope } from "../../platform/worker_scope.ts";
import { deskBehind } from "./pack_desk.ts";
import { PackExecutor, type PackSetup } from "./pack_executor.ts";

/** @param early messages that have already arrived */
export function servePacking(early: readonly MessageEvent<ToWorker<PackSetup>>[]): void {
  const scope = workerScope<ToWorker<PackSetup>>();
  const take = waitingWorkerLoop(
    (setup: PackSetup, thread, ask) => new PackExecutor(openDisk(setup.throttle), deskBehind(ask), setup, thread),
    (message, transfer) => scope.postMessage(message, transfer),
  );
  early.forEach(({ data }) => take(data));
  scope.onmessage = ({ data }) => take(data);
}
