/**
 * The payload of an age file: STREAM (age-encryption.org/v1). The plaintext is cut into chunks of 64 KiB; each is
 * sealed by itself, with its number and "this is the last" in the nonce. So any chunk can be opened alone, none can be
 * moved, and none dropped at the end. Here is the arithmetic; what seals and opens stands in sealer.ts and
 * sealed_body.ts.
 */
import { NONCE_BYTES, TAG_BYTES } from "./chacha.ts";

export const CHUNK_BYTES = 65_536;
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
/** Between the header and the first chunk. */
export const PAYLOAD_NONCE_BYTES = 16;

/** Sealed bytes of a plaintext. An empty one is one empty chunk, so that its end is sealed as well. */
export function sealedBytes(plainBytes: number): number {
  return plainBytes + TAG_BYTES * Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES));
}

/** What {@link sealedBytes} was made of; undefined if nothing has that many sealed bytes. */
export function plainBytes(sealed: number): number | undefined {
  const chunks = Math.ceil(sealed / SEALED_CHUNK_BYTES), last = sealed - (chunks - 1) * SEALED_CHUNK_BYTES;
  // Only the first chunk may be empty.
  if (chunks < 1 || last < TAG_BYTES || (last === TAG_BYTES && chunks > 1)) return undefined;
  return sealed - chunks * TAG_BYTES;
}

/** Chunks of a plaintext. */
export function chunkCount(plainBytes: number): number {
  return Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES));
}

/** Fills `nonce` for one chunk: its number in 11 bytes, most significant first, and 1 for the last. */
export function setNonce(nonce: Uint8Array, chunk: number, isLast: boolean): void {
  nonce.fill(0, 0, NONCE_BYTES - 5);
  for (let i = NONCE_BYTES - 2, rest = chunk; i >= NONCE_BYTES - 5; i--, rest = Math.floor(rest / 256)) {
    nonce[i] = rest % 256;
  }
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
}
