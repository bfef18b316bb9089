/** Runs in a worker thread of a vault: answers batches until its pool ends it. */
import { openDisk } from "../../platform/open_disk.ts";
import { type FromWorker, type ToWorker, workerLoop } from "../../platform/thread_pool.ts";
import { workerScope } from "../../platform/worker_scope.ts";
import type { Verified } from "./frame_batch.ts";
import { VaultExecutor, type VaultSetup } from "./vault_executor.ts";

/** @param early messages that have already arrived */
export function serveVault(early: readonly MessageEvent<ToWorker<VaultSetup>>[]): void {
  const scope = workerScope<ToWorker<VaultSetup>>();
  const answer = workerLoop((setup: VaultSetup, thread) => new VaultExecutor(openDisk(setup.throttle), setup, thread));
  const serve = (event: MessageEvent<ToWorker<VaultSetup>>) => {
    const reply = answer(event.data);
    if (reply !== undefined) scope.postMessage(reply, buffersIn(reply, event.data));
  };
  early.forEach(serve);
  scope.onmessage = serve;
}

/** What a reply hands over instead of copying it: each item that was asked for has a buffer of its own. */
function buffersIn(reply: FromWorker, to: ToWorker<VaultSetup>): ArrayBuffer[] {
  if (to.type !== "batch" || to.kind !== "verify" || !("results" in reply)) return [];
  return (reply.results as Verified).bytes.map(({ bytes }) => bytes.buffer);
}
