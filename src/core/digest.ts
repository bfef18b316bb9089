/** The checksum algorithms that a storage may use. */
import { createHash, hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { blake3 } from "@noble/hashes/blake3.js";
import { collectingEvery } from "./garbage.ts";

export const ALGORITHMS = ["sha256", "blake3", "sha1", "md5", "crc32"] as const;
export type Algorithm = typeof ALGORITHMS[number];

/** Computes the digest of bytes that arrive in pieces. */
export interface Hasher {
  update(bytes: Uint8Array<ArrayBuffer>): void;
  /** Returns the digest in lower-case hex, and ends the hasher. */
  hex(): string;
}

const HEX_LENGTHS: Readonly<Record<Algorithm, number>> = { sha256: 64, blake3: 64, sha1: 40, md5: 32, crc32: 8 };

/** Number of hex digits of a digest. */
export function digestHexLength(algorithm: Algorithm): number {
  return HEX_LENGTHS[algorithm];
}

/**
 * True if it is infeasible to make two contents with the same digest. For other algorithms, bytes are compared before
 * anything is reused.
 */
export function isCollisionResistant(algorithm: Algorithm): boolean {
  return algorithm === "sha256" || algorithm === "blake3";
}

/** Computes the digest of bytes in memory, in lower-case hex. */
export function hashBytes(algorithm: Algorithm, bytes: Uint8Array<ArrayBuffer>): string {
  if (algorithm === "blake3") return hexOf(blake3(bytes));
  if (algorithm === "crc32") return crcHex(crc32(bytes));
  collectNowAndThen();
  return hash(algorithm, bytes, "hex");
}

/** Digests that leave some 2 MB behind. */
const DIGESTS_PER_COLLECTION = 32_000;
/**
 * What the runtime needs for a digest lies outside of the heap that the garbage collector watches, so that with small
 * files each thread would keep 50 MB of it.
 */
const collectNowAndThen = collectingEvery(DIGESTS_PER_COLLECTION);

export function newHasher(algorithm: Algorithm): Hasher {
  if (algorithm === "blake3") {
    const state = blake3.create({});
    return { update: (bytes) => void state.update(bytes), hex: () => hexOf(state.digest()) };
  }
  if (algorithm === "crc32") {
    let crc = 0;
    return { update: (bytes) => void (crc = crc32(bytes, crc)), hex: () => crcHex(crc) };
  }
  const state = createHash(algorithm);
  return { update: (bytes) => void state.update(bytes), hex: () => state.digest("hex") };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function crcHex(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, "0");
}
