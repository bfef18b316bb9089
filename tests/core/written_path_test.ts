import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { BadUsage } from "../../src/core/fault.ts";
import { rawOf } from "../../src/core/raw.ts";
import { pathOf, type PathPlace, resolved, typedText, whyNoPath } from "../../src/core/written_path.ts";

const PLACE: PathPlace = { directory: () => rawOf("/here/now"), home: () => "/home/me" };
const failsWith = (message: RegExp) => (error: unknown) => error instanceof BadUsage && message.test(error.message);

Deno.test("pathOf() makes every spelling of a place one path", () => {
  const spellings: Readonly<Record<string, readonly string[]>> = {
    "/here/now/a": [
      "a",
      "./a",
      "a/",
      "a//",
      "./a/.",
      "b/../a",
      "../now/a",
      "//here/now//a",
      "/here/now/a/b/..",
      "/../here/now/a",
    ],
    "/here/now": [".", "./", "a/..", "./a/../b/.."],
    "/here": ["..", "../", "../now/.."],
    "/": ["/", "//", "/..", "../..", "../../../..", "/a/.."],
    "/home/me": ["~", "~/", "~/.", "~/a/.."],
    "/home/me/st": ["~/st", "~//st"],
    "/home": ["~/.."],
    "/here/now/~": ["./~"],
    "/here/now/~lock": ["~lock"],
    "/here/now/...": ["..."],
    "/here/now/a b": ["a b"],
  };
  for (const [path, texts] of Object.entries(spellings)) {
    for (const text of texts) strictEqual(pathOf(text, PLACE), path, JSON.stringify(text));
  }
});

Deno.test("pathOf() has words for what is no path", () => {
  throws(() => pathOf("", PLACE), failsWith(/is empty$/));
  throws(() => pathOf("a\0b", PLACE), failsWith(/can't contain NUL$/));
  throws(() => pathOf("a\ud800b", PLACE), failsWith(/half a character$/));
  throws(() => pathOf("~/x", { ...PLACE, home: () => undefined }), failsWith(/HOME is not set/));
  strictEqual(pathOf("/x", { ...PLACE, home: () => undefined }), "/x");
  deepStrictEqual(["", "a", "\0", "\udce9"].map(whyNoPath), [
    "must not be empty",
    undefined,
    "can't contain NUL",
    undefined,
  ]);
});

Deno.test("pathOf() takes bytes that are not UTF-8, as JSON has them and as they are typed", () => {
  strictEqual(pathOf("/caf\udce9", PLACE), "/caf\xe9");
  strictEqual(pathOf(typedText("caf\\udce9"), PLACE), "/here/now/caf\xe9");
  strictEqual(pathOf(typedText("caf\\uDCE9/ü"), PLACE), "/here/now/caf\xe9/\xc3\xbc");
  strictEqual(typedText("\\u005cudce9"), "\\udce9", "a name that holds just these characters");
  for (const text of ["\\udc41", "\\ud8e9", "\\x", "a\\b", "\\u00e9"]) strictEqual(typedText(text), text);
});

Deno.test("pathOf() knows the paths of Windows where it is asked to", () => {
  const windows: PathPlace = { directory: () => rawOf("C:/here"), home: () => "C:\\Users\\me", isWindows: true };
  strictEqual(pathOf("a\\..\\b", windows), "C:/here/b");
  strictEqual(pathOf("D:\\x\\..\\..\\y\\", windows), "D:/y");
  strictEqual(pathOf("~/x", windows), "C:/Users/me/x");
  strictEqual(pathOf("\\\\nas\\share\\a\\..", windows), "//nas/share");
  strictEqual(pathOf("C:\\x", PLACE), "/here/now/C:\\x", "a name like others elsewhere");
});

Deno.test("resolved() leaves alone what is resolved", () => {
  for (const path of ["/", "/a", "/a/.b", "/a/..b/c..", "/.../x"]) strictEqual(resolved(rawOf(path)), path);
});
