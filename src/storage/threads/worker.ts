/** What a worker thread runs: it answers batches until its pool ends it. */
import { openDisk } from "../../platform/open_disk.ts";
import { type ToWorker, workerLoop } from "../../platform/thread_pool.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: unknown): void;
}

/** @param early messages that have come already */
export function serveWorker(early: readonly MessageEvent<ToWorker>[]): void {
  const scope = globalThis as unknown as WorkerScope;
  const answer = workerLoop(openDisk);
  const serve = (event: MessageEvent<ToWorker>) => {
    const reply = answer(event.data);
    if (reply !== undefined) scope.postMessage(reply);
  };
  early.forEach(serve);
  scope.onmessage = serve;
}
