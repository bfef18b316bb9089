import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { hashBytes } from "../../src/core/digest.ts";
import { isInPart, parseSubset } from "../../src/core/subset.ts";

Deno.test("parseSubset() reads parts, shares and sizes", () => {
  deepStrictEqual(parseSubset("1/7"), { kind: "part", part: 1, of: 7 });
  deepStrictEqual(parseSubset("7/7"), { kind: "part", part: 7, of: 7 });
  for (const text of ["5%", "oldest:5%"]) deepStrictEqual(parseSubset(text), { kind: "share", percent: 5 });
  deepStrictEqual(parseSubset("0.5%"), { kind: "share", percent: 0.5 });
  for (const text of ["10G", "oldest:10G"]) deepStrictEqual(parseSubset(text), { kind: "bytes", bytes: 10 * 2 ** 30 });
});

Deno.test("parseSubset() refuses what makes no sense", () => {
  for (
    const text of ["", "0/7", "8/7", "1/0", "1/2000000", "0%", "101%", "-5%", "0", "0G", "newest:5%", "oldest:1/7", "%"]
  ) {
    throws(() => parseSubset(text), { code: "bad-usage" }, text);
  }
});

Deno.test("isInPart() puts every content into exactly one part, and parts are about equal", () => {
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let n = 0; n < 7000; n++) {
    const id = hashBytes("crc32", new TextEncoder().encode(String(n)));
    const parts = counts.map((_, i) => i).filter((i) => isInPart(id, { part: i + 1, of: 7 }));
    strictEqual(parts.length, 1);
    counts[parts[0]!]!++;
  }
  strictEqual(Math.min(...counts) > 850 && Math.max(...counts) < 1150, true, counts.join());
});
