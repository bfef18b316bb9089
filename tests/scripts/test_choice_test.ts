import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { testLines } from "../../scripts/tally.ts";
import { closureOf, fingerprintOf, passedFiles, projectFiles } from "../../scripts/test_choice.ts";

const FILES: Readonly<Record<string, string>> = {
  "tests/a/x_test.ts":
    `import { a } from "../../src/core/a.ts";\nconst worker = new URL("./worker.ts", import.meta.url);`,
  "tests/a/worker.ts": `await import("../../src/b.ts");`,
  "src/core/a.ts": `export * from "./c.ts";`,
  "src/core/c.ts": `import "./a.ts";`,
  "src/b.ts": "",
  "src/d.ts": "",
  "main.ts": `import "./src/d.ts";`,
  "tests/cli_test.ts": `start("main.ts");`,
  "tests/all_test.ts": `readAll("../../src/");`,
};
const read = (path: string) => FILES[path];

Deno.test("closureOf() follows imports, scripts of workers, and programs that are started", () => {
  const of = (file: string) => [...closureOf(file, read)].sort();
  deepStrictEqual(of("tests/a/x_test.ts"), [
    "src/b.ts",
    "src/core/a.ts",
    "src/core/c.ts",
    "tests/a/worker.ts",
    "tests/a/x_test.ts",
  ]);
  deepStrictEqual(of("tests/cli_test.ts"), ["main.ts", "src/d.ts", "tests/cli_test.ts"]);
});

Deno.test("closureOf() gives a thread the parts of the program that the test loads anyway", () => {
  const files: Readonly<Record<string, string>> = {
    "main.ts": `import("./src/cli/run.ts"); import("./src/storage/worker.ts");`,
    "src/cli/run.ts": "",
    "src/storage/worker.ts": `import "../core/a.ts";`,
    "src/storage/storage.ts": "",
    "src/core/a.ts": "",
    "tests/support/world.ts": `const script = "../../main.ts";`,
    "tests/x_test.ts": `import "./support/world.ts";\nimport "../src/storage/storage.ts";`,
    "tests/y_test.ts": `import "./support/world.ts";\nimport "../src/core/a.ts";`,
  };
  const of = (file: string) =>
    [...closureOf(file, (path) => files[path])].filter((path) => path.startsWith("src")).sort();
  deepStrictEqual(of("tests/x_test.ts"), ["src/core/a.ts", "src/storage/storage.ts", "src/storage/worker.ts"]);
  deepStrictEqual(of("tests/y_test.ts"), ["src/core/a.ts"]);
});

Deno.test("fingerprintOf() changes with every file that is loaded, with nothing else, and with what is no code", () => {
  const print = (changed: string, others = "1") => {
    return fingerprintOf(
      "tests/a/x_test.ts",
      (path) => path === changed ? `${read(path)} // changed` : read(path),
      others,
    );
  };
  const usual = print("");
  for (const path of closureOf("tests/a/x_test.ts", read)) notStrictEqual(print(path), usual, path);
  for (const path of ["src/d.ts", "main.ts"]) strictEqual(print(path), usual, path);
  notStrictEqual(print("", "2"), usual);
});

Deno.test("fingerprintOf() says nothing of a test that looks at the source itself", () => {
  strictEqual(fingerprintOf("tests/scripts/structure_test.ts", projectFiles(), ""), undefined);
  strictEqual(fingerprintOf("tests/all_test.ts", read, ""), undefined);
  strictEqual(fingerprintOf("tests/cli/messages_test.ts", projectFiles(), ""), undefined);
});

Deno.test("passedFiles() has the files of which no test failed", () => {
  const lines = testLines(
    "a_test.ts => one ... ok (2ms)\na_test.ts => two ... FAILED (1s)\nb_test.ts => x ... ok (1s)\n",
  );
  deepStrictEqual([...passedFiles(lines)], ["b_test.ts"]);
});
