/**
 * Signatures of roots, index objects and leases: HMAC-SHA256 over the kind and the bytes, so that one can't stand for
 * another.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** What is signed. */
export type Signed = "root" | "index" | "lease";

/** A signature in lower-case hex. @param auth the vault's key for signatures */
export function signatureOf(auth: Uint8Array, signed: Signed, bytes: Uint8Array): string {
  return createHmac("sha256", auth).update(`${signed}\n`).update(bytes).digest("hex");
}

export function isSignatureOf(signature: string, auth: Uint8Array, signed: Signed, bytes: Uint8Array): boolean {
  const right = new TextEncoder().encode(signatureOf(auth, signed, bytes)), given = new TextEncoder().encode(signature);
  return given.length === right.length && timingSafeEqual(given, right);
}

/** The last line of signed data; its length is constant. */
export function signatureLine(signature: string): string {
  return `{"hmac":"${signature}"}\n`;
}

export const SIGNATURE_LINE_BYTES = signatureLine("0".repeat(64)).length;

/** The signature in a line; undefined if it isn't a signature line. */
export function signatureIn(line: Uint8Array): string | undefined {
  return /^\{"hmac":"([0-9a-f]{64})"\}\n$/.exec(new TextDecoder("latin1").decode(line))?.[1];
}
