/** Runs in a worker thread of a vault: answers batches until its pool ends it. */
import { openDisk } from "../../platform/open_disk.ts";
import { type ToWorker, workerLoop } from "../../platform/thread_pool.ts";
import { workerScope } from "../../platform/worker_scope.ts";
import { VaultExecutor, type VaultSetup } from "./vault_executor.ts";

/** @param early messages that have already arrived */
export function serveVault(early: readonly MessageEvent<ToWorker<VaultSetup>>[]): void {
  const scope = workerScope<ToWorker<VaultSetup>>();
  const answer = workerLoop((setup: VaultSetup, thread) => new VaultExecutor(openDisk(setup.throttle), setup, thread));
  const serve = (event: MessageEvent<ToWorker<VaultSetup>>) => {
    const reply = answer(event.data);
    if (reply !== undefined) scope.postMessage(reply);
  };
  early.forEach(serve);
  scope.onmessage = serve;
}
