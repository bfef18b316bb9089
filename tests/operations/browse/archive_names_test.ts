import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { parseApath } from "../../../src/core/apath.ts";
import type { Kind } from "../../../src/core/entry.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { BelowLink, LinksPassed, zipName } from "../../../src/operations/browse/dump/archive_names.ts";

Deno.test("zipName() leaves names that mean the same everywhere", () => {
  for (const name of ["a", "a/b", "ü", "100%", "%25", "ab:c", "a/C:x", "5C", "%2541", ".", "..a"]) {
    strictEqual(zipName(rawOf(name)), rawOf(name));
  }
});

Deno.test("zipName() takes what Windows might understand out of a name", () => {
  deepStrictEqual(["..\\..\\x", "\\x", "a\\b/c\\d", "C:x", "C:\\x", "z:"].map((name) => zipName(rawOf(name))), [
    "..%5C..%5Cx",
    "%5Cx",
    "a%5Cb/c%5Cd",
    "C%3Ax",
    "C%3A%5Cx",
    "z%3A",
  ]);
});

Deno.test("zipName() makes no two names one", () => {
  const parts = ["\\", "%5C", "%255C", "%25255C", "%", "25", "5C", "a", ":", "%3A", "%253A", "C"];
  const names = parts.flatMap((a) => parts.flatMap((b) => parts.map((c) => rawOf(a + b + c))));
  const unlike = new Set(names);
  strictEqual(new Set([...unlike].map(zipName)).size, unlike.size);
});

Deno.test("LinksPassed refuses what is below a link, at any depth, and nothing else", () => {
  const refusing = (...entries: readonly (readonly [string, Kind])[]) => {
    const links = new LinksPassed();
    return entries.filter(([path, kind]) => {
      try {
        links.assertBelowNone({ path: parseApath(path), kind });
        return false;
      } catch (error) {
        throws(() => {
          throw error;
        }, BelowLink);
        return true;
      }
    }).map(([path]) => path);
  };
  deepStrictEqual(
    refusing(["/", "dir"], ["/a", "file"], ["/l", "symlink"], ["/lx", "file"], ["/l/x", "file"], ["/l/y", "symlink"]),
    ["/l/x", "/l/y"],
  );
  deepStrictEqual(
    refusing(["/d", "dir"], ["/d/l", "symlink"], ["/d/m", "file"], ["/d/l/e", "dir"], ["/d/l/e/f", "file"]),
    [
      "/d/l/e",
      "/d/l/e/f",
    ],
  );
  deepStrictEqual(refusing(["/l", "dir"], ["/l", "symlink"], ["/l/x", "file"], ["/m/x", "file"]), ["/l/x"]);
});
