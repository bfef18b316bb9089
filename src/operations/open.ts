/** The one place that turns a location into an engine. */
import { openBackend } from "../backend/open.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Raw, textOf } from "../core/raw.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";
import type { Machine } from "../platform/machine.ts";
import { openStorage } from "../storage/storage.ts";
import type { Secret } from "../vault/access.ts";
import type { OpenedRepository } from "./opened.ts";

/** What is needed for a vault. */
export interface VaultLogin {
  readonly secret: Secret;
  /** Noted as the writer of what is stored. */
  readonly host: string;
}

/**
 * Opens a repository for whatever every engine can do. What only a storage can do asks for a storage (openStorage).
 * @param location absolute path of a storage, or of a vault
 * @param login absent: only storages are opened
 * @throws NoStorage, NewerFormat, DamagedSettings, SplitStorage; of vaults NoKey, NotEncrypted, WrongPassphrase, BadKeyFile
 */
export async function openRepository(
  machine: Machine,
  location: Raw,
  monitor: Monitor,
  login?: VaultLogin,
): Promise<OpenedRepository> {
  const vault = login && await vaultAt(machine, location, monitor, login);
  return vault ?? openStorage(machine, location, monitor);
}

/** Undefined if there is none. Its code is loaded only where it is needed. */
async function vaultAt(
  machine: Machine,
  location: Raw,
  monitor: Monitor,
  { secret, host }: VaultLogin,
): Promise<OpenedRepository | undefined> {
  const [{ isVaultAt, unlockVault }, { openVault }] = await Promise.all([
    import("../vault/access.ts"),
    import("../vault/vault.ts"),
  ]);
  if (!isThere(machine.disk, location, isVaultAt)) return undefined;
  await using held = new AsyncDisposableStack();
  const backend = held.use(await openBackend(textOf(location), machine));
  const access = await unlockVault(backend, secret, machine);
  const vault = await openVault(backend, access, { machine, monitor, host, directory: location });
  held.move();
  return vault;
}

function isThere(disk: Disk, location: Raw, isVaultAt: (dir: Dir) => boolean): boolean {
  try {
    using dir = disk.openDir(location);
    return isVaultAt(dir);
  } catch (error) {
    if (error instanceof DiskFault) return false; // whatever it is, it is told of as a storage
    throw error;
  }
}
