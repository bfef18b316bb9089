import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { jsonText, printable, printableLines } from "../../../../src/cli/output/terminal/escape_text.ts";
import { textOf } from "../../../../src/core/raw.ts";

for (
  const [text, shown] of [
    ["plain name.txt", "plain name.txt"],
    ["Grüße 日本 👋", "Grüße 日本 👋"],
    ["a\nb\r\tc", "a\\nb\\r\\tc"],
    ["\x1b[31mred\x1b[0m", "\\e[31mred\\e[0m"],
    ["\x07\x00\x7f", "\\x07\\x00\\x7f"],
    ["\x9b31m", "\\u009b31m"],
    ["exe\u202egpj", "exe\\u202egpj"],
    [textOf("caf\xe9"), "caf\\xe9"],
    ["\ud83d", "\\ud83d"],
  ] as const
) Deno.test(`printable() shows ${JSON.stringify(text)} as ${shown}`, () => strictEqual(printable(text), shown));

// deno-lint-ignore no-control-regex -- these must not be left
const DANGEROUS = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u;

Deno.test("printable() leaves nothing that a terminal obeys, whatever the bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const text = textOf(String.fromCharCode(...bytes));
    strictEqual(DANGEROUS.test(printable(text)), false);
  }));
});

Deno.test("printableLines() keeps line ends and nothing else", () => {
  strictEqual(printableLines("a\x1b\nb"), "a\\e\nb");
});

Deno.test("jsonText() is exact and leaves nothing that a terminal obeys", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.uint8Array({ maxLength: 40 }), (text, bytes) => {
    const value = { text, name: textOf(String.fromCharCode(...bytes)) };
    deepStrictEqual(JSON.parse(jsonText(value)), value);
    strictEqual(DANGEROUS.test(jsonText(value)), false);
  }));
});
