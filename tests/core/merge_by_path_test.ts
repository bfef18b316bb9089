import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Apath, compareApath, parseApath } from "../../src/core/apath.ts";
import { mergeByPath, OrderedLookup } from "../../src/core/merge_by_path.ts";
import fc from "fast-check";

const at = (...paths: string[]) => paths.map((path) => ({ path: parseApath(path) }));

Deno.test("mergeByPath() pairs what is at the same path, in the order of apaths", () => {
  const merged = [...mergeByPath(at("/", "/a", "/z", "/a/b"), at("/b", "/z", "/a/b", "/a/c"))];
  deepStrictEqual(merged.map(([left, right]) => [left?.path ?? null, right?.path ?? null]), [
    ["/", null],
    ["/a", null],
    [null, "/b"],
    ["/z", "/z"],
    ["/a/b", "/a/b"],
    [null, "/a/c"],
  ]);
  deepStrictEqual([...mergeByPath([], [])], []);
});

const lists = fc.uniqueArray(fc.constantFrom("/", "/a", "/b", "/a/a", "/a/b", "/a.b", "/b/a/c")).map((paths) =>
  at(...paths).sort((one, other) => compareApath(one.path, other.path))
);

Deno.test("mergeByPath() leaves nothing out, and finds each pair", () => {
  fc.assert(fc.property(lists, lists, (left, right) => {
    const merged = [...mergeByPath(left, right)];
    deepStrictEqual(merged.flatMap(([one]) => one ?? []), left);
    deepStrictEqual(merged.flatMap(([, other]) => other ?? []), right);
    for (const [one, other] of merged) if (one !== undefined && other !== undefined) strictEqual(one.path, other.path);
    const both = left.filter(({ path }) => right.some((other) => other.path === path));
    strictEqual(merged.filter(([one, other]) => one !== undefined && other !== undefined).length, both.length);
  }));
});

Deno.test("mergeByPath() takes no next one before the one at hand is dealt with", () => {
  let taken = 0;
  const counted = function* (): Generator<{ path: Apath }> {
    for (const one of at("/a", "/b", "/c")) {
      taken++;
      yield one;
    }
  };
  let seen = 0;
  for (const _ of mergeByPath([], counted())) strictEqual(taken, ++seen);
  strictEqual(seen, 3);
});

Deno.test("OrderedLookup finds what is asked for in order", () => {
  const lookup = new OrderedLookup(at("/a", "/c", "/a/b").values());
  deepStrictEqual(["/a", "/b", "/c", "/a/b", "/a/c"].map((path) => lookup.at(parseApath(path))?.path), [
    "/a",
    undefined,
    "/c",
    "/a/b",
    undefined,
  ]);
});
