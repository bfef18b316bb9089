/** Stops a running job within the time that a service manager grants. */
import type { Clock } from "../../core/clock.ts";
import type { FaultData } from "../../core/fault_data.ts";
import type { JobRunner, Performed } from "./thread.ts";

/** A service manager waits for some seconds; a job that takes longer is left as it is, and goes on at the next start. */
const STOP_MS = 4000;
/** While the disk writes: time between two looks whether it still does. */
const SYNCING_MS = 500;
const STOPPED: FaultData = {
  code: "interrupted",
  message: "Stopped in the middle; it goes on at the next start",
  hint: "",
};

export interface Stopping {
  readonly runner: Pick<JobRunner, "stop" | "isSyncing">;
  readonly clock: Clock;
  readonly notify: (state: string) => void;
  readonly signal: AbortSignal;
}

/** Waits for a job. A request to stop is passed on to it; if it doesn't stop in time, it is abandoned. */
export async function performedOrStopped(work: Promise<Performed>, stopping: Stopping): Promise<Performed> {
  const done = new AbortController();
  work.catch(() => {}); // awaited here, or of no interest any more
  try {
    return await Promise.race([work, stoppedWithout(stopping, done.signal)]);
  } finally {
    done.abort();
  }
}

/** Resolves when the job has had its time to stop. @param done aborted when the job has ended */
async function stoppedWithout(
  { runner, clock, notify, signal }: Stopping,
  done: AbortSignal,
): Promise<Performed> {
  if (!signal.aborted) await aborted(signal, done);
  runner.stop();
  await clock.sleep(STOP_MS, done);
  // The process would stay for as long; whoever reads "Stopped" may take the disk away.
  while (runner.isSyncing && !done.aborted) {
    notify(`EXTEND_TIMEOUT_USEC=${STOP_MS * 1000}`);
    await clock.sleep(SYNCING_MS, done);
  }
  return { postponed: STOPPED };
}

/** Resolves when `signal` is aborted; never, if `done` comes first. */
function aborted(signal: AbortSignal, done: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { signal: done });
  return promise;
}
