import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  type Apath,
  apathIn,
  apathOf,
  apathWithin,
  childOf,
  compareApath,
  isWithin,
  movedApath,
  nameOf,
  parentOf,
  parseApath,
  relativeOf,
  TOP,
} from "../../src/core/apath.ts";
import { BadPath } from "../../src/core/fault.ts";
import { type Raw, rawOf, rawOfBytes, textOf } from "../../src/core/raw.ts";

/** Names around the byte of the slash (0x2f), and any others. */
const name = fc.oneof(
  fc.constantFrom("a", "b", "ab", "a.", "a-", "a0", "-", ".a", "..a", "...", "!", "ü", "\n", "a b").map(rawOf),
  fc.uint8Array({ minLength: 1, maxLength: 4 })
    .map((bytes) => rawOfBytes(bytes.map((byte) => byte === 0 || byte === 0x2f ? 0x30 : byte)))
    .filter((raw) => raw !== "." && raw !== ".."),
);
const components = fc.array(name, { maxLength: 5 });
const apath = components.map((names) => below(TOP, names));

function below(directory: Apath, names: readonly Raw[]): Apath {
  return names.reduce<Apath>((path, name) => childOf(path, name), directory);
}

/** The order as the design says it: by directory, component by component, then by name; the top first. */
function naive(a: Apath, b: Apath): number {
  if (a === "/" || b === "/") return Number(b === "/") - Number(a === "/");
  const one = a.slice(1).split("/"), two = b.slice(1).split("/");
  const nameOne = one.pop()!, nameTwo = two.pop()!;
  for (let i = 0; i < Math.max(one.length, two.length); i++) {
    if (one[i] === two[i]) continue;
    if (one[i] === undefined) return -1;
    if (two[i] === undefined) return 1;
    return one[i]! < two[i]! ? -1 : 1;
  }
  return nameOne === nameTwo ? 0 : nameOne < nameTwo ? -1 : 1;
}

Deno.test("compareApath() is the order by directory, component by component, then by name", () => {
  fc.assert(
    fc.property(apath, apath, (a, b) => strictEqual(Math.sign(compareApath(a, b)), naive(a, b))),
    { numRuns: 20_000, seed: 1 },
  );
});

Deno.test("compareApath() is a total order", () => {
  fc.assert(
    fc.property(apath, apath, apath, (a, b, c) => {
      strictEqual(compareApath(a, a), 0);
      strictEqual(compareApath(a, b) === 0, a === b);
      strictEqual(Math.sign(compareApath(a, b)) + Math.sign(compareApath(b, a)), 0);
      if (compareApath(a, b) <= 0 && compareApath(b, c) <= 0) ok(compareApath(a, c) <= 0);
    }),
    { numRuns: 5000, seed: 2 },
  );
});

Deno.test("compareApath() keeps the entries of a directory together, before those of its subdirectories", () => {
  fc.assert(fc.property(fc.uniqueArray(apath, { maxLength: 40 }), (paths) => {
    const sorted = paths.filter((path) => path !== TOP).sort(compareApath);
    const directories = sorted.map(parentOf).filter((directory, i, all) => directory !== all[i - 1]);
    strictEqual(new Set(directories).size, directories.length);
    for (const [i, directory] of directories.entries()) {
      ok(directories.slice(0, i).every((earlier) => earlier === directory || !isWithin(earlier, directory)));
    }
  }));
});

Deno.test("compareApath() orders a real tree", () => {
  const ordered = ["/", "/a", "/a-b", "/a0", "/b", "/a/x", "/a/y", "/a/x/1", "/a-b/x", "/a0/x", "/b/a", "/b/a/a/a"];
  deepStrictEqual([...ordered].reverse().sort((a, b) => compareApath(a as Apath, b as Apath)), ordered);
});

Deno.test("childOf() is undone by parentOf() and nameOf()", () => {
  fc.assert(fc.property(apath, name, (directory, name) => {
    const path = childOf(directory, name);
    strictEqual(parentOf(path), directory);
    strictEqual(nameOf(path), name);
    strictEqual(apathOf(path), path);
  }));
  deepStrictEqual([parentOf(TOP), nameOf(TOP)], ["/", ""]);
});

Deno.test("parseApath() undoes textOf(), whatever the bytes", () => {
  fc.assert(fc.property(apath, (path) => strictEqual(parseApath(textOf(path)), path)));
  strictEqual(parseApath("/caf\udce9/ü"), "/caf\xe9/\xc3\xbc");
});

for (
  const bad of ["", "a", "a/b", "//", "/a/", "//a", "/a//b", "/.", "/..", "/a/../b", "/a/.", "./a", "/a\0b", "\\a"]
) {
  Deno.test(`parseApath() refuses ${JSON.stringify(bad)}`, () => {
    throws(() => parseApath(bad), (error) => error instanceof BadPath && error.message.includes(JSON.stringify(bad)));
  });
}

for (const good of ["/", "/a", "/...", "/..a", "/a..", "/.a", "/a b", "/ ", "/\n", "/a\\b", "/-", "/a:b"]) {
  Deno.test(`parseApath() takes ${JSON.stringify(good)}`, () => strictEqual(parseApath(good), good));
}

Deno.test("isWithin() is true of a directory and all below it, and of nothing else", () => {
  fc.assert(fc.property(apath, components, (directory, names) => {
    strictEqual(isWithin(below(directory, names), directory), true);
  }));
  fc.assert(fc.property(apath, apath, (path, directory) => {
    let at = path;
    while (at !== directory && at !== TOP) at = parentOf(at);
    strictEqual(isWithin(path, directory), at === directory);
  }));
  const rows: [string, string, boolean][] = [["/ab", "/a", false], ["/a", "/ab", false], ["/a/b", "/a", true], [
    "/a",
    "/",
    true,
  ]];
  for (const [path, directory, within] of rows) strictEqual(isWithin(path as Apath, directory as Apath), within);
  strictEqual(isWithin(TOP, childOf(TOP, "a" as Raw)), false);
});

Deno.test("apathIn(), relativeOf() and apathWithin() undo each other", () => {
  fc.assert(fc.property(apath, apath, (directory, path) => {
    strictEqual(apathIn(TOP, relativeOf(path)), path);
    strictEqual(apathWithin(apathIn(directory, relativeOf(path)), directory), path);
  }));
});

Deno.test("movedApath() moves a directory with all below it, to the top and from it too", () => {
  fc.assert(fc.property(apath, apath, components, (from, to, names) => {
    strictEqual(movedApath(below(from, names), from, to), below(to, names));
  }));
});
