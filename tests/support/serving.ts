/** A service of a world's jobs, in this thread. */
import { rawOf } from "../../src/core/raw.ts";
import type { JobSetup } from "../../src/jobs/run/job_run.ts";
import type { LogEvent } from "../../src/jobs/log/log.ts";
import { serve, type ServiceOptions, type ServiceResult } from "../../src/jobs/service/service.ts";
import { SameThread } from "../../src/jobs/service/thread.ts";
import type { Machine } from "../../src/platform/machine.ts";
import type { JobWorld } from "./job_world.ts";

export interface Served extends ServiceResult {
  readonly log: readonly LogEvent[];
  readonly states: readonly string[];
}

/** Serves the world's jobs until none is left. */
export async function serveIn(world: JobWorld, changes: Partial<ServiceOptions> = {}): Promise<Served> {
  const log: LogEvent[] = [], states: string[] = [];
  const note = (event: LogEvent) => void log.push(event);
  const result = await serve({
    machine: world.machine,
    places: { jobs: rawOf(world.jobs), storage: rawOf(world.storagePath), temp: undefined },
    log: note,
    once: true,
    scanMs: 20,
    historyDays: 400,
    makeRunner: (places) =>
      new SameThread({ machine: world.machine, host: "testhost", user: "tester", workers: 0, log: note }, places),
    listen: () => ({ [Symbol.dispose]: () => {} }),
    notify: (state) => void states.push(state),
    watchdogMs: undefined,
    signal: world.signal.signal,
    ...changes,
  });
  return { ...result, log, states };
}

export const CHECK = { kind: "check" };
/** Names of the jobs, in the order in which they were begun. */
export const started = ({ log }: Served) =>
  log.filter(({ event }) => event === "job-started").map(({ fields }) => fields?.["job"]);

/** Has jobs done with another machine, such as one whose disk refuses something. */
export function runnerWith(
  machine: Machine,
  more: Pick<JobSetup, "lockState"> = {},
): Pick<ServiceOptions, "makeRunner"> {
  const setup = { machine, host: "testhost", user: "tester", workers: 0, log: () => {}, ...more };
  return { makeRunner: (places) => new SameThread(setup, places) };
}
