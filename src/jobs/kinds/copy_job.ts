/** Jobs that copy snapshots into another storage or vault, and apply a policy there. */
import { defined } from "../../core/defined.ts";
import { BadJson, fieldsOf, parseJson } from "../../core/json.ts";
import { rawOf } from "../../core/raw.ts";
import { parseSubset } from "../../core/subset.ts";
import { BadUsage, unlessFault } from "../../core/fault.ts";
import { copy } from "../../operations/copy/copy.ts";
import { type CopyFilter, selectToCopy } from "../../operations/copy/copy_selection.ts";
import { forget } from "../../operations/forget/forget.ts";
import { prune } from "../../operations/forget/prune.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import { linkFrom } from "../../operations/settings/vault_schema.ts";
import type { Machine } from "../../platform/machine.ts";
import { readStateFile, replaceStateFile, type StatePlace } from "../../platform/state_file.ts";
import { GaveWay } from "../faults.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";
import { checkAndTell } from "./check_job.ts";
import { policyOf } from "./prune_job.ts";

/** Runs the copy. Every part may be repeated: what is done already is recognised. */
export async function performCopy(run: JobRun, job: JobOf<"copy">): Promise<void> {
  const from = job.from === undefined ? run.repository : await run.open(job.from);
  if (job.limits !== undefined && !Object.hasOwn(run.setup.vaults ?? {}, job.to)) {
    throw new BadUsage(`The configuration names no vault ${JSON.stringify(job.to)}`, "Use one of those that it names");
  }
  const to = await run.open(job.to, linkFrom(job));
  await copySnapshots(run, job, { from, to });
  const { monitor, setup } = run, { host, name } = job;
  if (job.keep !== undefined) {
    await forget(to, { policy: policyOf(job.keep), among: defined({ host, name }), dryRun: false }, monitor);
  }
  if (job.prune === true || (job.prune === "weekly" && isPruneDue(to))) await pruneThere(run, to);
  if (job.checkSubset === undefined) return;
  const request = { readData: false, subset: parseSubset(job.checkSubset), workers: workersOf(run, job) };
  await checkAndTell(to, { ...request, signal: setup.signal }, monitor);
}

interface Ends {
  readonly from: OpenedRepository;
  readonly to: OpenedRepository;
}

async function copySnapshots(run: JobRun, job: JobOf<"copy">, { from, to }: Ends): Promise<void> {
  const { setup: { machine: { clock }, signal }, monitor } = run;
  const { missing } = await selectToCopy(from, to, await filterOf(job, to), clock.nowMs());
  if (missing.length === 0) return;
  const snapshots = missing.map(({ id }) => id);
  const onCheckpoint = () => {
    if (run.othersWait()) throw new GaveWay(run.monitor.job);
  };
  await copy(from, to, { snapshots, clock, workers: workersOf(run, job), signal, onCheckpoint }, monitor);
}

async function filterOf(job: JobOf<"copy">, to: OpenedRepository): Promise<CopyFilter> {
  const { snapshots = "all", host, name, tags } = job;
  return defined<CopyFilter>({
    snapshots: typeof snapshots === "string" ? undefined : snapshots,
    latest: snapshots === "latest" ? 1 : undefined,
    host,
    name,
    tags,
    keep: job.keep === undefined ? undefined : policyOf(job.keep) ?? await to.policy(),
  });
}

function workersOf({ setup }: JobRun, job: JobOf<"copy">): number {
  return job.workers ?? setup.workers;
}

const WEEK_MS = 7 * 86_400_000;
const FORMAT = "backup-tool prune note";

async function pruneThere({ setup, monitor }: JobRun, to: OpenedRepository): Promise<void> {
  await prune(to, { dryRun: false, workers: 0, signal: setup.signal }, () => {}, monitor);
  const at = new Date(to.machine.clock.nowMs()).toISOString();
  const text = `${JSON.stringify({ format: FORMAT, version: 1, at })}\n`;
  // Where nothing can be noted it is pruned each time.
  unlessFault(() => replaceStateFile(to.machine, placeOf(to), text), undefined);
}

function isPruneDue({ machine, id }: OpenedRepository): boolean {
  return machine.clock.nowMs() - lastPruneMs(machine, placeOf({ id })) >= WEEK_MS;
}

function placeOf({ id }: { readonly id: string }): StatePlace {
  return { directory: rawOf("prunes"), name: rawOf(`${id}.json`) };
}

/** A time in the future is one of a clock that was wrong. */
function lastPruneMs(machine: Machine, place: StatePlace): number {
  const text = unlessFault(() => readStateFile(machine, place), undefined);
  const { format, at } = text === undefined ? {} : fieldsIn(text);
  const atMs = format === FORMAT && typeof at === "string" ? Date.parse(at) : -Infinity;
  return atMs <= machine.clock.nowMs() ? atMs : -Infinity;
}

function fieldsIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(parseJson(text));
  } catch (error) {
    if (error instanceof BadJson) return {};
    throw error;
  }
}
