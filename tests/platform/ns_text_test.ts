import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { msOfTime, splitTime, timeOfMs, TimeText } from "../../src/platform/ns_text.ts";

const seconds = fc.integer({ min: -(2 ** 40), max: 2 ** 40 });
const nanoseconds = fc.integer({ min: 0, max: 999_999_999 });

Deno.test("TimeText writes what a bigint would", () => {
  const times = new TimeText();
  fc.assert(fc.property(seconds, nanoseconds, (s, ns) => {
    strictEqual(times.text(s, ns), String(BigInt(s) * 1_000_000_000n + BigInt(ns)));
  }));
});

for (
  const [s, ns, text] of [
    [0, 0, "0"],
    [0, 5, "5"],
    [1, 5, "1000000005"],
    [-1, 0, "-1000000000"],
    [-1, 999_999_999, "-1"],
    [-2, 500_000_000, "-1500000000"],
    [1_700_000_000, 123_456_789, "1700000000123456789"],
  ] as const
) {
  Deno.test(`TimeText writes ${s} s and ${ns} ns as ${text}`, () => strictEqual(new TimeText().text(s, ns), text));
}

Deno.test("splitTime() undoes TimeText", () => {
  const times = new TimeText();
  fc.assert(fc.property(seconds, nanoseconds, (s, ns) => {
    deepStrictEqual(splitTime(times.text(s, ns)), { seconds: s, nanoseconds: ns });
  }));
});

Deno.test("msOfTime() undoes timeOfMs(), and rounds down", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), (ms) => strictEqual(msOfTime(timeOfMs(ms)), ms)),
  );
  strictEqual(msOfTime("-1"), -1);
  strictEqual(msOfTime("1999999"), 1);
});
