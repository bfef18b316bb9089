/** Cuts of large files. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Chunker, type ChunkSizes } from "../../src/vault/pack/chunker.ts";
import { chooseLane } from "../../src/vault/pack/lane_choice.ts";
import { type Part, PartCutter } from "../../src/vault/pack/part_cutter.ts";
import { parseList } from "../../src/vault/pack/parts_list.ts";
import { DEFAULT_CHUNKING } from "../../src/vault/store/config.ts";
import { publicGear } from "../../src/vault/seal/keys.ts";
import { noise, sha256, testKey } from "../support/units.ts";

const SMALL: ChunkSizes = { min: 64, average: 256, max: 1024 };

/** Lengths of all parts. @param pieces lengths of what is given at a time */
function cuts(bytes: Uint8Array, chunker: Chunker, pieces: readonly number[] = []): number[] {
  const ends: number[] = [];
  chunker.reset();
  const give = (from: number, to: number) => {
    for (let at = from; at < to;) {
      const cut = chunker.findCut(bytes.subarray(at, to));
      if (cut === undefined) break;
      ends.push(at += cut);
    }
  };
  let at = 0;
  for (const piece of pieces) give(at, at = Math.min(bytes.length, at + piece));
  give(at, bytes.length);
  if (ends.at(-1) !== bytes.length && bytes.length > 0) ends.push(bytes.length);
  return ends.map((end, i) => end - (ends[i - 1] ?? 0));
}

/** The rule, as plainly as it can be said. */
function cutsByRule(bytes: Uint8Array, gear: Uint32Array, { min, average, max }: ChunkSizes): number[] {
  const bits = Math.round(Math.log2(average)), lengths: number[] = [];
  for (let from = 0; from < bytes.length;) {
    let hash = 0n, length = 0;
    for (; from + length < bytes.length; length++) {
      if (length === max) break;
      if (length < min) continue;
      hash = (hash * 2n + BigInt(gear[bytes[from + length]!]!)) % 2n ** 32n;
      const wanted = length < average ? bits + 2 : bits - 2;
      if (hash >> BigInt(32 - wanted) === 0n) {
        length++;
        break;
      }
    }
    lengths.push(length);
    from += length;
  }
  return lengths;
}

Deno.test("Any split of the input gives the same cuts, which are those of the rule", () => {
  const chunker = new Chunker(publicGear(), SMALL), bytes = noise(20_000, 1);
  const all = cutsByRule(bytes, publicGear(), SMALL);
  ok(all.length > 40);
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(1500), fc.constantFrom(0, 1, 63, 64, 65, 255, 256)), { maxLength: 60 }),
      (pieces) => {
        deepStrictEqual(cuts(bytes, chunker, pieces), all);
      },
    ),
  );
  deepStrictEqual(cuts(bytes, chunker, Array(20_000).fill(1)), all);
});

Deno.test("Every part but the last has a size between the limits; what has no cut is cut at the largest", () => {
  const chunker = new Chunker(publicGear(), SMALL);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8000 }), fc.nat(255), (bytes, entropy) => {
      for (const each of [bytes, noise(5000, entropy, 1 + entropy)]) {
        const lengths = cuts(each, chunker);
        strictEqual(lengths.reduce((a, b) => a + b, 0), each.length);
        for (const length of lengths.slice(0, -1)) ok(length >= SMALL.min && length <= SMALL.max, String(length));
        ok((lengths.at(-1) ?? 0) <= SMALL.max);
      }
    }),
  );
  const zeros = cuts(new Uint8Array(2500), chunker);
  strictEqual(zeros.length === 3 || new Set(zeros.slice(0, -1)).size === 1, true);
});

Deno.test("A byte that is put in changes few parts", () => {
  const chunker = new Chunker(publicGear(), { min: 2048, average: 8192, max: 32_768 });
  const before = noise(1_000_000, 2), after = new Uint8Array(before.length + 1);
  after.set(before.subarray(0, 400_000));
  after.set(before.subarray(400_000), 400_001);
  const parts = (bytes: Uint8Array) => {
    let at = 0;
    return cuts(bytes, chunker).map((length) => sha256(bytes.subarray(at, at += length)));
  };
  const known = new Set(parts(before)), fresh = parts(after).filter((part) => !known.has(part));
  ok(fresh.length <= 3, `${fresh.length} of ${known.size} are new`);
});

