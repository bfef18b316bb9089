/**
 * The payload of an age file: STREAM (age-encryption.org/v1). The plaintext is divided into chunks of 64 KiB, each
 * encrypted with its number and an "is last" flag in the nonce. So any chunk can be decrypted alone, but none can be
 * moved, or dropped at the end. This file has the arithmetic; sealer.ts and sealed_body.ts encrypt and decrypt.
 */
import { NONCE_BYTES, TAG_BYTES } from "./chacha.ts";

export const CHUNK_BYTES = 65_536;
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
/** Length of the nonce between the header and the first chunk. */
export const PAYLOAD_NONCE_BYTES = 16;

/** Encrypted size of a plaintext. An empty one has one empty chunk, so that its end is authenticated as well. */
export function sealedBytes(plainBytes: number): number {
  return plainBytes + TAG_BYTES * Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES));
}

/** The inverse of {@link sealedBytes}; undefined if no plaintext has that encrypted size. */
export function plainBytes(sealed: number): number | undefined {
  const chunks = Math.ceil(sealed / SEALED_CHUNK_BYTES), last = sealed - (chunks - 1) * SEALED_CHUNK_BYTES;
  // Only the first chunk may be empty.
  if (chunks < 1 || last < TAG_BYTES || (last === TAG_BYTES && chunks > 1)) return undefined;
  return sealed - chunks * TAG_BYTES;
}

/** Number of chunks of a plaintext. */
export function chunkCount(plainBytes: number): number {
  return Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES));
}

/** Sets `nonce` for one chunk: its number in 11 bytes, big-endian, and 1 for the last chunk. */
export function setNonce(nonce: Uint8Array, chunk: number, isLast: boolean): void {
  nonce.fill(0, 0, NONCE_BYTES - 5);
  for (let i = NONCE_BYTES - 2, rest = chunk; i >= NONCE_BYTES - 5; i--, rest = Math.floor(rest / 256)) {
    nonce[i] = rest % 256;
  }
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
}
