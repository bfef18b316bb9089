/** Sealing: what comes out is an age file, any piece of it can be opened alone, and nothing that was changed is opened. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { BeyondLimit, DamagedObject, WrongKey } from "../../src/vault/format/faults.ts";
import { type Head, headBytes, isAge, makeHead, openHead } from "../../src/vault/seal/age_header.ts";
import { cipherOf, type CipherSource, hasCipher, TAG_BYTES } from "../../src/vault/seal/chacha.ts";
import { fullKey, newDataIdentity } from "../../src/vault/seal/keys.ts";
import { MemoryOutput, SpoolOutput } from "../../src/vault/seal/output.ts";
import { bodyOf } from "../../src/vault/seal/sealed_body.ts";
import { sealInto } from "../../src/vault/seal/sealer.ts";
import { isSignatureOf, signatureIn, signatureLine, signatureOf } from "../../src/vault/seal/signature.ts";
import { CHUNK_BYTES, plainBytes, SEALED_CHUNK_BYTES, sealedBytes, setNonce } from "../../src/vault/seal/stream.ts";
import { noise, random, sha256, testKey } from "../support/units.ts";

const EDGES = [
  0,
  1,
  CHUNK_BYTES - 1,
  CHUNK_BYTES,
  CHUNK_BYTES + 1,
  3 * CHUNK_BYTES - 1,
  3 * CHUNK_BYTES,
  3 * CHUNK_BYTES + 1,
];
const HEAD: Head = { bytes: noise(184, 1), payloadKey: noise(32, 2) };

function seal(
  plain: Uint8Array,
  pieces: readonly number[] = [],
  head: Head | "none" = HEAD,
): Uint8Array<ArrayBuffer> {
  const output = MemoryOutput.own(100), sealer = sealInto(output, head === "none" ? undefined : head);
  let at = 0;
  for (const piece of pieces) sealer.add(plain.subarray(at, at += piece));
  sealer.add(plain.subarray(at));
  strictEqual(sealer.finish(), sha256(output.bytes));
  strictEqual(sealer.storedBytes, output.bytes.length);
  return output.bytes;
}

function open(sealed: Uint8Array, from: number, length: number, head: Head | "none" = HEAD): Uint8Array {
  const body = bodyOf(head === "none" ? undefined : head, sealed.length, "data/x"),
    range = body.storedRange({ from, length });
  return body.open(sealed.slice(range.from, range.from + range.length), { from, length });
}

for (const bytes of EDGES) {
  Deno.test(`plainBytes() undoes sealedBytes() at ${bytes} bytes, and sealing gives as many`, () => {
    strictEqual(plainBytes(sealedBytes(bytes)), bytes);
    strictEqual(seal(noise(bytes, 3)).length, HEAD.bytes.length + sealedBytes(bytes));
  });
}

Deno.test("No plaintext has a size between those that sealing gives", () => {
  for (const sealed of [0, 1, TAG_BYTES - 1, SEALED_CHUNK_BYTES + 1, SEALED_CHUNK_BYTES + TAG_BYTES]) {
    strictEqual(plainBytes(sealed), undefined, String(sealed));
    throws(() => bodyOf(HEAD, HEAD.bytes.length + sealed, "data/x"), DamagedObject);
  }
});

Deno.test("setNonce() counts in 11 bytes and marks the last chunk", () => {
  const nonce = new Uint8Array(12);
  setNonce(nonce, 0x01020304, true);
  deepStrictEqual([...nonce], [0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 1]);
  setNonce(nonce, 0xffffffff, false);
  deepStrictEqual([...nonce], [0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0]);
});

Deno.test("Pieces of any size are sealed to the same bytes", () => {
  const plain = noise(300_000, 4), whole = sha256(seal(plain));
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(200_000), fc.constantFrom(0, 1, 65_535, 65_536, 65_537)), { maxLength: 8 }),
      (pieces) => {
        strictEqual(sha256(seal(plain, pieces)), whole);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("Any range that is read equals the plaintext there, sealed or not", () => {
  for (const size of [...EDGES, 200_000]) {
    const plain = noise(size, 5), sealed = seal(plain);
    fc.assert(
      fc.property(fc.nat(size), fc.nat(size), (a, b) => {
        const from = Math.min(a, b), length = Math.abs(a - b);
        deepStrictEqual(open(sealed, from, length), plain.slice(from, from + length));
        deepStrictEqual(open(plain, from, length, "none"), plain.slice(from, from + length));
      }),
      { numRuns: 20 },
    );
  }
});

Deno.test("A range needs no chunks but its own", () => {
  const body = bodyOf(HEAD, 184 + sealedBytes(1_000_000), "data/x");
  deepStrictEqual(body.storedRange({ from: 65_536, length: 65_536 }), {
    from: 184 + SEALED_CHUNK_BYTES,
    length: SEALED_CHUNK_BYTES,
  });
  deepStrictEqual(body.storedRange({ from: 65_535, length: 2 }), { from: 184, length: 2 * SEALED_CHUNK_BYTES });
  deepStrictEqual(body.storedRange({ from: 999_999, length: 1 }).length, 1_000_000 % CHUNK_BYTES + TAG_BYTES);
  throws(() => body.storedRange({ from: 999_999, length: 2 }), DamagedObject);
});

/** All implementations of this machine; the first is there on each. */
const SOURCES = (["script", "runtime", "system"] as const).filter(hasCipher);

