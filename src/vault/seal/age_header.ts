/**
 * The head of an age file: header and payload nonce, that is, everything before the first chunk. The package
 * `age-encryption`, loaded on first use, makes and opens headers. Bodies, which are most of the bytes, are handled
 * here.
 */
import { hkdfSync } from "node:crypto";
import type { Random } from "../../core/clock.ts";
import { BeyondLimit, DamagedObject, WrongKey } from "../format/faults.ts";
import { MOST_HEAD_BYTES } from "../format/limits.ts";
import { KEY_BYTES } from "./chacha.ts";
import { PAYLOAD_NONCE_BYTES } from "./stream.ts";

/** What encrypting a body needs. It must be new for every object: one key for two objects would reveal both. */
export interface Head {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly payloadKey: Uint8Array<ArrayBuffer>;
}

const FIRST_LINE = "age-encryption.org/v1\n";
/** Length of an empty body from the package: a nonce and one empty chunk. */
const EMPTY_BODY_BYTES = PAYLOAD_NONCE_BYTES + 16;
const NEWLINE = 10, DASH = 0x2d;

/** Makes a head. @param recipients `age1...` @param random for the payload nonce; the file key is the package's */
export async function makeHead(recipients: readonly string[], random: Random): Promise<Head> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  let fileKey: Uint8Array = new Uint8Array(0);
  // A recipient that only sees the file key, and adds nothing to the header.
  encrypter.addRecipient({ wrapFileKey: (key) => (fileKey = key.slice(), []) });
  const header = (await encrypter.encrypt(new Uint8Array(0))).slice(0, -EMPTY_BODY_BYTES);
  const nonce = random(PAYLOAD_NONCE_BYTES), bytes = new Uint8Array(header.length + PAYLOAD_NONCE_BYTES);
  bytes.set(header);
  bytes.set(nonce, header.length);
  return { bytes, payloadKey: payloadKeyOf(fileKey, nonce) };
}

function payloadKeyOf(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hkdfSync("sha256", fileKey, nonce, "payload", KEY_BYTES));
}

/** True if the bytes begin like an age file. */
export function isAge(start: Uint8Array): boolean {
  return FIRST_LINE.length <= start.length &&
    [...FIRST_LINE].every((character, i) => start[i] === character.charCodeAt(0));
}

/**
 * Length of an object's head.
 * @param start its first bytes: all of them, or at least as many as a head may have
 * @throws DamagedObject, BeyondLimit
 */
export function headBytes(start: Uint8Array, what: string): number {
  if (!isAge(start)) throw new DamagedObject(what, "it doesn't begin with an age header");
  const most = Math.min(start.length, MOST_HEAD_BYTES);
  for (let line = FIRST_LINE.length; line < most; line = start.indexOf(NEWLINE, line) + 1) {
    if (start[line] === DASH && start[line + 1] === DASH && start[line + 2] === DASH) {
      const end = start.indexOf(NEWLINE, line) + 1 + PAYLOAD_NONCE_BYTES;
      if (end > PAYLOAD_NONCE_BYTES && end <= most) return end;
    }
    if (start.indexOf(NEWLINE, line) < 0) break;
  }
  if (start.length >= MOST_HEAD_BYTES) throw new BeyondLimit(what, "its age header", MOST_HEAD_BYTES);
  throw new DamagedObject(what, "its age header has no end");
}

/**
 * Opens an object's head.
 * @param start as for {@link headBytes}
 * @param identities `AGE-SECRET-KEY-...`; one of them has to fit
 * @throws DamagedObject, BeyondLimit, WrongKey
 */
export async function openHead(start: Uint8Array, identities: readonly string[], what: string): Promise<Head> {
  const end = headBytes(start, what);
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  const headerEnd = end - PAYLOAD_NONCE_BYTES;
  try {
    const fileKey = await decrypter.decryptHeader(start.slice(0, headerEnd));
    return { bytes: start.slice(0, end), payloadKey: payloadKeyOf(fileKey, start.subarray(headerEnd, end)) };
  } catch (error) {
    if (error instanceof Error && NO_IDENTITY.test(error.message)) throw new WrongKey(what);
    throw new DamagedObject(what, "its age header is damaged");
  }
}

/** Message of the package for a sound header that is encrypted to others. */
const NO_IDENTITY = /no identity matched/;
