import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { durationText, isoOfNs, localTimeText, msOfNs, zoneText } from "../../src/core/time_text.ts";

const EVENING = Date.UTC(2026, 10, 20, 22, 5, 11, 123);

for (const [minutes, text] of [[0, "+00"], [60, "+01"], [-210, "-03:30"], [345, "+05:45"], [-720, "-12"]] as const) {
  Deno.test(`zoneText() of ${minutes} minutes is ${text}`, () => strictEqual(zoneText(minutes), text));
}

for (
  const [offset, text] of [
    [0, "2026-11-20 22:05 +00"],
    [60, "2026-11-20 23:05 +01"],
    [120, "2026-11-21 00:05 +02"],
    [-210, "2026-11-20 18:35 -03:30"],
  ] as const
) {
  Deno.test(`localTimeText() ${offset} minutes ahead is ${text}`, () => {
    strictEqual(localTimeText(EVENING, offset), text);
  });
}

Deno.test("localTimeText() shows a time that no date can hold as seconds", () => {
  strictEqual(localTimeText(9e18, 0), "@9000000000000000");
});

for (
  const [ns, text] of [
    ["0", "1970-01-01T00:00:00.000000000Z"],
    ["1795212311123456789", "2026-11-20T22:05:11.123456789Z"],
    ["-1", "1969-12-31T23:59:59.999999999Z"],
    ["-1000000000", "1969-12-31T23:59:59.000000000Z"],
    ["9223372036854775807000000000", "@9223372036854775807.000000000"],
    ["-9223372036854775808000000000", "@-9223372036854775808.000000000"],
  ] as const
) Deno.test(`isoOfNs() of ${ns} is ${text}`, () => strictEqual(isoOfNs(ns), text));

Deno.test("isoOfNs() keeps all nanoseconds and the order of times", () => {
  const time = fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n });
  fc.assert(fc.property(time, time, (a, b) => {
    const [x, y] = [isoOfNs(String(a)), isoOfNs(String(b))];
    strictEqual(BigInt(Date.parse(`${x.slice(0, 19)}Z`)) * 1_000_000n + BigInt(x.slice(20, 29)), a);
    strictEqual(a < b, x < y);
  }));
});

Deno.test("msOfNs() rounds down, before 1970 too", () => {
  strictEqual(msOfNs("1999999"), 1);
  strictEqual(msOfNs("-1"), -1);
  strictEqual(msOfNs("-1000000"), -1);
});

for (
  const [ms, text] of [
    [-5, "0.0 s"],
    [0, "0.0 s"],
    [440, "0.4 s"],
    [9_949, "9.9 s"],
    [9_950, "10 s"],
    [59_499, "59 s"],
    [59_500, "1 min 00 s"],
    [200_000, "3 min 20 s"],
    [3_599_600, "1 h 00 min"],
    [7_500_000, "2 h 05 min"],
    [86_400_000, "1 d 00 h"],
    [273_600_000, "3 d 04 h"],
  ] as const
) Deno.test(`durationText() of ${ms} ms is ${text}`, () => strictEqual(durationText(ms), text));
