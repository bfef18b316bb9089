/** Objects of `keys/`: a key file encrypted with a passphrase, as an ordinary age file. */
import { BadKeyFile, BeyondLimit, WrongPassphrase } from "../format/faults.ts";
import { MOST_SMALL_BYTES } from "../format/limits.ts";
import { headBytes } from "./age_header.ts";

/** scrypt with N = 2^18: checking a passphrase takes a second and 256 MiB. */
export const WORK_FACTOR = 18;
/** Largest accepted work factor: higher ones would let anybody who can write to the vault exhaust the memory. */
const MOST_WORK_FACTOR = 20;

const KEY_START = "age-encryption.org/v1\n-> scrypt ";

/** True only for objects of `keys/`. @param start first bytes of any file */
export function isSealedKey(start: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(start.subarray(0, KEY_START.length)) === KEY_START;
}

/** Encrypts a key file. @param workFactor for tests */
export async function sealKeyFile(
  text: string,
  passphrase: string,
  workFactor = WORK_FACTOR,
): Promise<Uint8Array<ArrayBuffer>> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(workFactor);
  return new Uint8Array(await encrypter.encrypt(text));
}

/**
 * Decrypts a key file. @param what the object, for messages @throws WrongPassphrase, BadKeyFile, BeyondLimit,
 * DamagedObject
 */
export async function openKeyFile(bytes: Uint8Array<ArrayBuffer>, passphrase: string, what: string): Promise<string> {
  if (bytes.length > MOST_SMALL_BYTES) throw new BeyondLimit(what, "its size", MOST_SMALL_BYTES);
  const header = new TextDecoder("latin1").decode(bytes.subarray(0, headBytes(bytes, what)));
  const factor = /^-> scrypt \S+ ([1-9][0-9]{0,2})$/m.exec(header)?.[1];
  if (factor === undefined) throw new BadKeyFile(`${JSON.stringify(what)} is not sealed with a passphrase`);
  if (Number(factor) > MOST_WORK_FACTOR) throw new BeyondLimit(what, "its work factor", MOST_WORK_FACTOR);
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  try {
    return await decrypter.decrypt(bytes, "text");
  } catch (error) {
    // Damage can't be distinguished from a wrong passphrase: both give a useless key.
    if (error instanceof Error && /no identity matched|HMAC/.test(error.message)) throw new WrongPassphrase(what);
    throw new BadKeyFile(`${JSON.stringify(what)} is damaged`);
  }
}
