import { strictEqual } from "node:assert/strict";
import { newSizeTable, SizeTable } from "../../../src/storage/threads/size_table.ts";

const ITEMS = 20_000;

/** 64 hex digits that look like a digest. */
function idOf(n: number): string {
  let id = "";
  for (let i = 0; i < 8; i++) {
    id += (Math.imul(n + 1, 0x9e3779b1 + 2 * i * 0x1234567) >>> 0).toString(16).padStart(8, "0");
  }
  return id;
}

function sizeOf(n: number): number {
  return n % 5 === 0 ? n * 3_000_000_000 : n;
}

Deno.test("a size table knows the size of every item that was expected, in all threads, and of no other", () => {
  const shared = newSizeTable(ITEMS);
  const [one, other] = [new SizeTable(shared), new SizeTable(shared)];
  for (let n = 0; n < ITEMS; n++) (n % 2 === 0 ? one : other).add(idOf(n), sizeOf(n));
  for (let n = 0; n < ITEMS; n++) {
    strictEqual(one.has(idOf(n), sizeOf(n)), true, `${n}`);
    for (const wrong of [sizeOf(n) + 1, sizeOf(n) + 2 ** 30, sizeOf(n) + 2 ** 32]) {
      strictEqual(other.has(idOf(n), wrong), false, `${n} with ${wrong}`);
    }
    strictEqual(other.has(idOf(n + ITEMS), sizeOf(n)), false);
    strictEqual(other.has(`${idOf(n)}00`, sizeOf(n)), false, "one with a collision suffix is another");
  }
});

Deno.test("a size table that is too small forgets, and says nothing wrong", () => {
  const table = new SizeTable(newSizeTable(1));
  for (let n = 0; n < ITEMS; n++) table.add(idOf(n), sizeOf(n));
  let known = 0;
  for (let n = 0; n < ITEMS; n++) {
    if (table.has(idOf(n), sizeOf(n))) known++;
    strictEqual(table.has(idOf(n), sizeOf(n) + 1), false);
  }
  strictEqual(known, 1024);
});

Deno.test("a size table for a million items takes ten bytes for each", () => {
  strictEqual(newSizeTable(1_000_000).byteLength, 10_000_000);
});
