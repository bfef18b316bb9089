/**
 * The keys of a vault. There is one secret, the data identity; everything else follows from it. Who has only the meta
 * identity can store, list and sign, but not read contents. HKDF has no salt: nothing that lies in the vault is needed.
 */
import { hkdfSync } from "node:crypto";
import { bech32 } from "@scure/base";
import type { Random } from "../../core/clock.ts";
import { BadKeyFile } from "../format/faults.ts";
import { KEY_BYTES } from "./chacha.ts";

/** What somebody who holds a key can do with. */
export interface VaultKey {
  /** `AGE-SECRET-KEY-1...`; absent in a write-only key. */
  readonly dataIdentity?: string;
  /** `age1...`: what data units are sealed to. */
  readonly dataRecipient: string;
  readonly metaIdentity: string;
  readonly metaRecipient: string;
  /** For signatures of roots and index objects: 32 bytes. */
  readonly auth: Uint8Array<ArrayBuffer>;
  /** For cutting large files: 256 words. */
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

/** All that a data identity gives. @throws BadKeyFile */
export async function fullKey(dataIdentity: string): Promise<VaultKey> {
  const metaIdentity = metaIdentityOf(dataIdentity);
  return { ...await writeOnlyKey(metaIdentity, await recipientOf(dataIdentity)), dataIdentity };
}

/** What is left without the data identity. @throws BadKeyFile */
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

/** The second line of a key. @throws BadKeyFile */
export function metaIdentityOf(dataIdentity: string): string {
  return identityOf(derive(secretOf(dataIdentity), META_LABEL, KEY_BYTES));
}

/** For vaults that are not encrypted: they have no secret. */
export function publicGear(): Uint32Array<ArrayBuffer> {
  return gearFrom(new Uint8Array(KEY_BYTES));
}

/** Whatever may open an object of the vault, data first. */
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

/** X25519 only. */
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
