/** Runs in a worker thread: answers batches until its pool ends it. */
import { openDisk } from "../../platform/open_disk.ts";
import { type ToWorker, workerLoop } from "../../platform/thread_pool.ts";
import { workerScope } from "../../platform/worker_scope.ts";
import { BatchExecutor, type ExecutorSetup } from "./batch_executor.ts";

/** @param early messages that have already arrived */
export function serveWorker(early: readonly MessageEvent<ToWorker<ExecutorSetup>>[]): void {
  const scope = workerScope<ToWorker<ExecutorSetup>>();
  const answer = workerLoop((setup: ExecutorSetup, thread) =>
    new BatchExecutor(openDisk(setup.throttle), setup, thread)
  );
  const serve = (event: MessageEvent<ToWorker<ExecutorSetup>>) => {
    const reply = answer(event.data);
    if (reply !== undefined) scope.postMessage(reply);
  };
  early.forEach(serve);
  scope.onmessage = serve;
}
