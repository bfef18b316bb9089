import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { BadJson, fieldsOf, MOST_LEVELS, parseJson, tooDeepAt } from "../../src/core/json.ts";

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

Deno.test("parseJson() takes as many levels as it says, and no more", () => {
  parseJson(nested(MOST_LEVELS));
  throws(() => parseJson(nested(MOST_LEVELS + 1)), new BadJson(`it nests more than ${MOST_LEVELS} levels`));
  throws(() => parseJson(`{"a":`.repeat(3_000_000)), BadJson);
  throws(() => parseJson(nested(3_000_000)), BadJson);
});

Deno.test("parseJson() says why a text is no JSON", () => {
  throws(() => parseJson("{"), /^BadJson: it is not JSON \(/);
  throws(() => parseJson(""), BadJson);
});

Deno.test("brackets in texts and comments are no levels", () => {
  deepStrictEqual(parseJson(JSON.stringify({ a: `"\\${"[".repeat(1000)}` })), { a: `"\\${"[".repeat(1000)}` });
  strictEqual(tooDeepAt(`/* ${"[".repeat(1000)} */ {} // ${"{".repeat(1000)}\n[]`, { comments: true }), undefined);
  strictEqual(tooDeepAt(`// "\n${"[".repeat(1000)}`, { comments: true }), 5 + MOST_LEVELS);
  // Without comments a slash is only a mistake.
  strictEqual(tooDeepAt(`/* ${"[".repeat(1000)}`), 3 + MOST_LEVELS);
});

Deno.test("many levels side by side are not deep", () => {
  strictEqual(tooDeepAt(`[${"[[]],".repeat(10_000)}0]`), undefined);
});

Deno.test("fieldsOf() is an object's fields, and nothing of anything else", () => {
  deepStrictEqual(fieldsOf({ a: 1 }), { a: 1 });
  for (const other of [undefined, null, 1, "text", [1]]) deepStrictEqual(fieldsOf(other), {});
});

Deno.test("parseJson() makes no more values than a text of its length needs", () => {
  throws(() => parseJson(`[${"[],".repeat(1_000_000)}0]`), /^BadJson: it has 2000002 values/);
  strictEqual((parseJson(`[${`"${"x".repeat(40)}",`.repeat(200_000)}0]`) as unknown[]).length, 200_001);
});