/** What an implementation makes of a text. */
function sealedBy(source: CipherSource | undefined, key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  const into = new Uint8Array(plain.length + TAG_BYTES);
  cipherOf(key, source).seal(nonce, plain, into);
  return into;
}

function opensAs(
  source: CipherSource,
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  plain: Uint8Array,
): void {
  const into = new Uint8Array(plain.length), cipher = cipherOf(key, source);
  ok(cipher.open(nonce, sealed, into), source);
  deepStrictEqual(into, plain, source);
  for (const at of new Set([0, plain.length >> 1, plain.length, sealed.length - 1])) {
    const changed = sealed.slice();
    changed[at]! ^= 1 << (at & 7);
    strictEqual(cipher.open(nonce, changed, into), false, `${source}, byte ${at} of ${sealed.length}`);
  }
  const other = nonce.slice();
  other[11]! ^= 1;
  strictEqual(cipher.open(other, sealed, into), false, source);
}

Deno.test("All implementations of the cipher seal alike, open each other's, and refuse what was changed", () => {
  const key = noise(32, 6);
  for (const size of [0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 65_535, 65_536]) {
    const plain = noise(size, size), nonce = noise(12, size), sealed = sealedBy("script", key, nonce, plain);
    for (const source of SOURCES) {
      deepStrictEqual(sealedBy(source, key, nonce, plain), sealed, `${source}, ${size} bytes`);
      opensAs(source, key, nonce, sealed, plain);
    }
  }
});

Deno.test("All implementations of the cipher agree: any key, nonce and text, in any order", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(fc.property(bytes(32), bytes(12), fc.uint8Array({ maxLength: 700 }), (key, nonce, plain) => {
    const sealed = sealedBy("script", key, nonce, plain);
    for (const source of SOURCES) {
      deepStrictEqual(sealedBy(source, key, nonce, plain), sealed, source);
      opensAs(source, key, nonce, sealed, plain);
    }
  }));
});

Deno.test("All implementations of the cipher work on memory that threads share", () => {
  const key = noise(32, 6), nonce = noise(12, 7), plain = noise(1000, 8);
  const shared = (bytes: Uint8Array) => {
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    return copy;
  };
  for (const source of SOURCES) {
    const cipher = cipherOf(key, source), sealed = shared(new Uint8Array(plain.length + TAG_BYTES));
    cipher.seal(nonce, shared(plain), sealed);
    deepStrictEqual(sealed.slice(), sealedBy("script", key, nonce, plain).slice(), source);
    const opened = shared(new Uint8Array(plain.length));
    ok(cipher.open(nonce, sealed, opened), source);
    deepStrictEqual([...opened], [...plain], source);
  }
});

Deno.test("The cipher that is used seals the same before and after the system's library is loaded", () => {
  const key = noise(32, 6), nonce = noise(12, 7), plain = noise(65_536, 8);
  const sealed = sealedBy("script", key, nonce, plain);
  for (let bytes = 0; bytes < 4 << 20; bytes += plain.length) {
    deepStrictEqual(sealedBy(undefined, key, nonce, plain), sealed);
  }
});

Deno.test("Chunks that were flipped, cut, moved, repeated or left out at the end are refused", () => {
  const sealed = seal(noise(5 * CHUNK_BYTES + 77, 7)), all = 5 * CHUNK_BYTES + 77;
  const chunk = (i: number) => sealed.subarray(184 + i * SEALED_CHUNK_BYTES, 184 + (i + 1) * SEALED_CHUNK_BYTES);
  const head = sealed.subarray(0, 184),
    join = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
  const flipped = sealed.slice();
  flipped[184 + 2 * SEALED_CHUNK_BYTES + 9]! ^= 0x40;
  strictEqual(open(flipped, 0, 2 * CHUNK_BYTES).length, 2 * CHUNK_BYTES);
  const refused: [string, Uint8Array, number][] = [
    ["flipped", flipped, all],
    ["cut in a chunk", sealed.slice(0, -1), all - 1],
    ["cut after a chunk", sealed.slice(0, 184 + 5 * SEALED_CHUNK_BYTES), 5 * CHUNK_BYTES],
    ["swapped", join(head, chunk(1), chunk(0), chunk(2), chunk(3), chunk(4), chunk(5)), all],
    ["repeated", join(head, chunk(0), chunk(0), chunk(1), chunk(2), chunk(3), chunk(4), chunk(5)), all + CHUNK_BYTES],
    ["longer", join(sealed, new Uint8Array(5)), all + 5],
  ];
  for (const [what, bytes, length] of refused) throws(() => open(bytes, 0, length), DamagedObject, what);
});

