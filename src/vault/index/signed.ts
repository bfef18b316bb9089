/** Signed data: bytes, followed by one line with their signature. */
import { NotSigned } from "../format/faults.ts";
import {
  isSignatureOf,
  SIGNATURE_LINE_BYTES,
  signatureIn,
  signatureLine,
  signatureOf,
  type Signed,
} from "../seal/signature.ts";

/** Appends a signature. @param auth key for signatures; undefined without encryption, when nothing is signed */
export function sign(bytes: Uint8Array, signed: Signed, auth: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
  if (auth === undefined) return new Uint8Array(bytes);
  const line = new TextEncoder().encode(signatureLine(signatureOf(auth, signed, bytes)));
  const both = new Uint8Array(bytes.length + line.length);
  both.set(bytes);
  both.set(line, bytes.length);
  return both;
}

/**
 * A view of the bytes that were signed. @param auth key for signatures; undefined: nothing is signed @throws NotSigned
 */
export function verified<B extends ArrayBuffer>(
  bytes: Uint8Array<B>,
  { signed, auth, what }: { readonly signed: Signed; readonly auth: Uint8Array | undefined; readonly what: string },
): Uint8Array<B> {
  if (auth === undefined) return bytes;
  const content = bytes.subarray(0, Math.max(0, bytes.length - SIGNATURE_LINE_BYTES));
  const signature = signatureIn(bytes.subarray(content.length));
  if (signature === undefined || !isSignatureOf(signature, auth, signed, content)) throw new NotSigned(what);
  return content;
}
