import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { encodeRatios, joinRatios, parseRatios, typeOf } from "../../src/catalog/compression_ratios.ts";
import { rawOf } from "../../src/core/raw.ts";
import { plan } from "../../src/operations/plan/plan.ts";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import type { Ratios } from "../../src/snapshot/catalog_queries.ts";
import { TestMonitor, World } from "../support/world.ts";

function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed * 7919 + 1;
  return Uint8Array.from({ length }, () => (state = (state * 48271) % 0x7fffffff) >> 8 & 0xff);
}

Deno.test("typeOf() is what follows the last dot, if that is a type", () => {
  const types: [string, string][] = [
    ["a.jpg", "jpg"],
    ["A.JPG", "jpg"],
    ["x.tar.gz", "gz"],
    ["none", ""],
    [".bashrc", ""],
    ["end.", ""],
    ["a.ünicode", ""],
    ["version 1.2 of a letter", ""],
    ["a.averylongending", ""],
  ];
  for (const [name, type] of types) strictEqual(typeOf(rawOf(name)), type, name);
});

Deno.test("joinRatios() adds up, halves what is much, and forgets types that little was seen of", () => {
  const one: Ratios = new Map([["txt", { bytes: 100, packed: 30 }]]);
  deepStrictEqual(joinRatios(one, one).get("txt"), { bytes: 200, packed: 60 });
  const much: Ratios = new Map([["txt", { bytes: 16 * 1024 * 1024, packed: 1_000_000 }]]);
  deepStrictEqual(joinRatios(much, one).get("txt"), { bytes: 8 * 1024 * 1024 + 50, packed: 500_015 });
  const many: Ratios = new Map(Array.from({ length: 300 }, (_, i) => [`t${i}`, { bytes: i, packed: i }]));
  const joined = joinRatios(one, many);
  deepStrictEqual([joined.size, joined.has("t0"), joined.has("t299")], [256, false, true]);
});

Deno.test("parseRatios() reads what encodeRatios() writes, and takes what it can't read for nothing", () => {
  const ratios: Ratios = new Map([["txt", { bytes: 100, packed: 30 }], ["", { bytes: 5, packed: 5 }]]);
  deepStrictEqual(parseRatios(encodeRatios(ratios)), ratios);
  for (const text of [undefined, "", "{", "[]", "null", '{"a":3}', '{"a":[1,"2"]}']) {
    deepStrictEqual([...parseRatios(text)], [], text);
  }
});

Deno.test("a backup learns how well each type of file compresses, and a plan knows it then, also after a rebuild", async () => {
  using world = new World();
  for (let i = 0; i < 40; i++) {
    world.write(`${i}.txt`, `all work and no play makes Jack a dull boy ${i} `.repeat(500));
    world.write(`${i}.jpg`, noise(20_000, i + 1));
  }
  await world.backup();
  const ratioOf = (type: string) => {
    using storage = world.open();
    const { bytes, packed } = storage.ratios().get(type)!;
    return packed / bytes;
  };
  ok(ratioOf("txt") < 0.1 && ratioOf("jpg") > 0.99, `${ratioOf("txt")} ${ratioOf("jpg")}`);
  {
    using storage = world.open();
    rebuildCatalog(storage, new TestMonitor());
  }
  ok(ratioOf("txt") < 0.1);
  // Too small to say anything by themselves.
  for (const [name, low, high] of [["x.txt", 0, 0.1], ["x.jpg", 0.99, 1]] as const) {
    world.write(name, noise(5000, 99));
    const monitor = new TestMonitor();
    using storage = world.open(monitor);
    const { store } = await plan(storage, world.request(), monitor);
    const ratio = store.packedBytes / store.bytes;
    // One small sample of its own counts, too.
    ok(ratio >= low && ratio <= high + 0.2, `${name}: ${ratio}`);
    Deno.removeSync(`${world.source}/${name}`);
  }
});

Deno.test("a backup of little learns nothing, and doesn't touch the catalog for it", async () => {
  using world = new World();
  world.write("a.txt", "x".repeat(10_000));
  await world.backup();
  using storage = world.open();
  deepStrictEqual([...storage.ratios()], []);
});
