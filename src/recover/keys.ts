/** Derives the keys of a vault from a passphrase or from the text of a key. */
import { bech32 } from "@scure/base";
import { demand, hkdf, identityOpener, type Opener } from "./sealed.ts";

export interface VaultKeys {
  readonly data: Opener;
  readonly meta: Opener;
  /** Signs roots and the index. */
  readonly auth: CryptoKey;
}

const PREFIX = "age-secret-key-";

/**
 * Identities in a text: a key file, a printed key, or one that was typed from it with spaces or in lower case.
 * @returns undefined if there are none
 */
export function identitiesIn(text: string): string[] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => !line.trimStart().startsWith("#")).join("\n");
  const squeezed = lines.replace(/\s+/g, "").toUpperCase();
  const found = squeezed.match(/AGE-SECRET-KEY-1[0-9A-Z]{58}/g);
  return found === null ? undefined : [...new Set(found)];
}

/** Derives all keys. @throws Damaged for a key with a typing error, or one that can only write */
export async function keysOf(identities: readonly string[]): Promise<VaultKeys> {
  const [first = "", second] = identities, secret = secretOf(first), none = new Uint8Array(0);
  const meta = await hkdf(secret, none, "backup-tool meta v1", 32), metaText = identityOf(meta);
  // The order on paper is data, meta; whoever typed them the other way round means the same.
  if (second !== undefined && second !== metaText) {
    demand(await isPair(second, first), "The lines of the key don't belong together");
    return await keysOf([second, first]);
  }
  const auth = await hkdf(meta, none, "backup-tool auth v1", 32);
  return {
    data: identityOpener(first),
    meta: identityOpener(metaText),
    auth: await crypto.subtle.importKey("raw", auth, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]),
  };
}

async function isPair(data: string, meta: string): Promise<boolean> {
  return identityOf(await hkdf(secretOf(data), new Uint8Array(0), "backup-tool meta v1", 32)) === meta;
}

function secretOf(identity: string): Uint8Array<ArrayBuffer> {
  const decoded = bech32.decodeUnsafe(identity.toLowerCase() as `${string}1${string}`, false);
  const bytes = decoded?.prefix === PREFIX ? bech32.fromWordsUnsafe(decoded.words) : undefined;
  demand(bytes instanceof Uint8Array && bytes.length === 32, "There is a typing error in the key");
  return Uint8Array.from(bytes);
}

function identityOf(secret: Uint8Array): string {
  return bech32.encode(PREFIX, bech32.toWords(secret), false).toUpperCase();
}
