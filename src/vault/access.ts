/** Making a vault, and finding out what opens one. */
import { hash } from "node:crypto";
import { type Backend, CONFIG, objectKey, README } from "../backend/backend.ts";
import { MissingObject, PlaceRefuses } from "../backend/faults.ts";
import { rawOf } from "../core/raw.ts";
import { newUuid } from "../core/uuid.ts";
import type { Dir } from "../platform/disk.ts";
import type { Machine } from "../platform/machine.ts";
import { DamagedObject, NoKey, NotEncrypted, NoVault, VaultExists, WrongPassphrase } from "./format/faults.ts";
import { MOST_SMALL_BYTES } from "./format/limits.ts";
import { readmeText } from "./readme.ts";
import { encodeKeyFile, parseKeyFile, vaultOfKeyFile } from "./seal/key_file.ts";
import { fullKey, newDataIdentity, type VaultKey } from "./seal/keys.ts";
import { openKeyFile, sealKeyFile } from "./seal/passphrase.ts";
import {
  type Chunking,
  DEFAULT_CHUNKING,
  encodeConfig,
  isVaultConfig,
  parseConfig,
  type VaultConfig,
} from "./store/config.ts";
import type { VaultAccess } from "./store/sealed_objects.ts";

/** What somebody gives to open a vault. "unencrypted": they know that there is nothing to be given. */
export type Secret =
  | { readonly kind: "passphrase"; readonly passphrase: string }
  | { readonly kind: "key-file"; readonly text: string }
  | { readonly kind: "unencrypted" };

export interface InitRequest {
  /** Absent: the vault is not encrypted. */
  readonly passphrase?: string;
  /** Of the key, for people. Default: "first". */
  readonly keyName?: string;
  /** For tests: less makes a passphrase quick to try. */
  readonly workFactor?: number;
  /** For tests. */
  readonly chunker?: Chunking;
}

/** Makes a vault in an empty place. It is one when `config` is there, which comes last. @throws VaultExists */
export async function initVault(
  backend: Backend,
  { clock, random }: Pick<Machine, "clock" | "random">,
  { passphrase, keyName = "first", workFactor, chunker = DEFAULT_CHUNKING }: InitRequest,
): Promise<VaultAccess> {
  if (await backend.head(CONFIG) !== undefined) throw new VaultExists(backend.location);
  const created = new Date(clock.nowMs()).toISOString();
  const config: VaultConfig = { id: newUuid(random), created, encrypted: passphrase !== undefined, chunker };
  let key: VaultKey | undefined;
  if (passphrase !== undefined) {
    key = await fullKey(newDataIdentity(random));
    const text = encodeKeyFile(key, { vault: config.id, name: keyName, created });
    const bytes = await sealKeyFile(text, passphrase, workFactor);
    await backend.put(objectKey("keys", hash("sha256", bytes)), bytes);
  }
  await putReadme(backend, config);
  await putConfig(backend, config);
  return { config, key };
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

/** @throws NoVault, DamagedObject, BeyondLimit, NewerObject */
export async function readConfig(backend: Backend): Promise<VaultConfig> {
  const size = await backend.head(CONFIG);
  if (size === undefined) throw new NoVault(backend.location);
  if (size > MOST_SMALL_BYTES) throw new DamagedObject("config", `it has ${size} bytes`);
  return parseConfig(await backend.get(CONFIG));
}

/** True if a directory of this machine holds a vault, of whatever version. @throws DiskFault */
export function isVaultAt(dir: Dir): boolean {
  using file = dir.open(rawOf(CONFIG));
  const bytes = new Uint8Array(MOST_SMALL_BYTES + 1);
  return file !== undefined && isVaultConfig(bytes.subarray(0, file.read(bytes, 0)));
}

/** @throws NoVault, NoKey, NotEncrypted, WrongPassphrase, BadKeyFile */
export async function unlockVault(backend: Backend, secret: Secret): Promise<VaultAccess> {
  const config = await readConfig(backend);
  if (secret.kind === "unencrypted") {
    if (config.encrypted) throw new NoKey(backend.location);
    return { config, key: undefined };
  }
  // Whoever gives a key is never made to write plain text by what lies there.
  if (!config.encrypted) throw new NotEncrypted(backend.location);
  const key = secret.kind === "key-file"
    ? await parseKeyFile(secret.text)
    : await keyFor(backend, config, secret.passphrase);
  return { config, key };
}

/** The key that a passphrase opens. Others, for other passphrases or planted, are passed over. */
async function keyFor(backend: Backend, config: VaultConfig, passphrase: string): Promise<VaultKey> {
  let tried = "keys";
  for await (const { name, size } of backend.list("keys")) {
    if (size > MOST_SMALL_BYTES) continue;
    tried = `keys/${name}`;
    const text = await openedKey(backend, name, passphrase);
    if (text !== undefined && vaultOfKeyFile(text) === config.id) return await parseKeyFile(text);
  }
  throw new WrongPassphrase(tried);
}

async function openedKey(backend: Backend, name: string, passphrase: string): Promise<string | undefined> {
  try {
    return await openKeyFile(await backend.get(objectKey("keys", name)), passphrase, `keys/${name}`);
  } catch (error) {
    if (error instanceof WrongPassphrase || error instanceof MissingObject) return undefined;
    throw error;
  }
}
