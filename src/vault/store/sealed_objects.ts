/** Objects of `index/`, `snapshots/` and `locks/`: encrypts and stores them, and fetches, decrypts and checks them. */
import { hash } from "node:crypto";
import { type Backend, objectKey } from "../../backend/backend.ts";
import type { Random } from "../../core/clock.ts";
import { BeyondLimit, DamagedObject, WriteOnlyKey } from "../format/faults.ts";
import { MOST_SEALED_BYTES } from "../format/limits.ts";
import { makeObject, openObject } from "../index/small_object.ts";
import type { UnitClass } from "../pack/items.ts";
import { identitiesOf, publicGear, type VaultKey } from "../seal/keys.ts";
import type { VaultConfig } from "./config.ts";

export type SmallKind = "index" | "snapshots" | "locks";

/** Config and keys of one vault. */
export interface VaultAccess {
  readonly config: VaultConfig;
  /** Absent without encryption. */
  readonly key: VaultKey | undefined;
  /** Name of the object in `keys/` that a passphrase opened. */
  readonly keyId?: string;
}

/** Recipient of units of a class; undefined without encryption. */
export function recipientFor({ key }: VaultAccess, unitClass: UnitClass): string | undefined {
  return unitClass === "data" ? key?.dataRecipient : key?.metaRecipient;
}

/** Identities that open units of a class; undefined without encryption. @throws WriteOnlyKey */
export function identitiesFor({ key }: VaultAccess, unitClass: UnitClass): readonly string[] | undefined {
  if (key === undefined) return undefined;
  const identity = unitClass === "data" ? key.dataIdentity : key.metaIdentity;
  if (identity === undefined) throw new WriteOnlyKey();
  return [identity];
}

/** The gear table, which determines where large files are cut. */
export function gearOf({ key }: VaultAccess): Uint32Array {
  return key?.gear ?? publicGear();
}

export class SealedObjects {
  readonly backend: Backend;
  readonly access: VaultAccess;
  readonly random: Random;

  constructor(backend: Backend, access: VaultAccess, random: Random) {
    this.backend = backend;
    this.access = access;
    this.random = random;
  }

  /** Key for signatures; undefined without encryption. */
  get auth(): Uint8Array<ArrayBuffer> | undefined {
    return this.access.key?.auth;
  }

  /** Names of all objects of a kind, with their sizes in bytes. */
  async list(kind: SmallKind | "data"): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    for await (const { name, size } of this.backend.list(kind)) sizes.set(name, size);
    return sizes;
  }

  /** Stores an object. @returns its name */
  async put(kind: SmallKind, plain: Uint8Array): Promise<string> {
    const { name, bytes } = await makeObject(plain, this.access.key?.metaRecipient, this.random);
    // What is not sealed may be the same as what somebody else stores.
    await this.backend.put(objectKey(kind, name), bytes, { isFresh: this.access.key !== undefined });
    return name;
  }

  /**
   * The plain bytes of an object, including its signature line.
   * @param size listed size in bytes
   * @throws MissingObject, DamagedObject, BeyondLimit, WrongKey
   */
  async get(kind: SmallKind, name: string, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const what = `${kind}/${name}`, { key } = this.access;
    if (size > MOST_SEALED_BYTES) throw new BeyondLimit(what, "its size", MOST_SEALED_BYTES);
    const bytes = await this.backend.get(objectKey(kind, name));
    if (hash("sha256", bytes) !== name) throw new DamagedObject(what, "its bytes don't match its name");
    return await openObject(bytes, key && identitiesOf(key), what);
  }
}
