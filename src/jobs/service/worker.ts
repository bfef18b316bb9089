/** The worker thread that runs jobs as instructed until it is terminated. */
import { toFaultData } from "../../core/fault_data.ts";
import type { Phase } from "../../core/monitor.ts";
import type { Raw } from "../../core/raw.ts";
import { JobExecutor } from "./job_executor.ts";
import type { LogEvent } from "../log/log.ts";
import type { JobProgress } from "../run/job_monitor.ts";
import { type FromJobThread, performed, type ThreadSetup, type ToJobThread } from "./thread.ts";
import type { SecretWorld } from "../../operations/vaults/login.ts";
import { openDisk } from "../../platform/open_disk.ts";
import { lowerPriority } from "../../platform/priority.ts";
import { commandOutput } from "../../platform/process.ts";
import { readSecret } from "../../platform/secrets.ts";
import { environment, systemRandom } from "../../platform/system.ts";
import { systemClock } from "../../platform/system_clock.ts";
import { noteUmask } from "../../platform/umask.ts";
import { workerScope } from "../../platform/worker_scope.ts";

/** @param early messages that have arrived already */
export function serveJobs(early: readonly MessageEvent<ToJobThread>[]): void {
  const scope = workerScope<ToJobThread>();
  const answer = (message: FromJobThread) => scope.postMessage(message);
  const stop = new AbortController();
  let executor: JobExecutor | undefined;
  const serve = async ({ data }: MessageEvent<ToJobThread>) => {
    if (data.type === "setup") {
      executor = makeExecutor(data.setup, new URL(data.script), stop.signal, answer);
    } else if (data.type === "stop") stop.abort();
    else if (data.type === "cancel") executor?.cancelIfAsked();
    else if (executor !== undefined) await answerJob(executor, data.name, answer);
  };
  for (const event of early) serve(event);
  scope.onmessage = serve;
}

/** Nobody is there to be asked. */
const SECRETS: SecretWorld = {
  readSecret,
  commandOutput: (line, signal) => commandOutput(line, { signal }),
  askSecret: () => Promise.resolve(undefined),
  env: environment,
};

async function answerJob(executor: JobExecutor, name: Raw, answer: (message: FromJobThread) => void): Promise<void> {
  try {
    answer({ type: "performed", performed: await performed(executor, name) });
  } catch (error) {
    answer({ type: "bug", fault: toFaultData(error) });
  }
}

function makeExecutor(
  { places, state, umask, nice, throttle, tellsProgress, ...setup }: ThreadSetup,
  workerScript: URL,
  signal: AbortSignal,
  answer: (message: FromJobThread) => void,
): JobExecutor {
  const log = (event: LogEvent) => answer({ type: "log", event });
  // Before any other thread is started: they get it from this one.
  for (const what of nice ? lowerPriority() : []) {
    log({ level: "warning", event: "priority", message: `The service can't ${what} here` });
  }
  // The first thread has taken it away already.
  if (umask !== undefined) noteUmask(umask);
  const machine = {
    disk: openDisk(throttle),
    clock: systemClock,
    random: systemRandom,
    workerScript,
    state,
    ...(throttle !== undefined && { throttle }),
  };
  const onPhase = (phase: Phase) => answer({ type: "phase", phase });
  const onProgress = (progress: JobProgress) => answer({ type: "progress", progress });
  const told = tellsProgress === true ? { onProgress } : {};
  return new JobExecutor({ ...setup, ...told, machine, secrets: SECRETS, signal, log, onPhase }, places);
}
