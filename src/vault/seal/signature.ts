/** Signatures of roots and index objects: HMAC-SHA256, with what is signed in front, so that one can't stand for the other. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** What is signed. */
export type Signed = "root" | "index" | "lease";

/** Lower-case hex. @param auth the vault's key for signatures */
export function signatureOf(auth: Uint8Array, signed: Signed, bytes: Uint8Array): string {
  return createHmac("sha256", auth).update(`${signed}\n`).update(bytes).digest("hex");
}

export function isSignatureOf(signature: string, auth: Uint8Array, signed: Signed, bytes: Uint8Array): boolean {
  const right = new TextEncoder().encode(signatureOf(auth, signed, bytes)), given = new TextEncoder().encode(signature);
  return given.length === right.length && timingSafeEqual(given, right);
}

/** The last line of what is signed: always as long. */
export function signatureLine(signature: string): string {
  return `{"hmac":"${signature}"}\n`;
}

export const SIGNATURE_LINE_BYTES = signatureLine("0".repeat(64)).length;

/** What a signature line says; undefined if it is none. */
export function signatureIn(line: Uint8Array): string | undefined {
  return /^\{"hmac":"([0-9a-f]{64})"\}\n$/.exec(new TextDecoder("latin1").decode(line))?.[1];
}
