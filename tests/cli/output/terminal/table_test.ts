import { deepStrictEqual, strictEqual } from "node:assert/strict";
import stringWidth from "string-width";
import { paintFor } from "../../../../src/cli/output/terminal/colors.ts";
import { Printer } from "../../../../src/cli/output/terminal/printer.ts";
import { cutOff } from "../../../../src/cli/output/terminal/table.ts";
import { FakeOutput } from "../../fake_world.ts";

for (
  const [text, cells, kept] of [
    ["short", 5, "short"],
    ["longer", 5, "long…"],
    ["two words", 5, "two…"],
    ["日本語", 6, "日本語"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["", 0, ""],
  ] as const
) {
  Deno.test(`cutOff() of ${JSON.stringify(text)} at ${cells} cells is ${JSON.stringify(kept)}`, () => {
    strictEqual(cutOff(text, cells), kept);
    strictEqual(stringWidth(kept) <= cells, true);
  });
}

Deno.test("Printer.table() cuts off what doesn't fit a terminal, but loses nothing through a pipe", () => {
  const printed = (isTerminal: boolean) => {
    const output = new FakeOutput();
    output.isTerminal = isTerminal;
    output.width = 14;
    const out = new Printer(output, paintFor(output, () => undefined));
    out.table([{ title: "NAME" }, { title: "TAGS" }], [["photos", "a,b,c,d,e,f,g"], ["x\x1b[2J", "-"]]);
    out.flush();
    return output.text.split("\n");
  };
  deepStrictEqual(printed(true), ["\x1b[1mNAME    TAGS\x1b[0m", "photos  a,b,c…", "x\\e[2J  -", ""]);
  deepStrictEqual(printed(false), ["NAME    TAGS", "photos  a,b,c,d,e,f,g", "x\\e[2J  -", ""]);
});
