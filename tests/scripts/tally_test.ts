import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { addTallies, tallyOf, verdictOf } from "../../scripts/tally.ts";

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
  strictEqual(verdictOf({ passed: 7, failed: 0, ignored: 2 }), "2 ignored\n7 passed, 0 failed");
});
