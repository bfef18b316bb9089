/** Creates vaults, and finds the key that opens one. */
import { type Backend, CONFIG, type ObjectKey, objectKey, README } from "../backend/backend.ts";
import { MissingObject, PlaceRefuses, ShortObject } from "../backend/faults.ts";
import { Fault } from "../core/fault.ts";
import { rawOf } from "../core/raw.ts";
import { newUuid } from "../core/uuid.ts";
import type { Dir } from "../platform/disk.ts";
import type { Machine } from "../platform/machine.ts";
import {
  BadKeyFile,
  BeyondLimit,
  DamagedKey,
  DamagedObject,
  NoKey,
  NotEncrypted,
  NoVault,
  VaultExists,
  WrongKey,
  WrongPassphrase,
} from "./format/faults.ts";
import { MOST_HEAD_BYTES, MOST_SMALL_BYTES } from "./format/limits.ts";
import { ForeignKey, ForeignObjects } from "./keys/faults.ts";
import { noteKey, readKeyNotes } from "./keys/key_notes.ts";
import { factsOf, keyIds, openedKey, putKey } from "./keys/key_objects.ts";
import { readmeText } from "./readme.ts";
import { openHead } from "./seal/age_header.ts";
import { parseKeyFile, vaultOfKeyFile } from "./seal/key_file.ts";
import { fullKey, identitiesOf, newDataIdentity, type VaultKey } from "./seal/keys.ts";
import {
  type Chunking,
  DEFAULT_CHUNKING,
  encodeConfig,
  isVaultConfig,
  parseConfig,
  type VaultConfig,
} from "./store/config.ts";
import type { VaultAccess } from "./store/sealed_objects.ts";

export type { VaultAccess };

/** The secret that a user gives to open a vault. "unencrypted": the user knows that the vault needs none. */
export type Secret =
  | { readonly kind: "passphrase"; readonly passphrase: string }
  | { readonly kind: "key-file"; readonly text: string }
  | { readonly kind: "unencrypted" };

export interface InitRequest {
  /** Absent: the vault is not encrypted. */
  readonly passphrase?: string;
  /** Name of the key, for people. Default: "first". */
  readonly keyName?: string;
  /** For tests: a lower scrypt work factor makes a passphrase quick to check. */
  readonly workFactor?: number;
  /** For tests. */
  readonly chunker?: Chunking;
}

/** Creates a vault in an empty place. It exists once `config` does, which is written last. @throws VaultExists */
export async function initVault(
  backend: Backend,
  { clock, random }: Pick<Machine, "clock" | "random">,
  { passphrase, keyName = "first", workFactor, chunker = DEFAULT_CHUNKING }: InitRequest,
): Promise<VaultAccess> {
  if (await backend.head(CONFIG) !== undefined) throw new VaultExists(backend.location);
  const created = new Date(clock.nowMs()).toISOString();
  const config: VaultConfig = { id: newUuid(random), created, encrypted: passphrase !== undefined, chunker };
  if (passphrase === undefined) {
    await putReadme(backend, config);
    await putConfig(backend, config);
    return { config, key: undefined };
  }
  const key = await fullKey(newDataIdentity(random)), label = { vault: config.id, name: keyName, created };
  const keyId = await putKey(backend, { key, label }, { passphrase, workFactor });
  await putReadme(backend, config);
  await putConfig(backend, config);
  return { config, key, keyId };
}

async function putReadme(backend: Backend, config: VaultConfig): Promise<void> {
  if (await backend.head(README) !== undefined) return;
  try {
    await backend.put(README, new TextEncoder().encode(readmeText(config)));
  } catch (error) {
    if (!(error instanceof PlaceRefuses)) throw error; // not every place takes what is no object
  }
}

async function putConfig(backend: Backend, config: VaultConfig): Promise<void> {
  await backend.put(CONFIG, encodeConfig(config));
  // Somebody may have made another vault at the same time.
  if ((await readConfig(backend)).id !== config.id) throw new VaultExists(backend.location);
}

/** Reads and parses `config`. @throws NoVault, DamagedObject, BeyondLimit, NewerObject */
export async function readConfig(backend: Backend): Promise<VaultConfig> {
  const range = { from: 0, length: MOST_SMALL_BYTES + 1 };
  try {
    return parseConfig(await backend.get(CONFIG, { range, mayEnd: true }));
  } catch (error) {
    throw error instanceof MissingObject ? new NoVault(backend.location) : error;
  }
}

