/** A thread that steps back, starts another, and tells how nice both are. */
import { loadLibc } from "../../src/platform/libc.ts";
import { lowerPriority } from "../../src/platform/priority.ts";

const scope = globalThis as unknown as { readonly name: string; postMessage(message: unknown): void };

/** Of the thread that asks. */
function niceness(): string | undefined {
  const task = Deno.readLinkSync("/proc/thread-self").split("/").at(-1);
  return Deno.readTextFileSync(`/proc/self/task/${task}/stat`).split(") ")[1]?.split(" ")[16];
}

if (scope.name === "started") scope.postMessage(niceness());
else {
  loadLibc();
  const failed = lowerPriority();
  const worker = new Worker(import.meta.url, { type: "module", name: "started" });
  worker.onmessage = ({ data }) => {
    scope.postMessage({ failed, own: niceness(), started: data });
    worker.terminate();
  };
}
