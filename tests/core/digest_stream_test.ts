import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { ALGORITHMS, hashBytes } from "../../src/core/digest.ts";
import { DigestStream, type ReadAt } from "../../src/core/digest_stream.ts";

const CONTENT = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);

/** At most so many bytes at once. */
function reading(most: number): ReadAt {
  return (into, position) => {
    const piece = CONTENT.subarray(position, position + Math.min(most, into.length));
    into.set(piece);
    return piece.length;
  };
}

for (const algorithm of ALGORITHMS) {
  Deno.test(`A DigestStream gives all chunks with their places, and the ${algorithm} of all of them`, () => {
    const stream = new DigestStream(algorithm, reading(70), new Uint8Array(64));
    const read = new Uint8Array(CONTENT.length);
    for (const { bytes, at } of stream) read.set(bytes, at);
    deepStrictEqual(read, CONTENT);
    strictEqual(stream.size, CONTENT.length);
    strictEqual(stream.digest, hashBytes(algorithm, CONTENT));
  });
}

Deno.test("A DigestStream goes on from what is in its buffer already", () => {
  const buffer = new Uint8Array(64), read = reading(64);
  const stream = new DigestStream("sha256", read, buffer, read(buffer, 0)).run();
  strictEqual(stream.digest, hashBytes("sha256", CONTENT));
  const empty = new DigestStream("sha256", () => 0, buffer).run();
  deepStrictEqual([empty.size, empty.digest], [0, hashBytes("sha256", new Uint8Array())]);
});
