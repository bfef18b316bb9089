/** The only module that opens the engine of a location. */
import type { Backend } from "../backend/backend.ts";
import { CONNECTIONS } from "../backend/open.ts";
import { type Stoppable, stoppable } from "../backend/stoppable.ts";
import type { Monitor } from "../core/monitor.ts";
import { rawOf } from "../core/raw.ts";
import { type Dir, type Disk, DiskFault } from "../platform/disk.ts";
import type { Machine } from "../platform/machine.ts";
import { openStorage, type Storage } from "../storage/storage.ts";
import type { VaultAccess } from "../vault/access.ts";
import type { OpenedRepository } from "./opened.ts";
import { secretFor, type SecretWorld } from "./vaults/login.ts";
import { openPlace } from "./vaults/open_place.ts";
import { hasScheme, type VaultSettings } from "./vaults/vault_settings.ts";

/** Settings and secrets for opening a vault. */
export interface VaultLogin {
  readonly settings: VaultSettings;
  readonly secrets: SecretWorld;
  /** Recorded as the writer of what is stored. */
  readonly host: string;
  readonly signal: AbortSignal;
}

export type EngineKind = "storage" | "vault";

/** How often somebody may mistype a passphrase. */
const TRIES = 3;

/**
 * Opens a repository for operations that every engine supports. Operations that only a storage supports use {@link
 * openOnlyStorage}.
 * @param location absolute path of a storage or of a vault, or `scheme:...`
 * @throws NoStorage, NewerFormat, DamagedSettings, SplitStorage; for vaults NoVault, NoKey, NotEncrypted,
 * WrongPassphrase, BadKeyFile and what reading secrets throws
 */
export async function openRepository(
  machine: Machine,
  location: string,
  monitor: Monitor,
  login: VaultLogin,
): Promise<OpenedRepository> {
  if (await engineAt(machine.disk, location) === "vault") return await openVaultAt(machine, location, monitor, login);
  return openStorage(machine, rawOf(location), monitor);
}

/**
 * Opens a storage.
 * @param what the operation that needs a storage
 * @throws NotForVaults if it is a vault, and what opening a storage throws
 */
export async function openOnlyStorage(
  machine: Machine,
  location: string,
  monitor: Monitor,
  what: string,
): Promise<Storage> {
  if (await engineAt(machine.disk, location) === "storage") return openStorage(machine, rawOf(location), monitor);
  const { NotForVaults } = await import("../vault/format/faults.ts");
  throw new NotForVaults(what);
}

/** The engine at a location; a storage if that can't be determined. */
export async function engineAt(disk: Disk, location: string): Promise<EngineKind> {
  if (hasScheme(location)) return "vault";
  try {
    using dir = disk.openDir(rawOf(location));
    if (dir.stat(CONFIG_FILE)?.kind !== "file") return looksLikeVault(dir) ? "vault" : "storage";
    const { isVaultAt } = await import("../vault/access.ts");
    return isVaultAt(dir) || looksLikeVault(dir) ? "vault" : "storage";
  } catch (error) {
    if (error instanceof DiskFault) return "storage"; // whatever it is, the error describes it as a storage
    throw error;
  }
}

const CONFIG_FILE = rawOf("config");

/** A place without its `config` is reported as a vault. */
function looksLikeVault(dir: Dir): boolean {
  return ["data", "index", "snapshots"].every((name) => dir.stat(rawOf(name))?.kind === "dir");
}

async function openVaultAt(
  machine: Machine,
  location: string,
  monitor: Monitor,
  login: VaultLogin,
): Promise<OpenedRepository> {
  const { openVault } = await import("../vault/vault.ts");
  await using held = new AsyncDisposableStack();
  const { backend, release } = await openVaultPlace(machine, location, monitor, login);
  held.use(backend);
  const access = await unlocked(machine, backend, login), { settings, host } = login;
  const { connections = hasScheme(location) ? CONNECTIONS : undefined } = settings;
  const vault = await openVault(backend, access, {
    machine,
    monitor,
    host,
    onWrite: release,
    mayWritePlain: settings.encrypted === false,
    isCached: settings.cache ?? true,
    ...(!hasScheme(location) && { directory: rawOf(location) }),
    ...(settings.unitSize !== undefined && { unitBytes: settings.unitSize }),
    ...(connections !== undefined && { connections }),
    ...(settings.compression !== undefined && { compression: settings.compression }),
  });
  held.move();
  return vault;
}

/** A vault of which only the keys are needed; closed together with its backend. */
export interface UnlockedVault extends AsyncDisposable {
  readonly backend: Backend;
  readonly access: VaultAccess;
}

/** Opens a vault's place and keys, without its index. @throws NoVault, and what opening a vault throws */
export async function unlockAt(
  machine: Machine,
  location: string,
  monitor: Monitor,
  login: VaultLogin,
): Promise<UnlockedVault> {
  await using held = new AsyncDisposableStack();
  const { backend, release } = await openVaultPlace(machine, location, monitor, login);
  held.use(backend);
  const access = await unlocked(machine, backend, login), all = held.move();
  release();
  return { backend, access, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** A directory that isn't there holds no vault. */
async function openVaultPlace(
  machine: Machine,
  location: string,
  monitor: Monitor,
  login: VaultLogin,
): Promise<Stoppable> {
  try {
    return stoppable(await openPlace(machine, location, { ...login, monitor }), login.signal);
  } catch (error) {
    if (!(error instanceof DiskFault) || error.errno !== "ENOENT") throw error;
    const { NoVault } = await import("../vault/format/faults.ts");
    throw new NoVault(location);
  }
}

async function unlocked(
  machine: Machine,
  backend: Backend,
  { settings, secrets, signal }: VaultLogin,
): Promise<VaultAccess> {
  const [{ readConfig, unlockVault }, { WrongPassphrase }] = await Promise.all([
    import("../vault/access.ts"),
    import("../vault/format/faults.ts"),
  ]);
  const config = await readConfig(backend), vault = { location: backend.location, encrypted: config.encrypted };
  for (let tries = 1;; tries++) {
    const { secret, isTyped } = await secretFor(settings, vault, secrets, signal);
    try {
      return await unlockVault(backend, secret, machine, config);
    } catch (error) {
      if (!(error instanceof WrongPassphrase) || !isTyped || tries === TRIES) throw error;
    }
  }
}
