/** Jobs that examine the machine and a storage or vault, and report possible problems. */
import { sizeText } from "../../core/size_text.ts";
import { machineFacts, storageFacts, vaultFacts } from "../../operations/doctor/doctor.ts";
import { type FactGroup, valueText } from "../../operations/doctor/fact.ts";
import { hasScheme } from "../../operations/vaults/vault_settings.ts";
import { systemFacts } from "../../platform/facts.ts";
import { Storage } from "../../storage/storage.ts";
import { Concern } from "../faults.ts";
import type { JobRun } from "../run/job_run.ts";
import type { JobOf } from "../schema/schema.ts";

/** Logs the facts; each concern becomes a problem of the job. */
export async function performDoctor(run: JobRun, { storage }: JobOf<"doctor">): Promise<void> {
  const { machine: { disk, clock } } = run.setup, system = systemFacts(disk);
  const groups = [machineFacts(system, clock), await placeFacts(run, storage, system.isContainer)];
  for (const { title, facts } of groups) {
    const texts = facts.map((fact) => `${fact.label} ${valueText(fact, sizeText)}`);
    run.monitor.notice(`${title}: ${texts.join("; ")}`);
    for (const { concern } of facts) if (concern !== undefined) run.monitor.problem(new Concern(concern));
  }
}

/** @param location as the job names it; undefined: the storage of the service */
async function placeFacts(run: JobRun, location: string | undefined, isContainer: boolean): Promise<FactGroup> {
  const { repository, setup: { machine: { clock } } } = run;
  if (location === undefined || repository instanceof Storage) {
    return storageFacts(repository instanceof Storage ? repository : run.storage, clock, isContainer);
  }
  const { backend, access: { config: { encrypted } } } = await run.unlock(location), at = backend.location;
  const kind = hasScheme(at) ? at.slice(0, at.indexOf(":")) : "directory";
  return await vaultFacts({ backend, encrypted, kind }, clock);
}
