import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import plugin, { PROJECT } from "../../scripts/lint_rooms.ts";

/** Messages about `source` as if it stood in the project under that path. */
function messages(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, `${PROJECT}${path}`, source).map((found) => found.message);
}

function rules(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, `${PROJECT}${path}`, source).map((found) => found.id);
}

/** The doors once more, as whoever reads the architecture would draw them: from, to, open. */
const DOORS: readonly (readonly [string, string, boolean])[] = [
  ["core", "platform", false],
  ["platform", "core", true],
  ["platform", "storage", false],
  ["source", "platform", true],
  ["source", "storage", false],
  ["storage", "core", true],
  ["storage", "source", false],
  ["storage", "backend", false],
  ["storage", "vault", false],
  ["backend", "storage", false],
  ["backend", "vault", false],
  ["vault", "backend", true],
  ["vault", "core", true],
  ["vault", "storage", false],
  ["vault", "platform", true],
  ["operations", "storage", true],
  ["operations", "vault", true],
  ["operations", "jobs", false],
  ["storage", "operations", false],
  ["jobs", "operations", true],
  ["jobs", "server", false],
  ["server", "jobs", true],
  ["server", "cli", false],
  ["cli", "server", true],
  ["cli", "core", true],
];

for (const [from, to, open] of DOORS) {
  Deno.test(`lint rule doors ${open ? "lets" : "does not let"} ${from} import ${to}`, () => {
    const found = rules(`src/${from}/a.ts`, `import { b } from "../${to}/b.ts";`);
    deepStrictEqual(found, open ? [] : ["rooms/doors"]);
  });
}

Deno.test("lint rule doors says which door was broken", () => {
  deepStrictEqual(messages("src/storage/pool.ts", `import { walk } from "../source/walk.ts";`), [
    'Room "storage" may not import room "source": its doors lead to core, platform',
  ]);
  deepStrictEqual(messages("src/core/raw.ts", `import { disk } from "../platform/disk.ts";`), [
    'Room "core" may not import room "platform": it has no doors',
  ]);
});

for (
  const source of [
    `import { a } from "../source/a.ts";`,
    `import type { A } from "../source/a.ts";`,
    `import * as a from "../source/a.ts";`,
    `import "../source/a.ts";`,
    `import { a } from "./../source/./deep/a.ts";`,
    `import { a } from "../../src/source/a.ts";`,
    `export { a } from "../source/a.ts";`,
    `export type { A } from "../source/a.ts";`,
    `const a = await import("../source/a.ts");`,
    "const a = await import(`../source/a.ts`);",
    `let a: import("../source/a.ts").A;`,
    `let a: typeof import("../source/a.ts");`,
  ]
) {
  Deno.test(`lint rule doors sees ${source}`, () => {
    const found = messages("src/storage/x.ts", source);
    strictEqual(found.length, 1);
    match(found[0]!, /Room "storage" may not import room "source"/);
  });
}

for (
  const { title, path, source } of [
    { title: "the room itself", path: "src/storage/catalog/a.ts", source: `import { b } from "../content.ts";` },
    { title: "packages", path: "src/core/a.ts", source: `import picomatch from "picomatch";` },
    { title: "built-in modules", path: "src/core/a.ts", source: `import { crc32 } from "node:zlib";` },
    { title: "the address of a worker", path: "src/core/a.ts", source: `new URL("../cli/a.ts", import.meta.url);` },
    { title: "everything in main.ts", path: "main.ts", source: `import { a } from "./src/cli/a.ts";` },
    { title: "everything in tests", path: "tests/core/a_test.ts", source: `import { a } from "../../src/cli/a.ts";` },
  ]
) {
  Deno.test(`lint rule doors allows ${title}`, () => deepStrictEqual(rules(path, source), []));
}