/** True if a directory of this machine holds a vault, of whatever version. @throws DiskFault */
export function isVaultAt(dir: Dir): boolean {
  using file = dir.open(rawOf(CONFIG));
  const bytes = new Uint8Array(MOST_SMALL_BYTES + 1);
  return file !== undefined && isVaultConfig(bytes.subarray(0, file.read(bytes, 0)));
}

/**
 * Opens a vault's keys with a secret.
 * @param machine remembers which key opened the vault, so that it is tried first next time; absent: nothing is
 * remembered
 * @param config if it was read already
 * @throws NoVault, NoKey, NotEncrypted, WrongPassphrase, BadKeyFile, ForeignKey, ForeignObjects
 */
export async function unlockVault(
  backend: Backend,
  secret: Secret,
  machine?: Pick<Machine, "disk" | "state" | "random">,
  config?: VaultConfig,
): Promise<VaultAccess> {
  config ??= await readConfig(backend);
  if (secret.kind === "unencrypted") {
    if (config.encrypted) throw new NoKey(backend.location);
    return { config, key: undefined };
  }
  // Whoever gives a key is never made to write plain text by what lies there.
  if (!config.encrypted) throw new NotEncrypted(backend.location);
  if (secret.kind === "passphrase") return { config, ...await keyFor(backend, config, { ...secret, machine }) };
  const key = await parseKeyFile(secret.text);
  await assertFits(backend, config, { key, vault: vaultOfKeyFile(secret.text) });
  return { config, key };
}

/** The key that a passphrase opens. Keys for other passphrases, or planted ones, are skipped. */
async function keyFor(
  backend: Backend,
  config: VaultConfig,
  { passphrase, machine }: { passphrase: string; machine: Parameters<typeof noteKey>[0] | undefined },
): Promise<{ key: VaultKey; keyId: string }> {
  const last = machine && readKeyNotes(machine, config.id).last, ids = await keyIds(backend);
  const damaged: Fault[] = [];
  for (const keyId of ids.sort((a, b) => Number(b === last) - Number(a === last))) {
    const text = await openedKey(backend, keyId, passphrase).catch(damageOf);
    if (text instanceof Fault) damaged.push(text);
    if (typeof text !== "string" || vaultOfKeyFile(text) !== config.id) continue;
    const key = await parseKeyFile(text);
    if (machine !== undefined) noteKey(machine, config.id, keyId, factsOf(text, key), true);
    return { key, keyId };
  }
  // Of several, the one that is meant may be sound.
  if (damaged[0] !== undefined && damaged.length === ids.length) throw damaged[0];
  throw new WrongPassphrase(ids.length === 1 ? "the key of the vault" : `any of the ${ids.length} keys of the vault`);
}

const DAMAGES = [BadKeyFile, DamagedKey, DamagedObject, BeyondLimit];

function damageOf(error: unknown): Fault {
  if (DAMAGES.some((each) => error instanceof each)) return error as Fault;
  throw error;
}

/** Objects that are tried with a key, as any of them may be foreign. */
const TRIED_OBJECTS = 3;

/** Checks that a key belongs to the vault, and to its objects. @throws ForeignKey, ForeignObjects */
async function assertFits(
  backend: Backend,
  { id }: VaultConfig,
  { key, vault }: { readonly key: VaultKey; readonly vault: string | undefined },
): Promise<void> {
  if (vault !== undefined && vault !== id) throw new ForeignKey(backend.location, id);
  let isForeign = false, tried = 0;
  for (const kind of ["snapshots", "index"] as const) {
    for await (const { name, size } of backend.list(kind)) {
      const opened = await opens(backend, key, { object: objectKey(kind, name), size });
      if (opened === true) return;
      isForeign ||= opened === false;
      if (++tried === TRIED_OBJECTS) break;
    }
  }
  if (isForeign) throw new ForeignObjects(backend.location, vault);
}

/** True if the key opens the object; undefined if that can't be determined, because the object is damaged or gone. */
async function opens(
  backend: Backend,
  key: VaultKey,
  { object, size }: { readonly object: ObjectKey; readonly size: number },
): Promise<boolean | undefined> {
  try {
    const range = { from: 0, length: Math.min(size, MOST_HEAD_BYTES) };
    await openHead(await backend.get(object, { range }), identitiesOf(key), object);
    return true;
  } catch (error) {
    if (error instanceof WrongKey) return false;
    if (error instanceof MissingObject || error instanceof ShortObject) return undefined;
    if (error instanceof DamagedObject || error instanceof BeyondLimit) return undefined;
    throw error;
  }
}
