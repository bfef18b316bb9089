/** Finds the keys of a heap: from a key file, a printed key, or a passphrase whose key is in the heap. */
import { Fault } from "../../core/fault.ts";
import type { Secret } from "../../vault/access.ts";
import { WrongPassphrase } from "../../vault/format/faults.ts";
import type { HeapEntry } from "../../vault/salvage/salvage.ts";
import { parseKeyFile } from "../../vault/seal/key_file.ts";
import { identitiesOf, type VaultKey } from "../../vault/seal/keys.ts";
import { isSealedKey, openKeyFile } from "../../vault/seal/passphrase.ts";

export interface SalvageKeys {
  readonly identities: readonly string[];
  readonly auths: readonly Uint8Array[];
}

/** Objects of `keys/` have a few hundred bytes. */
const MOST_KEY_BYTES = 4096;

/** @param heap is read once more if a passphrase is given @throws BadKeyFile, WrongPassphrase */
export async function keysFor(secret: Secret, heap: () => Iterable<HeapEntry>): Promise<SalvageKeys> {
  if (secret.kind === "unencrypted") return { identities: [], auths: [] };
  const keys = secret.kind === "key-file" ? [await parseKeyFile(secret.text)] : await keysIn(heap(), secret.passphrase);
  return { identities: keys.flatMap(identitiesOf), auths: keys.map(({ auth }) => auth) };
}

async function keysIn(heap: Iterable<HeapEntry>, passphrase: string): Promise<VaultKey[]> {
  const keys: VaultKey[] = [];
  for (const entry of heap) {
    const bytes = keyBytes(entry);
    if (bytes === undefined) continue;
    try {
      keys.push(await parseKeyFile(await openKeyFile(bytes, passphrase, entry.path)));
    } catch (error) {
      if (!(error instanceof Fault)) throw error; // of another passphrase, or damaged
    }
  }
  if (keys.length === 0) throw new WrongPassphrase("keys/");
  return keys;
}

/** The bytes of what is sealed with a passphrase; undefined for anything else, and what can't be read. */
function keyBytes({ open }: HeapEntry): Uint8Array<ArrayBuffer> | undefined {
  try {
    using file = open();
    if (file.size > MOST_KEY_BYTES) return undefined;
    const bytes = new Uint8Array(file.size), there = bytes.subarray(0, file.read(bytes, 0));
    return isSealedKey(there) ? there : undefined;
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}
