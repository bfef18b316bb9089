import { deepStrictEqual, match, notDeepStrictEqual, strictEqual } from "node:assert/strict";
import { stableScripts } from "../../scripts/stable_scripts.ts";

/** A bundle as it is written in one place: names of scripts and of packages differ from place to place. */
function bundle(cache: string, [first, second, third]: readonly [string, string, string], text = "1") {
  return new Map([
    ["main.js", `await import("./run-${first}.js");\n// ${cache}zod/4.6.7/v4.js\n`],
    [`run-${first}.js`, `import { one } from "./chunk-${second}.js";\nimport "./chunk-${third}.js";\n`],
    [
      `chunk-${second}.js`,
      `import "./run-${first}.js";\n"${cache}ssh2/lib/a.js"(exports) {}\nexport const one = ${text};\n`,
    ],
    [`chunk-${third}.js`, `export const two = 2;\n`],
  ]);
}

const HERE = "../.cache/deno/npm/", THERE = "../../../home/anna/deno/npm/";
const SOME = ["AAAAAAAA", "BBBBBBBB", "CCCCCCCC"] as const, OTHERS = ["ZZZZZZZZ", "YYYYYYYY", "12345678"] as const;

Deno.test("stableScripts(): the same names and texts from any directory, whatever the bundler called them", () => {
  const made = stableScripts(bundle(HERE, SOME), HERE);
  deepStrictEqual(made, stableScripts(bundle(THERE, OTHERS), THERE));
  strictEqual([...made.values()].some((text) => text.includes("deno")), false);
});

Deno.test("stableScripts(): scripts name each other by their new names, and main.js keeps its own", () => {
  const made = stableScripts(bundle(HERE, SOME), HERE);
  match(made.get("main.js") ?? "", /import\("\.\/run-[0-9A-F]{8}\.js"\);\n\/\/ npm\/zod\/4\.6\.7\/v4\.js/);
  const named = [...made.values()].flatMap((text) => [...text.matchAll(/\.\/([\w-]+\.js)/g)].map(([, name]) => name));
  strictEqual(named.length, 4);
  deepStrictEqual(named.filter((name) => !made.has(name ?? "")), []);
});

Deno.test("stableScripts(): another text gives other names to all that lead to it", () => {
  const names = (text: string) => [...stableScripts(bundle(HERE, SOME, text), HERE).keys()].toSorted();
  notDeepStrictEqual(names("1"), names("2"));
  strictEqual(names("1").filter((name) => names("2").includes(name)).length, 2);
});
