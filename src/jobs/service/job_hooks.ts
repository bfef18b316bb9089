/** Runs a job with the hooks of the configuration, and its own, around it. */
import { Interrupted } from "../../core/fault.ts";
import { toFaultData } from "../../core/fault_data.ts";
import { textOf } from "../../core/raw.ts";
import { HOOKED_WORK, type HookSet } from "../../operations/hooks/hook_set.ts";
import { Hooks } from "../../operations/hooks/hooks.ts";
import type { HookEnd, HookFacts } from "../../operations/hooks/hook_variables.ts";
import { hookSetsFrom } from "../../operations/settings/hooks_schema.ts";
import { Cancelled } from "../faults.ts";
import { performKind } from "../kinds/job_kinds.ts";
import type { JobRun } from "../run/job_run.ts";
import type { Job } from "../schema/schema.ts";
import { isPostponing } from "./postponing.ts";

/** As the command line would end. */
const EXIT = { done: 0, problems: 3, failed: 1 } as const;

/**
 * Runs hooks before anything that the job names is opened, and after it is closed again.
 * @param isCancelled true if a person has cancelled the job
 */
export async function performWithHooks(run: JobRun, job: Job, isCancelled: () => boolean): Promise<void> {
  const sets = [...configured(run, job), ...ownSets(job)];
  const { setup: { machine: { clock }, signal }, monitor } = run;
  const hooks = new Hooks(sets, factsOf(run, job), { clock, monitor });
  if (hooks.isEmpty) return await performKind(run, job);
  try {
    await hooks.before(signal);
    await performKind(run, job);
  } catch (error) {
    await run.close();
    await hooks.ended(failedEnd(run, isCancelled() ? new Cancelled() : error));
    throw error;
  }
  await run.close();
  const status = monitor.problemCount > 0 ? "problems" : "done";
  await hooks.ended({ ...endOf(run), status, exitStatus: EXIT[status], error: undefined });
}

/** A job that only looks has none but its own. */
function configured({ setup: { hooks = [] } }: JobRun, { kind }: Job): readonly HookSet[] {
  return HOOKED_WORK.some((work) => work === kind) ? hooks : [];
}

/** Those of a job are for its kind, whatever that does. */
function ownSets({ hooks }: Job): readonly HookSet[] {
  return hooks === undefined ? [] : hookSetsFrom(hooks);
}

function factsOf(run: JobRun, job: Job): HookFacts {
  const name = "name" in job ? job.name : undefined;
  return {
    command: job.kind,
    storage: placeOf(run, job),
    host: run.setup.host,
    run: run.record.run,
    job: textOf(run.record.name),
    ...(name !== undefined && { name }),
  };
}

function placeOf({ setup: { vaults = {} }, storage }: JobRun, job: Job): string {
  if (!("storage" in job) || job.storage === undefined) return storage.location;
  return Object.hasOwn(vaults, job.storage) ? vaults[job.storage]?.location ?? job.storage : job.storage;
}

function endOf({ snapshot, monitor }: JobRun): Pick<HookEnd, "snapshots" | "problems" | "counts"> {
  return {
    snapshots: snapshot === undefined ? [] : [snapshot.id],
    problems: monitor.problemCount,
    counts: monitor.counts,
  };
}

/** A job that waits, or was stopped, is not over: it has neither failed nor succeeded. */
function failedEnd(run: JobRun, error: unknown): HookEnd {
  const end = { ...endOf(run), error: toFaultData(error) };
  if (error instanceof Cancelled) return { ...end, status: "cancelled", exitStatus: EXIT.failed };
  if (error instanceof Interrupted) return { ...end, status: "interrupted", exitStatus: undefined };
  if (isPostponing(error)) return { ...end, status: "postponed", exitStatus: undefined };
  return { ...end, status: "failed", exitStatus: EXIT.failed };
}