Deno.test("Sizes of parts of noise are about the average; another key cuts elsewhere", async () => {
  const bytes = noise(40_000_000, 3), chunker = new Chunker(publicGear(), DEFAULT_CHUNKING);
  const lengths = cuts(bytes, chunker), mean = bytes.length / lengths.length;
  ok(mean > 350_000 && mean < 750_000, String(mean));
  const others = cuts(bytes.subarray(0, 8_000_000), new Chunker((await testKey()).gear, DEFAULT_CHUNKING));
  ok(others.every((length, i) => i === others.length - 1 || length !== lengths[i]));
});

Deno.test("The cuts of a known content never change", () => {
  const chunker = new Chunker(publicGear(), DEFAULT_CHUNKING);
  const frozen = [607_095, 587_078, 211_202, 693_276, 647_141, 578_101, 676_107];
  deepStrictEqual(cuts(noise(4_000_000, 4), chunker), frozen);
  deepStrictEqual(cutsByRule(noise(4_000_000, 4).subarray(0, 607_100), publicGear(), DEFAULT_CHUNKING), [607_095, 5]);
});

Deno.test("PartCutter: the parts of any split of a content are the same, and joined they are the content", () => {
  const content = noise(30_000, 5),
    cutter = new PartCutter(publicGear(), SMALL),
    lengths = cutsByRule(content, publicGear(), SMALL);
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(5000), fc.constantFrom(0, 1, 64, 1024)), { maxLength: 40 }), (pieces) => {
      const parts: { id: string; from: number; length: number }[] = [], joined: number[] = [];
      const take = ({ id, from, bytes }: Part) => {
        strictEqual(id, sha256(bytes));
        parts.push({ id, from, length: bytes.length });
        joined.push(...bytes);
      };
      let at = 0;
      for (const piece of [...pieces, content.length]) {
        for (const part of cutter.push(content.slice(at, at += piece))) take(part);
      }
      const { last, lists } = cutter.finish(sha256(content));
      if (last !== undefined) take(last);
      strictEqual(sha256(Uint8Array.from(joined)), sha256(content));
      deepStrictEqual(parts.map(({ length }) => length), lengths);
      deepStrictEqual(parseList(lists.top.bytes, "x").parts, parts.map(({ id, length }) => ({ id, size: length })));
      strictEqual(lists.size, content.length);
    }),
    { numRuns: 40 },
  );
  strictEqual(cutter.finish(sha256(new Uint8Array(0))).last, undefined);
});

Deno.test("PartCutter: a content that broke off leaves nothing to the next", () => {
  const cutter = new PartCutter(publicGear(), SMALL), content = noise(5000, 6);
  const partsOf = () => [...cutter.push(content)].map(({ from, id }) => `${from} ${id}`);
  const first = partsOf();
  cutter.reset();
  Array.from(cutter.push(noise(333, 7)));
  cutter.reset();
  deepStrictEqual(partsOf(), first);
});

Deno.test("chooseLane(): noise goes to the raw lane unless it is small, text is compressed; what is known of a type saves the try", () => {
  const text = noise(50_000, 1, 10), photo = noise(50_000, 2);
  const lane = (...args: Parameters<typeof chooseLane>) => {
    const { lane, learnt } = chooseLane(...args);
    return [lane, learnt?.bytes];
  };
  deepStrictEqual(lane(text, undefined, false), ["compressed", 16_384]);
  deepStrictEqual(lane(photo, undefined, false), ["raw", 16_384]);
  deepStrictEqual(lane(photo, undefined, true), ["raw", 50_000]);
  const incompressible = { bytes: 300_000, packed: 299_000 }, little = { bytes: 20_000, packed: 19_900 };
  deepStrictEqual(lane(text, incompressible, false), ["raw", undefined]);
  deepStrictEqual(lane(text, incompressible, true), ["compressed", 50_000]);
  deepStrictEqual(lane(text, little, false), ["compressed", 16_384]);
  // A small one costs more by what an archive says of it than compressing does.
  deepStrictEqual(lane(photo.subarray(0, 32_767), undefined, false), ["compressed", 16_384]);
  deepStrictEqual(lane(photo.subarray(0, 32_767), incompressible, false), ["compressed", undefined]);
  deepStrictEqual(lane(photo.subarray(0, 32_768), incompressible, false), ["raw", undefined]);
  deepStrictEqual(lane(photo.subarray(0, 100), little, false), ["compressed", undefined]);
  deepStrictEqual(lane(photo.subarray(0, 100), undefined, true), ["compressed", undefined]);
  deepStrictEqual(lane(new Uint8Array(0), undefined, true), ["compressed", undefined]);
});
