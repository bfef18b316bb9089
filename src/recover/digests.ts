/** The checksums that name what is in a storage. */
import { blake3 } from "@noble/hashes/blake3.js";
import { md5, sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { demand } from "./sealed.ts";
import type { Hasher } from "./reader.ts";

/** Length of a digest in hex digits. */
const LENGTHS: Readonly<Record<string, number>> = { sha256: 64, blake3: 64, sha1: 40, md5: 32, crc32: 8 };

export const DIGEST_LENGTHS: readonly number[] = [...new Set(Object.values(LENGTHS))];

/** @throws Damaged if nobody knows the algorithm */
export function digestLength(algorithm: string): number {
  const length = LENGTHS[algorithm];
  demand(length !== undefined, `This page doesn't know the checksum ${algorithm}`);
  return length;
}

/** @throws Damaged if nobody knows the algorithm */
export function newHasher(algorithm: string): Hasher {
  digestLength(algorithm);
  if (algorithm === "crc32") return new Crc32();
  return { sha256, sha1, md5, blake3: { create: () => blake3.create({}) } }[algorithm]!.create();
}

/** CRC-32 of ITU-T V.42, as in gzip (RFC 1952). */
class Crc32 implements Hasher {
  #rest = 0xffffffff;

  update(bytes: Uint8Array): void {
    for (const byte of bytes) this.#rest = (TABLE[(this.#rest ^ byte) & 0xff] ?? 0) ^ (this.#rest >>> 8);
  }

  digest(): Uint8Array {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, ~this.#rest);
    return bytes;
  }
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 0 ? rest >>> 1 : (rest >>> 1) ^ 0xedb88320;
  return rest;
});
