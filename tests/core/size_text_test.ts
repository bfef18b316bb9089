import { strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { BadUsage } from "../../src/core/fault.ts";
import { countText, exactSizeText, parseSize, pluralText, sizeText } from "../../src/core/size_text.ts";

for (
  const [bytes, text] of [
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [102_348, "99.9 KiB"],
    [102_400, "100 KiB"],
    [1024 * 1024 - 1, "1 MiB"],
    [1024 * 1023, "1023 KiB"],
    [438 * 1024 * 1024, "438 MiB"],
    [8 * 1024 ** 3, "8 GiB"],
    [Number.MAX_SAFE_INTEGER, "8 PiB"],
    [1024 ** 7, "1024 EiB"],
  ] as const
) Deno.test(`sizeText() of ${bytes} is ${text}`, () => strictEqual(sizeText(bytes), text));

Deno.test("sizeText() never needs more than eight cells and never shows 1024 of a smaller unit", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => {
    const text = sizeText(bytes);
    strictEqual(/^(\d{1,4}|\d{1,2}\.[1-9]) ([KMGTP]i)?B$/.test(text) && !/^10(2[4-9]|[3-9]\d)/.test(text), true, text);
  }));
});

for (
  const [text, bytes] of [
    ["0", 0],
    ["500", 500],
    ["500B", 500],
    ["10K", 10_240],
    ["10k", 10_240],
    ["10 KiB", 10_240],
    ["10kB", 10_000],
    ["1.5GiB", 1.5 * 1024 ** 3],
    [" 10M ", 10 * 1024 ** 2],
    ["2T", 2 * 1024 ** 4],
  ] as const
) Deno.test(`parseSize() reads ${JSON.stringify(text)}`, () => strictEqual(parseSize(text), bytes));

for (const text of ["", "M", "-1", "1e3", "10X", "10iB", "1.2.3", "9999999E", "10 MiBs"]) {
  Deno.test(`parseSize() refuses ${JSON.stringify(text)}`, () => throws(() => parseSize(text), BadUsage));
}

Deno.test("parseSize() undoes sizeText() within its rounding", () => {
  fc.assert(fc.property(fc.maxSafeNat().map((n) => Math.floor(n / 2)), (bytes) => {
    strictEqual(Math.abs(parseSize(sizeText(bytes)) - bytes) <= bytes * 0.05 + 1, true);
  }));
});

Deno.test("countText() groups digits by threes", () => {
  strictEqual([0, 999, 1000, 1234567].map(countText).join(" "), "0 999 1,000 1,234,567");
});

Deno.test("pluralText() knows one from many", () => {
  strictEqual([0, 1, 2].map((n) => pluralText(n, "file")).join(", "), "0 files, 1 file, 2 files");
  strictEqual(pluralText(2, "entry", "entries"), "2 entries");
});

Deno.test("exactSizeText() tells every byte", () => {
  strictEqual(exactSizeText(1_234_567), "1,234,567 B");
  strictEqual(exactSizeText(0), "0 B");
});
