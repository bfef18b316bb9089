import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { testOneArguments } from "../../scripts/test_one.ts";

Deno.test("testOneArguments() takes a file, and a filter as it was typed", () => {
  strictEqual(testOneArguments(["a_test.ts"])?.at(-1), "a_test.ts");
  deepStrictEqual(testOneArguments(["a_test.ts", "-x is"])?.slice(-2), ["--filter=-x is", "a_test.ts"]);
});

Deno.test("testOneArguments() takes nothing else", () => {
  strictEqual(testOneArguments([]), undefined);
  strictEqual(testOneArguments(["a_test.ts", "b", "c"]), undefined);
});