for (
  const { title, path, source, says } of [
    { title: "leaving src", path: "src/cli/a.ts", source: `import "../../tests/a.ts";`, says: /lies outside src/ },
    { title: "main.ts", path: "src/cli/a.ts", source: `import "../../main.ts";`, says: /lies outside src/ },
    { title: "computed imports", path: "src/cli/a.ts", source: `await import(name);`, says: /computed import/ },
    { title: "unknown rooms", path: "src/attic/a.ts", source: `import "../core/a.ts";`, says: /"attic" is not a room/ },
    { title: "files without a room", path: "src/a.ts", source: `import "./core/a.ts";`, says: /"a.ts" is not a room/ },
  ]
) {
  Deno.test(`lint rule doors refuses ${title}`, () => {
    const found = messages(path, source);
    strictEqual(found.length, 1);
    match(found[0]!, says);
  });
}

for (
  const { rule, source, home } of [
    { rule: "rooms/runtime", source: `Deno.cwd();`, home: "src/platform/a.ts" },
    { rule: "rooms/runtime", source: `let a: Deno.FileInfo;`, home: "main.ts" },
    { rule: "rooms/runtime", source: `globalThis.Deno;`, home: "src/platform/a.ts" },
    { rule: "rooms/runtime", source: `globalThis["Deno"];`, home: "src/platform/a.ts" },
    { rule: "rooms/sqlite", source: `import { DatabaseSync } from "node:sqlite";`, home: "src/storage/catalog/a.ts" },
    { rule: "rooms/sqlite", source: `await import("node:sqlite");`, home: "src/storage/catalog/a.ts" },
    { rule: "rooms/network", source: `await fetch(address);`, home: "src/backend/a.ts" },
    { rule: "rooms/network", source: `await globalThis.fetch(address);`, home: "src/backend/a.ts" },
    { rule: "rooms/network", source: `const take = { fetch };`, home: "main.ts" },
    { rule: "rooms/ambient", source: `Date.now();`, home: "src/platform/a.ts" },
    { rule: "rooms/ambient", source: `const now = Date.now;`, home: "main.ts" },
    { rule: "rooms/ambient", source: `globalThis.Date.now();`, home: "src/platform/a.ts" },
    { rule: "rooms/ambient", source: `new Date();`, home: "src/platform/a.ts" },
    { rule: "rooms/ambient", source: `Date();`, home: "src/platform/a.ts" },
    { rule: "rooms/ambient", source: `Math.random();`, home: "src/platform/a.ts" },
    { rule: "rooms/ambient", source: `performance.now();`, home: "src/platform/a.ts" },
    { rule: "rooms/ambient", source: `crypto.randomUUID();`, home: "src/platform/a.ts" },
  ]
) {
  Deno.test(`lint rule ${rule} keeps ${source} to ${home}`, () => {
    deepStrictEqual(rules("src/storage/a.ts", source), [rule]);
    deepStrictEqual(rules(home, source), []);
    deepStrictEqual(rules("tests/storage/a_test.ts", source), []);
  });
}

for (const source of [`app.fetch(request);`, `const app = { fetch: handle };`, `new Date(0);`, `Math.max(1, 2);`]) {
  Deno.test(`lint rules do not mind ${source}`, () => deepStrictEqual(rules("src/server/a.ts", source), []));
}

for (
  const { rule, source } of [
    { rule: "rooms/exports", source: `export default 1;` },
    { rule: "rooms/exports", source: `const a = 1; export { a as default };` },
    { rule: "rooms/exports", source: `export * from "./a.ts";` },
    { rule: "rooms/exports", source: `export * as a from "./a.ts";` },
    { rule: "rooms/unions", source: `enum Colour { Red }` },
  ]
) {
  Deno.test(`lint rule ${rule} refuses ${source}`, () => {
    deepStrictEqual(rules("src/core/b.ts", source), [rule]);
    deepStrictEqual(rules("tests/core/b_test.ts", source), [rule]);
  });
}

Deno.test("lint rules name the guarded thing, its place and the way out", () => {
  deepStrictEqual(messages("src/jobs/a.ts", `Date.now();`), [
    'Room "jobs" may not use Date.now(), which belongs to platform/: take a Clock or a Random as an argument',
  ]);
});
