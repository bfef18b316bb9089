import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { BadUsage } from "../../../../src/core/fault.ts";
import { TextReporter } from "../../../../src/cli/output/progress/reporter.ts";
import { cellWidth } from "../../../../src/cli/output/terminal/cell_width.ts";
import { errorText } from "../../../../src/cli/output/terminal/errors.ts";
import { wrapped } from "../../../../src/cli/output/terminal/wrap.ts";
import { FakeOutput, FakeWorld, runIn } from "../../fake_world.ts";

const plain = (text: string) => text;
const MESSAGE = "A message with enough words to need a second line, and then a third one";
const HINT = "Use `backup-tool policy set --keep-daily 7`, which is not broken, or something else";

function terminal(width: number): FakeOutput {
  const output = new FakeOutput();
  output.isTerminal = true;
  output.width = width;
  return output;
}

Deno.test("an error is wrapped at the width of a terminal, with a hanging indent, and commands stay whole", () => {
  deepStrictEqual(errorText(new BadUsage(MESSAGE, HINT), plain, terminal(50)).split("\n"), [
    "backup-tool: A message with enough words to need a",
    "    second line, and then a third one",
    "  hint: Use",
    "        `backup-tool policy set --keep-daily 7`,",
    "        which is not broken, or something else",
    "",
  ]);
});

Deno.test("an error is one line, and its hint another, where there is no terminal", () => {
  const text = errorText(new BadUsage(MESSAGE, HINT), plain, new FakeOutput());
  strictEqual(text, `backup-tool: ${MESSAGE}\n  hint: ${HINT}\n`);
});

Deno.test("problems and notices of a run are wrapped on a terminal, and stay lines elsewhere", () => {
  for (const [output, indented] of [[terminal(50), true], [new FakeOutput(), false]] as const) {
    const reporter = new TextReporter({ output, paint: plain, verbose: false });
    reporter.problem(new BadUsage(MESSAGE, ""));
    reporter.notice(MESSAGE);
    reporter.finish();
    const lines = output.text.split("\n");
    strictEqual(lines.length, indented ? 5 : 3);
    strictEqual(lines.filter((line) => line.startsWith("    second line, ")).length, indented ? 2 : 0);
  }
});

Deno.test("no line of a wrapped message is wider than the terminal, and no word is lost", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "é", "漢", "`", "-"), minLength: 1, maxLength: 8 });
  fc.assert(fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 30, max: 120 }), (words, width) => {
    const text = words.join(" ");
    const lines = wrapped(text, { before: 13, indent: 4 }, terminal(width)).split("\n");
    for (const [i, line] of lines.entries()) {
      ok(cellWidth(line) + (i === 0 ? 13 : 0) <= width || text.includes("`"), line);
    }
    strictEqual(lines.map((line) => line.trim()).join(" "), text);
  }));
});

Deno.test("a program whose standard error is a narrow terminal wraps what it says of usage", async () => {
  const world = new FakeWorld();
  world.variables["NO_COLOR"] = "1";
  world.stderr.isTerminal = true;
  world.stderr.width = 40;
  const { stderr } = await runIn(world, "restore", "latest", "--no-config");
  match(stderr, /hint:/);
  for (const line of stderr.split("\n")) ok(line.length <= 40, line);
});
