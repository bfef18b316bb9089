import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { testLines } from "../../scripts/tally.ts";
import { inGroups, msByFile, share, testFilesBelow, withinTime } from "../../scripts/test_groups.ts";
import { TEST_FLAGS } from "../../scripts/deno_test.ts";

Deno.test("share() gives the longest file a group of its own, and the groups about the same", () => {
  const times = { long: 60, a: 20, b: 30, c: 5 };
  deepStrictEqual(share(["a", "b", "c", "long"], times, 2), [["long"], ["b", "a", "c"]]);
  deepStrictEqual(share(["a", "b"], times, 3), [["b"], ["a"]]);
});

Deno.test("withinTime() leaves out the slowest files, and takes one that nobody has seen run for a quick one", () => {
  const files = ["slow", "new", "quick", "slowest"], times = { slow: 5000, quick: 10, slowest: 9000 };
  deepStrictEqual(withinTime(files, times, 6100), { chosen: ["slow", "new", "quick"], left: ["slowest"] });
  deepStrictEqual(withinTime(files, times, 6000), { chosen: ["new", "quick"], left: ["slow", "slowest"] });
  deepStrictEqual(withinTime(files, times, Infinity).left, []);
});

Deno.test("testFilesBelow() finds every file of tests, but for those in what is left out", () => {
  const files = testFilesBelow("tests", ["tests/executable"]);
  strictEqual(files.includes("tests/scripts/test_groups_test.ts"), true);
  strictEqual(files.some((file) => file.startsWith("tests/executable") || !file.endsWith("_test.ts")), false);
});

Deno.test("msByFile() adds up the times of the tests of each file", () => {
  const lines = testLines("./tests/a_test.ts => one ... ok (2ms)\n./tests/a_test.ts => two ... ok (1s)\n");
  deepStrictEqual(msByFile(lines), { "tests/a_test.ts": 1002 });
});

const FORMS = `
Deno.test("by name", () => {});
Deno.test(function byFunction() {});
Deno.test({ name: "by record", fn() {} });
Deno.test("by options", { ignore: true }, () => {});
Deno.test({ name: "and these" }, () => {});
Deno.test.ignore("left out", () => {});
Deno.test("fails", () => { throw new Error("as it should"); });
`;

Deno.test("tests of files in a group are told of as those of each file by itself", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    for (const name of ["a", "b"]) Deno.writeTextFileSync(`${directory}/${name}_test.ts`, FORMS);
    const files = ["a", "b"].map((name) => `${directory}/${name}_test.ts`);
    const run = async (files: readonly string[]) => {
      const args = ["test", "--parallel", ...TEST_FLAGS, ...files];
      const { stdout } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
      const text = new TextDecoder().decode(stdout);
      match(text, /as it should/);
      return testLines(text).map(({ name, result }) => `${name.replace(/^\S*\//, "")}: ${result}`).sort();
    };
    const other = `${directory}/other_test.ts`;
    Deno.writeTextFileSync(other, `Deno.test("x", () => {});`);
    const alone = await run([...files, other]);
    strictEqual(alone.length, 15);
    deepStrictEqual(await run([...inGroups(files, {}, { count: 1, directory }), other]), alone);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
