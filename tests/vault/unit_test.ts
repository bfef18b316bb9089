/** Units: what was put in comes out, by one range as well as all together; what was damaged is refused, and nothing else. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { Fault } from "../../src/core/fault.ts";
import { DamagedObject, ForeignObject } from "../../src/vault/format/faults.ts";
import { MOST_UNIT_ITEMS } from "../../src/vault/format/limits.ts";
import { FRAME_BYTES, type NewItem, PackBuffers, UnitWriter } from "../../src/vault/pack/unit_writer.ts";
import { readContents, readItem, walkUnit } from "../../src/vault/pack/unit_reader.ts";
import { MemoryOutput } from "../../src/vault/seal/output.ts";
import { sealInto } from "../../src/vault/seal/sealer.ts";
import { fileItem, makeUnit, noise, openMade, sha256, VAULT } from "../support/units.ts";

const item = fc.record({
  size: fc.oneof(fc.nat(3000), fc.constantFrom(0, 1, 511, 512, 513, FRAME_BYTES, FRAME_BYTES + 1, 700_000)),
  entropy: fc.constantFrom(2, 30, 256),
  lane: fc.constantFrom("compressed" as const, "raw" as const),
  isPart: fc.boolean(),
});

function itemsOf(
  list: readonly { size: number; entropy: number; lane: "compressed" | "raw"; isPart: boolean }[],
): NewItem[] {
  return list.map(({ size, entropy, lane, isPart }, i) => {
    const bytes = noise(size, i + 1, entropy);
    return fileItem(`nas/photos/${i}`, bytes, { lane, ...(isPart && { part: { of: sha256(bytes), from: i * 1000 } }) });
  });
}

Deno.test("What a unit was given is in it: by the tail, by one range each, and by a walk", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 12 }),
      fc.array(item, { maxLength: 2 }),
      fc.boolean(),
      async (list, copied, plain) => {
        const items = itemsOf(list), copies = itemsOf(copied);
        const { unit, bytes } = await makeUnit(items, { plain, copies });
        strictEqual(unit.id, sha256(bytes));
        strictEqual(unit.size, bytes.length);
        strictEqual(unit.head.length, plain ? 0 : 184);
        deepStrictEqual(unit.head, bytes.subarray(0, unit.head.length));
        const stored = await openMade(bytes, plain), contents = await readContents(stored, VAULT);
        deepStrictEqual(contents, {
          vault: VAULT,
          unitClass: "data",
          frames: unit.frames,
          items: unit.items,
          copies: unit.copies,
        });
        const facts = (list: readonly { id: string; size: number; part?: { from: number } }[]) =>
          list.map(({ id, size, part }) => `${id} ${size} ${part?.from}`).sort();
        deepStrictEqual(facts(contents.items), facts(items.map((item) => ({ ...item, size: item.bytes.length }))));
        for (const item of contents.items) {
          strictEqual(
            sha256(await readItem(stored, { frames: unit.frames, item })),
            item.id,
          );
        }
        const walked = await Array.fromAsync(
          walkUnit(stored, contents),
          ({ item, bytes }) => [item.id, bytes && sha256(bytes)],
        );
        strictEqual(walked.length, items.length + copies.length);
        for (const [id, digest] of walked) strictEqual(id, digest);
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("Frames end at 512 KiB, a larger item has one of its own, and no item is divided", async () => {
  const sizes = [100, 200_000, 400_000, 600_000, 10, 8_388_608, 5];
  const { unit } = await makeUnit(sizes.map((size, i) => fileItem(`f${i}`, noise(size, i, 30))));
  const bySize = new Map(unit.items.map(({ size, frame }) => [size, frame]));
  deepStrictEqual(sizes.map((size) => bySize.get(size)), [0, 0, 0, 1, 2, 3, 4]);
  ok(unit.frames.every(({ plainBytes }) => plainBytes % 512 === 0 && plainBytes <= 8_388_608 + 4096));
  strictEqual(
    unit.frames.every(({ from, length }, i) => from + length === (unit.frames[i + 1]?.from ?? from + length)),
    true,
  );
});

Deno.test("The raw lane neither grows nor shrinks what is in it", async () => {
  const bytes = noise(1_000_000, 1, 2), { unit } = await makeUnit([fileItem("x", bytes, { lane: "raw" })]);
  const [frame] = unit.frames;
  ok(frame!.length > bytes.length && frame!.length < bytes.length + 3000);
});

Deno.test("One item costs one range, no larger than its frame and two chunks", async () => {
  const { unit, bytes } = await makeUnit(Array.from({ length: 200 }, (_, i) => fileItem(`f${i}`, noise(20_000, i))));
  const stored = await openMade(bytes), ranges: number[] = [];
  const counted = {
    ...stored,
    read: (range: { from: number; length: number }) => (ranges.push(range.length), stored.read(range)),
  };
  await readItem(counted, { frames: unit.frames, item: unit.items[100]! });
  strictEqual(ranges.length, 1);
  ok(ranges[0]! < 2 * FRAME_BYTES);
  ranges.length = 0;
  await readContents(counted);
  strictEqual(ranges.length, 1);
});

Deno.test("A unit with very many items is described in two ranges, and takes no more than it may", async () => {
  const output = MemoryOutput.own(),
    writer = new UnitWriter({
      vault: VAULT,
      unitClass: "data",
      sealer: sealInto(output, undefined),
      unitBytes: 2 ** 30,
      level: 1,
      buffers: new PackBuffers(),
    });
  for (let i = 0; !writer.isFull; i++) writer.add(fileItem(`f${i}`, new TextEncoder().encode(String(i))));
  strictEqual(writer.count, MOST_UNIT_ITEMS);
  throws(() => writer.add(fileItem("x", noise(1, 1))));
  const { items } = writer.finish();
  strictEqual(items.length, MOST_UNIT_ITEMS);
  const stored = await openMade(output.bytes.slice(), true);
  let reads = 0;
  const contents = await readContents({ ...stored, read: (range) => (reads++, stored.read(range)) });
  strictEqual(reads, 2);
  deepStrictEqual(contents.items, items);
});

Deno.test("A unit is full when it has its size, and its buffers serve the next one", async () => {
  const buffers = new PackBuffers(), output = MemoryOutput.own();
  for (let round = 0; round < 3; round++) {
    output.reset();
    const writer = new UnitWriter({
      vault: VAULT,
      unitClass: "data",
      sealer: sealInto(output, undefined),
      unitBytes: 4_000_000,
      level: 1,
      buffers,
    });
    for (let i = 0; !writer.isFull; i++) writer.add(fileItem(`f${i}`, noise(100_000, 100 * round + i)));
    const unit = writer.finish();
    ok(unit.size >= 4_000_000 && unit.size < 4_000_000 + 2 * FRAME_BYTES + 10_000, String(unit.size));
    const stored = await openMade(output.bytes.slice(), true);
    for await (const { bytes, item } of walkUnit(stored, await readContents(stored))) {
      strictEqual(sha256(bytes!), item.id);
    }
  }
});

Deno.test("A unit of another vault is refused", async () => {
  const { bytes } = await makeUnit([]);
  await rejects(async () => readContents(await openMade(bytes), "00000000-0000-0000-0000-000000000000"), ForeignObject);
});

/** What can happen to bytes, at a place between 0 and 1. */
const DAMAGES: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>, at: number) => Uint8Array<ArrayBuffer>>> = {
  flip: (bytes, at) => (bytes[at]! ^= 1 << at % 8, bytes),
  cut: (bytes, at) => bytes.slice(0, at),
  zero: (bytes, at) => bytes.fill(0, at, at + 70_000),
  swap: (bytes, at) => {
    const a = bytes.slice(at, at + 1000),
      from = Math.max(0, bytes.length - at - 1000),
      b = bytes.slice(from, from + a.length);
    bytes.set(b, at);
    bytes.set(a.subarray(0, b.length), from);
    return bytes;
  },
  longer: (bytes, at) => {
    const more = new Uint8Array(bytes.length + 1 + at % 100);
    more.set(bytes);
    return more;
  },
};

