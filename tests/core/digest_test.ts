import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  type Algorithm,
  ALGORITHMS,
  digestHexLength,
  hashBytes,
  isCollisionResistant,
  newHasher,
} from "../../src/core/digest.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** From FIPS 180-4 examples, RFC 1321 appendix A.5, the check value of CRC-32/ISO-HDLC, and BLAKE3's test_vectors.json. */
const VECTORS: readonly (readonly [Algorithm, Uint8Array<ArrayBuffer>, string])[] = [
  ["sha256", bytes(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["sha256", bytes("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "sha256",
    bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
  ["sha1", bytes("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d"],
  ["sha1", bytes(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  ["md5", bytes("abc"), "900150983cd24fb0d6963f7d28e17f72"],
  ["md5", bytes("message digest"), "f96b697d7cb7938d525a2f31aaf161d0"],
  ["crc32", bytes("123456789"), "cbf43926"],
  ["crc32", bytes(""), "00000000"],
  ["blake3", bytes(""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  [
    "blake3",
    Uint8Array.from({ length: 1025 }, (_, i) => i % 251),
    "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
  ],
];

Deno.test("hashBytes() gives the published digests", () => {
  for (const [algorithm, input, digest] of VECTORS) strictEqual(hashBytes(algorithm, input), digest);
  deepStrictEqual(new Set(VECTORS.map(([algorithm]) => algorithm)), new Set(ALGORITHMS));
});

Deno.test("hashBytes() has as many digits as digestHexLength() says, leading zeros too", () => {
  for (const algorithm of ALGORITHMS) {
    for (let n = 0; n < 600; n++) {
      strictEqual(hashBytes(algorithm, bytes(`${n}`)).length, digestHexLength(algorithm));
    }
  }
});

Deno.test("newHasher() gives the digest of the whole, however it is cut", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ALGORITHMS), fc.array(fc.uint8Array({ maxLength: 3000 })), (algorithm, pieces) => {
      const hasher = newHasher(algorithm);
      for (const piece of pieces) hasher.update(piece as Uint8Array<ArrayBuffer>);
      strictEqual(hasher.hex(), hashBytes(algorithm, new Uint8Array(Buffer.concat(pieces))));
    }),
  );
});

Deno.test("newHasher() doesn't mind that its input is overwritten afterwards", () => {
  for (const algorithm of ALGORITHMS) {
    const hasher = newHasher(algorithm), buffer = new Uint8Array(1);
    for (const byte of bytes("123456789")) {
      buffer[0] = byte;
      hasher.update(buffer);
    }
    strictEqual(hasher.hex(), hashBytes(algorithm, bytes("123456789")));
  }
});

Deno.test("isCollisionResistant() trusts none whose collisions were published", () => {
  strictEqual(hashBytes("crc32", bytes("plumless")), hashBytes("crc32", bytes("buckeroo")));
  deepStrictEqual(ALGORITHMS.filter(isCollisionResistant), ["sha256", "blake3"]);
});
