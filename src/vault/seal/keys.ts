/**
 * The keys of a vault. The only secret is the data identity; all other keys are derived from it. The meta identity
 * alone allows storing, listing and signing, but not reading contents. HKDF is used without a salt, so that nothing
 * from the vault is needed.
 */
import { hkdfSync } from "node:crypto";
import { bech32 } from "@scure/base";
import type { Random } from "../../core/clock.ts";
import { BadKeyFile } from "../format/faults.ts";
import { KEY_BYTES } from "./chacha.ts";

/** The keys that a user has. */
export interface VaultKey {
  /** `AGE-SECRET-KEY-1...`; absent in a write-only key. */
  readonly dataIdentity?: string;
  /** `age1...`: recipient of data units. */
  readonly dataRecipient: string;
  readonly metaIdentity: string;
  readonly metaRecipient: string;
  /** Key for signatures of roots, index objects and leases: 32 bytes. */
  readonly auth: Uint8Array<ArrayBuffer>;
  /** Gear table for cutting large files: 256 words. */
  readonly gear: Uint32Array<ArrayBuffer>;
}

const META_LABEL = "backup-tool meta v1", AUTH_LABEL = "backup-tool auth v1", GEAR_LABEL = "backup-tool gear v1";
const IDENTITY_PREFIX = "AGE-SECRET-KEY-", RECIPIENT_PREFIX = "age";
export const IDENTITY_LENGTH = 74;
const GEAR_WORDS = 256;

/** A new secret, as a line of an age identity file. */
export function newDataIdentity(random: Random): string {
  return identityOf(random(KEY_BYTES));
}

/** All keys, from a data identity. @throws BadKeyFile */
export async function fullKey(dataIdentity: string): Promise<VaultKey> {
  const metaIdentity = metaIdentityOf(dataIdentity);
  return { ...await writeOnlyKey(metaIdentity, await recipientOf(dataIdentity)), dataIdentity };
}

/** The keys that remain without the data identity. @throws BadKeyFile */
export async function writeOnlyKey(metaIdentity: string, dataRecipient: string): Promise<VaultKey> {
  const secret = secretOf(metaIdentity);
  if (!isRecipient(dataRecipient)) throw new BadKeyFile("its data recipient is none");
  return {
    dataRecipient,
    metaIdentity,
    metaRecipient: await recipientOf(metaIdentity),
    auth: derive(secret, AUTH_LABEL, KEY_BYTES),
    gear: gearFrom(secret),
  };
}

/** The meta identity, which is the second line of a key file. @throws BadKeyFile */
export function metaIdentityOf(dataIdentity: string): string {
  return identityOf(derive(secretOf(dataIdentity), META_LABEL, KEY_BYTES));
}

/** The gear table of vaults without encryption, which have no secret. */
export function publicGear(): Uint32Array<ArrayBuffer> {
  return gearFrom(new Uint8Array(KEY_BYTES));
}

/** Identities that may open an object of the vault, data first. */
export function identitiesOf({ dataIdentity, metaIdentity }: VaultKey): readonly string[] {
  return dataIdentity === undefined ? [metaIdentity] : [dataIdentity, metaIdentity];
}

function gearFrom(metaSecret: Uint8Array): Uint32Array<ArrayBuffer> {
  const view = new DataView(derive(metaSecret, GEAR_LABEL, GEAR_WORDS * 4).buffer);
  return Uint32Array.from({ length: GEAR_WORDS }, (_, i) => view.getUint32(i * 4, true));
}

function derive(secret: Uint8Array, label: string, bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hkdfSync("sha256", secret, "", label, bytes));
}

function identityOf(secret: Uint8Array): string {
  return bech32.encodeFromBytes(IDENTITY_PREFIX, secret).toUpperCase();
}

/** The 32 bytes of an identity. @throws BadKeyFile */
function secretOf(identity: string): Uint8Array {
  const bytes = decoded(identity, IDENTITY_PREFIX.toLowerCase());
  if (bytes === undefined) throw new BadKeyFile("a line of it has a typing error, or is of another kind of key");
  return bytes;
}

/** True for an X25519 recipient. */
export function isRecipient(text: string): boolean {
  return decoded(text, RECIPIENT_PREFIX) !== undefined;
}

function decoded(text: string, prefix: string): Uint8Array | undefined {
  const result = bech32.decodeUnsafe(text as `${string}1${string}`);
  if (result === undefined || result.prefix.toLowerCase() !== prefix) return undefined;
  const bytes = bech32.fromWordsUnsafe(result.words);
  return bytes?.length === KEY_BYTES ? bytes : undefined;
}

async function recipientOf(identity: string): Promise<string> {
  const { identityToRecipient } = await import("age-encryption");
  return await identityToRecipient(identity);
}