for (const plain of [false, true]) {
  for (const [kind, damage] of Object.entries(DAMAGES)) {
    Deno.test(`Damage to a unit (${kind}, ${plain ? "plain" : "sealed"}) is a typed fault, and no item comes out changed`, async () => {
      const items = Array.from(
        { length: 40 },
        (_, i) =>
          fileItem(`f${i}`, noise(30_000, i, i % 2 === 0 ? 256 : 20), { lane: i % 4 === 0 ? "raw" : "compressed" }),
      );
      const { bytes } = await makeUnit(items, { plain });
      let whole = 0, damaged = 0;
      for (let step = 0; step < 30; step++) {
        const changed = damage(bytes.slice(), Math.floor(bytes.length * step / 30));
        try {
          const stored = await openMade(changed, plain);
          for await (const { item, bytes: found, fault } of walkUnit(stored, await readContents(stored, VAULT))) {
            if (found === undefined) ok(fault instanceof DamagedObject);
            else strictEqual(sha256(found), item.id);
            found === undefined ? damaged++ : whole++;
          }
        } catch (error) {
          ok(error instanceof Fault, String(error));
          damaged += items.length;
        }
      }
      ok(damaged > 0 || sha256(damage(bytes.slice(), 0)) === sha256(bytes), `${whole} whole, ${damaged} damaged`);
      if (kind === "flip") ok(whole > 0, `${whole} whole, ${damaged} damaged`);
    });
  }
}
