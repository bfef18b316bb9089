import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  addTallies,
  filesOfFewFailures,
  slowest,
  tallyOf,
  testLines,
  verdictOf,
  wronglyIgnored,
} from "../../scripts/tally.ts";

for (
  const { title, output, succeeded, tally } of [
    { title: "reads a good run", output: "\nok | 4 passed | 0 failed (30ms)\n\n", succeeded: true, tally: [4, 0, 0] },
    {
      title: "reads steps and ignored tests",
      output: "ok | 4 passed (3 steps) | 0 failed | 1 ignored (2 steps) (1m30s)\n",
      succeeded: true,
      tally: [4, 0, 1],
    },
    {
      title: "reads a failed run",
      output: "FAILED | 5 passed (3 steps) | 2 failed (1 step) | 1 ignored (30ms)\n\nerror: Test failed\n",
      succeeded: false,
      tally: [5, 2, 1],
    },
    {
      title: "takes the last summary, not one that a test printed",
      output: "ok | 99 passed | 0 failed (1ms)\nok | 4 passed | 0 failed (30ms)\n",
      succeeded: true,
      tally: [4, 0, 0],
    },
    { title: "counts a run without tests as a failure", output: "error: bad\n", succeeded: false, tally: [0, 1, 0] },
    { title: "counts a silent end as a failure", output: "", succeeded: true, tally: [0, 1, 0] },
    {
      title: "counts a bad exit after good tests as a failure",
      output: "ok | 4 passed | 0 failed (30ms)\n",
      succeeded: false,
      tally: [4, 1, 0],
    },
  ]
) {
  Deno.test(`tallyOf() ${title}`, () => {
    const [passed, failed, ignored] = tally;
    deepStrictEqual(tallyOf(output, succeeded), { passed, failed, ignored });
  });
}

Deno.test("addTallies() sums every count", () => {
  const sum = addTallies([{ passed: 1, failed: 2, ignored: 3 }, { passed: 10, failed: 20, ignored: 30 }]);
  deepStrictEqual(sum, { passed: 11, failed: 22, ignored: 33 });
  deepStrictEqual(addTallies([]), { passed: 0, failed: 0, ignored: 0 });
});

Deno.test("verdictOf() ends with the line for machines", () => {
  strictEqual(verdictOf({ passed: 7, failed: 1, ignored: 0 }), "7 passed, 1 failed");
  strictEqual(verdictOf({ passed: 7, failed: 0, ignored: 2 }), "7 passed, 0 failed, 2 skipped");
});

const RUN = `Check tests/a_test.ts
./tests/a_test.ts => quick ... ok (500µs)
./tests/a_test.ts => slow ... ok (1m3s)
./tests/b_test.ts => with ... dots ... FAILED (12ms)
./tests/b_test.ts => not today ... ignored (0ms)
./tests/b_test.ts => paths [not here: text only] ... ignored (0ms)
./tests/c_test.ts => steps ... ok (2s)
ok | 4 passed | 1 failed | 2 ignored (1m4s)
`;

Deno.test("testLines() reads what became of each test", () => {
  deepStrictEqual(testLines(RUN).map(({ name, result, ms }) => [name, result, ms]), [
    ["tests/a_test.ts => quick", "ok", 0.5],
    ["tests/a_test.ts => slow", "ok", 63_000],
    ["tests/b_test.ts => with ... dots", "FAILED", 12],
    ["tests/b_test.ts => not today", "ignored", 0],
    ["tests/b_test.ts => paths [not here: text only]", "ignored", 0],
    ["tests/c_test.ts => steps", "ok", 2000],
  ]);
});

Deno.test("slowest() gives the slowest first", () => {
  deepStrictEqual(slowest(testLines(RUN)).slice(0, 2).map(({ ms }) => ms), [63_000, 2000]);
});

Deno.test("wronglyIgnored() names what no line of the list lets through", () => {
  const tests = testLines(RUN);
  deepStrictEqual(wronglyIgnored(tests, "# reasons\n* [not here: *\n"), ["tests/b_test.ts => not today"]);
  deepStrictEqual(wronglyIgnored(tests, "* [not here: *\ntests/b_test.ts => not today"), []);
  deepStrictEqual(wronglyIgnored(tests, "tests/b_test.ts => not").length, 2);
});

Deno.test("no test passes by returning where something is missing", async () => {
  deepStrictEqual(await filesWith("SKIPPED"), []);
});

/** Files of the tests that hold `text`, but for this one. */
async function filesWith(text: string): Promise<string[]> {
  const directory = new URL("..", import.meta.url).pathname;
  const found: string[] = [];
  for await (const path of testFiles(directory)) {
    if (path.endsWith("/tally_test.ts")) continue;
    if ((await Deno.readTextFile(path)).includes(text)) found.push(path);
  }
  return found;
}

async function* testFiles(directory: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) yield* testFiles(`${directory}${name}/`);
    else if (name.endsWith(".ts")) yield `${directory}${name}`;
  }
}

const failing = (...files: readonly string[]) => files.map((file) => `./${file} => x ... FAILED (1ms)\n`).join("");

for (
  const [claim, lines, failed, files] of [
    ["names the files, each once", failing("tests/a_test.ts", "tests/a_test.ts", "tests/b_test.ts"), 3, [
      "tests/a_test.ts",
      "tests/b_test.ts",
    ]],
    ["names none if many failed", failing(..."abcd".split("").map((name) => `tests/${name}_test.ts`)), 4, []],
    ["names none if a failure isn't told of", failing("tests/a_test.ts"), 2, []],
    ["names none where nothing is told", "", 1, []],
    ["names none that can't be run alone", failing("src/storage/FORMAT.md$5-9.ts"), 1, []],
  ] as const
) {
  Deno.test(`filesOfFewFailures() ${claim}`, () => {
    const output = `./tests/a_test.ts => y ... ok (1ms)\n${lines}FAILED | 5 passed | ${failed} failed (1s)\n`;
    deepStrictEqual(filesOfFewFailures(output), files);
  });
}

Deno.test("filesOfFewFailures() names none if a run did not come to its end", () => {
  deepStrictEqual(filesOfFewFailures(failing("tests/a_test.ts")), []);
});
