/** Few requests, and little that nobody wanted. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { DamagedObject } from "../../src/vault/format/faults.ts";
import { framesIn, planRanges } from "../../src/vault/pack/frame_ranges.ts";
import type { UnitFrame } from "../../src/vault/pack/items.ts";
import { readFrame } from "../../src/vault/pack/unit_reader.ts";
import { fileItem, makeUnit, noise, openMade, sha256 } from "../support/units.ts";

/** Frames one behind the other. */
function framesOf(lengths: readonly number[]): UnitFrame[] {
  let from = 0;
  return lengths.map((length) => ({ from: (from += length) - length, length, plainBytes: length }));
}

const KB = 1024, TEN = framesOf(Array(10).fill(300 * KB));

Deno.test("planRanges() joins what is near, keeps apart what isn't, and takes all if most is wanted", () => {
  const plan = (frames: UnitFrame[], wanted: number[], most?: number) =>
    planRanges(frames, wanted, most).map(({ frames }) => frames);
  deepStrictEqual(plan(TEN, []), []);
  deepStrictEqual(plan(TEN, [3]), [[3]]);
  deepStrictEqual(plan(TEN, [3, 2, 3]), [[2, 3]]);
  deepStrictEqual(plan(TEN, [1, 3]), [[1], [3]]);
  deepStrictEqual(plan(framesOf([100, 200 * KB, 100]).concat(), [0, 2]), [[0, 2]]);
  deepStrictEqual(plan(TEN, [0, 1, 2, 3, 5, 6, 9]), [[0, 1, 2, 3, 5, 6, 9]]);
  deepStrictEqual(plan(TEN, [0, 1, 2, 3, 5, 9]), [[0, 1, 2, 3], [5], [9]]);
  deepStrictEqual(plan(TEN, [0, 1, 2, 3, 4], 600 * KB), [[0, 1], [2, 3], [4]]);
  throws(() => plan(TEN, [10]), RangeError);
});

Deno.test("planRanges(): every wanted frame lies in exactly one range, in order, and ranges don't overlap", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 400 * KB }), { minLength: 1, maxLength: 30 }),
      fc.infiniteStream(fc.boolean()),
      (lengths, chance) => {
        const frames = framesOf(lengths), wanted = frames.map((_, i) => i).filter(() => chance.next().value);
        const ranges = planRanges(frames, wanted);
        deepStrictEqual(
          ranges.flatMap((range) => range.frames),
          wanted,
        );
        let end = 0;
        for (const range of ranges) {
          ok(range.from >= end);
          end = range.from + range.length;
          for (const index of range.frames) {
            ok(
              frames[index]!.from >= range.from && frames[index]!.from + frames[index]!.length <= end,
            );
          }
        }
      },
    ),
  );
});

Deno.test("framesIn() gives the frames of a range; one that is damaged doesn't stop the others", async () => {
  const { unit: { frames }, bytes } = await makeUnit(
    Array.from({ length: 40 }, (_, i) => fileItem(`f${i}`, noise(100_000, i))),
  );
  const stored = await openMade(bytes), { body } = stored, wanted = [0, 2, 3];
  ok(frames.length > 5);
  for (const isDamaged of [false, true]) {
    if (isDamaged) bytes[body.storedRange(frames[2]!).from + 100_000]! ^= 1;
    const found = new Map<number, unknown>();
    for (const range of planRanges(frames, wanted)) {
      for (const { index, plain } of framesIn(await stored.read(body.storedRange(range)), range, { body, frames })) {
        found.set(index, plain);
      }
    }
    deepStrictEqual([...found.keys()], wanted);
    for (const [index, plain] of found) {
      if (isDamaged && index === 2) ok(plain instanceof DamagedObject);
      else strictEqual(sha256(plain as Uint8Array), sha256(await readFrame(stored, frames[index]!)));
    }
  }
});
