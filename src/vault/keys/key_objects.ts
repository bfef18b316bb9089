/** The objects of `keys/`: keys of the vault, each encrypted with a passphrase of its own. */
import { hash } from "node:crypto";
import { type Backend, objectKey } from "../../backend/backend.ts";
import { Fault } from "../../core/fault.ts";
import { MissingObject } from "../../backend/faults.ts";
import { DamagedKey, WrongPassphrase } from "../format/faults.ts";
import { MOST_SMALL_BYTES } from "../format/limits.ts";
import { encodeKeyFile, type KeyLabel, labelOfKeyFile } from "../seal/key_file.ts";
import type { VaultKey } from "../seal/keys.ts";
import { openKeyFile, sealKeyFile } from "../seal/passphrase.ts";
import type { KeyFacts } from "./key_notes.ts";

/** Names of all objects that may be keys. */
export async function keyIds(backend: Backend): Promise<string[]> {
  const ids: string[] = [];
  for await (const { name, size } of backend.list("keys")) if (size <= MOST_SMALL_BYTES) ids.push(name);
  return ids.sort();
}

/**
 * Opens the key file in an object; undefined if the passphrase is wrong or the object is gone. @throws BadKeyFile,
 * BeyondLimit, DamagedObject, DamagedKey
 */
export async function openedKey(backend: Backend, id: string, passphrase: string): Promise<string | undefined> {
  const key = objectKey("keys", id), bytes = await unlessMissing(backend.get(key));
  if (bytes === undefined) return undefined;
  try {
    return await openKeyFile(bytes, passphrase, key);
  } catch (error) {
    // A damaged one fails like one for another passphrase, or like a file that is no key.
    if (error instanceof Fault && hash("sha256", bytes) !== id) {
      throw new DamagedKey(key);
    }
    if (error instanceof WrongPassphrase) return undefined;
    throw error;
  }
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof MissingObject) return undefined;
    throw error;
  }
}

/** Kind, name and date of a key. */
export function factsOf(text: string, key: VaultKey): KeyFacts {
  const label = labelOfKeyFile(text);
  return {
    kind: key.dataIdentity === undefined ? "write-only" : "full",
    name: label?.name,
    created: label?.created,
  };
}

export interface SealOptions {
  readonly passphrase: string;
  /** For tests: a lower scrypt work factor makes a passphrase quick to check. */
  readonly workFactor?: number | undefined;
}

/** Stores a key, encrypted with a passphrase. @returns the name of its object */
export async function putKey(
  backend: Backend,
  { key, label }: { readonly key: VaultKey; readonly label: KeyLabel },
  { passphrase, workFactor }: SealOptions,
): Promise<string> {
  const bytes = await sealKeyFile(encodeKeyFile(key, label), passphrase, workFactor), id = hash("sha256", bytes);
  await backend.put(objectKey("keys", id), bytes);
  return id;
}
