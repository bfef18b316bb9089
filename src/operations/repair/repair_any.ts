/** Repairs either kind of repository. */
import type { Monitor } from "../../core/monitor.ts";
import { Storage } from "../../storage/storage.ts";
import { Vault } from "../../vault/vault.ts";
import type { OpenedRepository } from "../opened.ts";
import { repair } from "./repair.ts";
import { repairVault, type VaultRepairRequest } from "./repair_vault.ts";
import type { Repaired, RepairResult } from "./repaired.ts";

/** Repairs a repository. @throws Locked, VaultBusy, Interrupted, and failures that prevent any reading or writing */
export async function repairAny(
  repository: OpenedRepository,
  request: VaultRepairRequest,
  tell: (repaired: Repaired) => void,
  monitor: Monitor,
): Promise<RepairResult> {
  if (repository instanceof Storage) return await repair(repository, request, tell, monitor);
  if (!(repository instanceof Vault)) throw new Error(`Nobody knows how to repair ${repository.location}`);
  const { damaged, healed, lost } = await repairVault(repository, request, tell, monitor);
  return { damaged, healed, lost };
}
