import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import stringWidth from "string-width";
import { cellWidth } from "../../../../src/cli/output/terminal/cell_width.ts";

for (
  const { text, cells } of [
    { text: "", cells: 0 },
    { text: "photos/2026", cells: 11 },
    { text: "Käse", cells: 4 },
    { text: "Ka\u0308se", cells: 4 },
    { text: "写真", cells: 4 },
    { text: "ｱ", cells: 1 },
    { text: "한글", cells: 4 },
    { text: "📷", cells: 2 },
    { text: "a\u200bb", cells: 2 },
    { text: "\u05e9\u05b8\u05dc\u05d5\u05dd", cells: 4 },
  ]
) {
  Deno.test(`cellWidth() of ${JSON.stringify(text)} is ${cells}`, () => strictEqual(cellWidth(text), cells));
}

Deno.test("cellWidth() agrees with string-width on letters, marks and ideographs", () => {
  const characters = [..."aZ9-_/.äßéñłøğÅΩжЯאשक한글日本語写真，。！ｱ"];
  const text = fc.array(fc.constantFrom(...characters, "e\u0301", "n\u0303")).map((parts) => parts.join(""));
  fc.assert(fc.property(text, (one) => strictEqual(cellWidth(one), stringWidth(one))));
});
