import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hashBytes } from "../../src/core/digest.ts";
import { fingerprints, ItemSet } from "../../src/core/item_set.ts";
import { rounds } from "../support/effort.ts";

function idsFrom(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => hashBytes("sha256", new TextEncoder().encode(String(from + i))));
}

Deno.test("an ItemSet lacks none of the ids that were added, however often, and holds no other", () => {
  const set = new ItemSet(), here = idsFrom(0, 20_000), elsewhere = idsFrom(20_000, 20_000);
  for (const id of [...here, ...here.slice(0, 5000)]) set.add(id);
  deepStrictEqual(here.filter((id) => !set.has(id)), []);
  deepStrictEqual(elsewhere.filter((id) => set.has(id)), []);
});

Deno.test("an ItemSet takes ids that another thread has read, and tells suffixes apart", () => {
  const set = new ItemSet(), [first = "", second = ""] = idsFrom(0, 2);
  set.addAll(fingerprints([first, `${second}00`]));
  deepStrictEqual([first, `${first}00`, second, `${second}00`, `${second}01`].map((id) => set.has(id)), [
    true,
    false,
    false,
    true,
    false,
  ]);
});

Deno.test("an ItemSet takes an id in two pieces as it takes the whole", () => {
  const ids = idsFrom(0, 40).flatMap((id) => [id, `${id}00`, `${id}f0`]);
  for (let digits = 0; digits <= 8; digits++) {
    const set = new ItemSet(), added = ids.filter((_, i) => i % 2 === 0);
    for (const id of added) set.add(id.slice(digits), id.slice(0, digits));
    deepStrictEqual(ids.filter((id) => set.has(id)), added);
  }
});

Deno.test("an ItemSet takes an id by its first words as it takes the whole, and says what was new, and how many", () => {
  const set = new ItemSet(), ids = idsFrom(0, 1000);
  const wordsOf = (id: string) => [parseInt(id.slice(0, 8), 16), parseInt(id.slice(8, 16), 16)] as const;
  ok(ids.every((id) => set.addWords(...wordsOf(id))));
  ok(ids.every((id) => set.has(id) && !set.add(id) && !set.addWords(...wordsOf(id))));
  strictEqual(set.size, 1000);
});

Deno.test("an ItemSet of a million ids that come thirty times each stays small", () => {
  const before = memory(), set = new ItemSet();
  const words = new Int32Array(2_000_000);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) | 1;
  for (let round = 0; round < rounds(30, 30); round++) set.addAll(words);
  const used = memory() - before - words.byteLength;
  ok(used < 40 * 1024 * 1024, `${Math.round(used / 1024 / 1024)} MiB`);
  strictEqual(set.has("00"), false);
});

function memory(): number {
  const { external, heapUsed } = Deno.memoryUsage();
  return external + heapUsed;
}