for (const isDurable of [false, true]) {
  Deno.test(`A SpoolOutput writes the same bytes to a file, whatever is taken at a time (durable: ${isDurable})`, () => {
    const bytes = noise(2_500_000, 8), written = new Uint8Array(bytes.length);
    let end = 0, begun = 0, synced = 0;
    const spool = new SpoolOutput({
      write(piece, position) {
        strictEqual(position, end);
        written.set(piece, position);
        end += piece.length;
      },
      writeBack(position, length) {
        strictEqual(position, begun);
        begun += length;
      },
      sync: () => synced = end,
    }, { isDurable });
    for (let at = 0, length = 1; at < bytes.length; at += length, length = length * 3 + 1) {
      spool.take(Math.min(length, bytes.length - at)).set(bytes.subarray(at, at + length));
    }
    strictEqual(spool.finish(), sha256(written));
    deepStrictEqual(written, bytes);
    strictEqual(spool.size, bytes.length);
    deepStrictEqual([begun, synced], isDurable ? [end, end] : [0, 0]);
  });
}

Deno.test("A MemoryOutput that is used again gives the digest of the second object", () => {
  const output = MemoryOutput.own(4);
  for (const bytes of [noise(10, 1), noise(3, 2), noise(1000, 3)]) {
    output.reset();
    for (const byte of bytes) output.take(1)[0] = byte;
    strictEqual(output.finish(), createHash("sha256").update(bytes).digest("hex"));
  }
});

Deno.test("A head has 184 bytes, is new each time, and opens with the identity it was made for, not with another", async () => {
  const key = await testKey(), other = await fullKey(newDataIdentity(random));
  const [a, b] = [await makeHead([key.dataRecipient], random), await makeHead([key.dataRecipient], random)];
  strictEqual(a.bytes.length, 184);
  for (const part of ["bytes", "payloadKey"] as const) ok(sha256(a[part]) !== sha256(b[part]));
  const object = new Uint8Array(5000);
  object.set(a.bytes);
  const opened = await openHead(object.subarray(0, 4096), [other.metaIdentity, key.dataIdentity!], "data/x");
  deepStrictEqual(opened, a);
  await rejects(() => openHead(object, [other.dataIdentity!, key.metaIdentity], "data/x"), WrongKey);
});

// The library may still compute with an identity when it has thrown already.
Deno.test("A head that is damaged, endless or none is refused", { sanitizeOps: false }, async () => {
  const { dataRecipient, dataIdentity } = await testKey(), head = (await makeHead([dataRecipient], random)).bytes;
  const openIt = (bytes: Uint8Array) => openHead(bytes, [dataIdentity!], "data/x");
  for (let at = 0; at < head.length - 16; at += 3) {
    const changed = head.slice();
    changed[at]! ^= 1;
    await rejects(
      () => openIt(changed),
      (error) => error instanceof DamagedObject || error instanceof WrongKey,
      `byte ${at}`,
    );
  }
  for (const length of [0, 10, 22, 100, 183]) await rejects(() => openIt(head.slice(0, length)), DamagedObject);
  const endless = new TextEncoder().encode(`age-encryption.org/v1\n${"-> X25519 abc\n".repeat(1000)}`);
  throws(() => headBytes(endless, "data/x"), BeyondLimit);
  strictEqual(isAge(endless), true);
  strictEqual(isAge(new TextEncoder().encode("age")), false);
});

Deno.test("A signature of one kind is none of the other, and its line is always as long", () => {
  const auth = noise(32, 1), bytes = noise(100, 2), signature = signatureOf(auth, "root", bytes);
  ok(isSignatureOf(signature, auth, "root", bytes));
  ok(!isSignatureOf(signature, auth, "index", bytes));
  ok(!isSignatureOf(signature, noise(32, 3), "root", bytes));
  ok(!isSignatureOf(signature.slice(1), auth, "root", bytes));
  strictEqual(signatureIn(new TextEncoder().encode(signatureLine(signature))), signature);
  strictEqual(signatureIn(new TextEncoder().encode(signatureLine(signature).trim())), undefined);
});
