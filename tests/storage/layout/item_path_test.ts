import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { ALGORITHMS, digestHexLength } from "../../../src/core/digest.ts";
import { idOf, itemPath, leafDirs } from "../../../src/storage/layout/item_path.ts";

const SPLITS = [[1], [2], [3], [1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [3, 1]];
const LEAVES = [16, 256, 4096, 256, 4096, 65536, 4096, 65536, 65536];

/** Ids of every algorithm, with and without a suffix. */
const ids = fc.constantFrom(...ALGORITHMS).chain((algorithm) =>
  fc.tuple(
    fc.string({
      unit: fc.constantFrom(..."0123456789abcdef"),
      minLength: digestHexLength(algorithm),
      maxLength: digestHexLength(algorithm),
    }),
    fc.constantFrom("", "00", "ef", "f0", "f1"),
  ).map(([digest, suffix]) => digest + suffix)
);

Deno.test("itemPath() is undone by idOf(), for every split and algorithm", () => {
  fc.assert(
    fc.property(fc.constantFrom(...SPLITS), ids, (hexSplit, id) => {
      const { dir, name } = itemPath({ hexSplit }, id);
      strictEqual(idOf(dir, name), id);
      deepStrictEqual(dir.split("/").map((part) => part.length), hexSplit);
      ok(name.length >= 4);
    }),
  );
});

Deno.test("leafDirs() are all directories that itemPath() can name, in order", () => {
  for (const [i, hexSplit] of SPLITS.entries()) {
    const leaves = [...leafDirs({ hexSplit })];
    strictEqual(leaves.length, LEAVES[i]);
    deepStrictEqual([...new Set(leaves)].sort(), leaves);
    const known = new Set(leaves);
    for (const id of ["00000000", "deadbeef", "ffffffff"]) ok(known.has(itemPath({ hexSplit }, id).dir));
  }
});
