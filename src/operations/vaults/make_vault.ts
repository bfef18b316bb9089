/** Creates a vault in an empty place. */
import { rawOf, textOf } from "../../core/raw.ts";
import { type Disk, DiskFault } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { type InitRequest, initVault, type VaultAccess } from "../../vault/access.ts";
import { VaultExists } from "../../vault/format/faults.ts";
import { openPlace, type PlaceOptions } from "./open_place.ts";
import { hasScheme } from "./vault_settings.ts";

/** What a run leaves that was interrupted before the vault existed. */
const UNFINISHED = /^(?:keys|README\.txt|\.tmp-.*)$/;

/**
 * Creates a vault.
 * @param location absolute path of a new or empty directory, or `scheme:...`
 * @throws VaultExists, DiskFault, PlaceUnavailable, PlaceRefuses
 */
export async function makeVault(
  machine: Machine,
  location: string,
  place: Omit<PlaceOptions, "create">,
  request: InitRequest,
): Promise<VaultAccess> {
  if (!hasScheme(location)) assertFree(machine.disk, location);
  await using backend = await openPlace(machine, location, { ...place, create: true });
  return await initVault(backend, machine, request);
}

function assertFree(disk: Disk, location: string): void {
  const names = namesIn(disk, location);
  if (names.includes("config")) throw new VaultExists(location);
  const other = names.find((name) => !UNFINISHED.test(name));
  if (other !== undefined) throw new VaultExists(location, `it holds other things, such as ${JSON.stringify(other)}`);
}

function namesIn(disk: Disk, location: string): readonly string[] {
  try {
    using dir = disk.openDir(rawOf(location));
    return dir.list().names.map(textOf).sort();
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") return [];
    throw error;
  }
}
