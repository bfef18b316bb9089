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
  ["core", "snapshot", false],
  ["platform", "core", true],
  ["platform", "storage", false],
  ["snapshot", "core", true],
  ["snapshot", "platform", false],
  ["snapshot", "catalog/catalog.ts", false],
  ["catalog", "snapshot", true],
  ["catalog", "storage/storage.ts", false],
  ["target", "platform", true],
  ["target", "snapshot", true],
  ["source", "platform", true],
  ["source", "backend/backend.ts", true],
  ["source", "storage/storage.ts", false],
  ["storage", "core", true],
  ["storage", "target", true],
  ["storage", "catalog/schema.ts", true],
  ["storage", "source", false],
  ["storage", "backend/backend.ts", false],
  ["storage", "vault/vault.ts", false],
  ["backend", "storage/storage.ts", false],
  ["vault", "backend/backend.ts", true],
  ["vault", "snapshot", true],
  ["vault", "platform", true],
  ["vault", "storage/storage.ts", false],
  ["operations", "storage/storage.ts", true],
  ["operations", "vault/vault.ts", true],
  ["operations", "jobs", false],
  ["storage", "operations", false],
  ["jobs", "operations", true],
  ["jobs", "server", false],
  ["server", "jobs", true],
  ["server", "cli", false],
  ["cli", "server", true],
  ["cli", "core", true],
];

/** What shows of a room to others: from, file, shows. */
const FACES: readonly (readonly [string, string, boolean])[] = [
  ["operations", "catalog/catalog.ts", true],
  ["operations", "catalog/schema.ts", false],
  ["cli", "catalog/database.ts", false],
  ["operations", "storage/writer.ts", true],
  ["operations", "storage/layout/faults.ts", true],
  ["operations", "storage/content/content_store.ts", false],
  ["operations/repair", "storage/repair/content_repairer.ts", true],
  ["operations/restore", "storage/repair/content_repairer.ts", false],
  ["cli", "storage/repair/content_repairer.ts", false],
  ["cli", "vault/vault.ts", true],
  ["cli", "vault/pack/unit.ts", false],
  ["source", "backend/s3.ts", false],
];

for (const [from, to, open] of [...DOORS, ...FACES]) {
  Deno.test(`lint rule doors ${open ? "lets" : "does not let"} ${from} import ${to}`, () => {
    const up = "../".repeat(from.split("/").length), file = to.includes("/") ? to : `${to}/b.ts`;
    const found = rules(`src/${from}/a.ts`, `import { b } from "${up}${file}";`);
    deepStrictEqual(found, open ? [] : ["rooms/doors"]);
  });
}

Deno.test("lint rule doors says which door was broken", () => {
  deepStrictEqual(messages("src/target/attributes.ts", `import { walk } from "../source/walk.ts";`), [
    'Room "target" may not import room "source": its doors lead to core, platform, snapshot',
  ]);
  deepStrictEqual(messages("src/jobs/import.ts", `import { Schema } from "../catalog/schema.ts";`), [
    '"catalog/schema.ts" is inside of room "catalog": its face is catalog.ts, change_table.ts, faults.ts, ' +
    "version_row.ts, path_changes.ts, compression_ratios.ts",
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
    `import { a } from "../source/deep/a.ts";`,
    `import { a } from "../../src/source/a.ts";`,
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
    { title: "the room itself", path: "src/storage/tree/a.ts", source: `import { b } from "../content/b.ts";` },
    { title: "packages that are a room's own", path: "src/cli/a.ts", source: `import { Command } from "commander";` },
    { title: "modules that touch nothing", path: "src/core/a.ts", source: `import { crc32 } from "node:zlib";` },
    { title: "node's files to platform", path: "src/platform/a.ts", source: `import { statSync } from "node:fs";` },
    {
      title: "addresses that are no files of ours",
      path: "src/core/a.ts",
      source: `new URL("https://a.example/b.ts");`,
    },
    { title: "everything in main.ts", path: "main.ts", source: `import { a } from "./src/cli/a.ts";` },
    { title: "everything in tests", path: "tests/core/a_test.ts", source: `import { a } from "../../src/cli/a.ts";` },
  ]
) {
  Deno.test(`lint rule doors allows ${title}`, () => deepStrictEqual(rules(path, source), []));
}

for (
  const { title, path, source, says } of [
    { title: "leaving src", path: "src/cli/a.ts", source: `import "../a.ts";`, says: /lies outside src/ },
    { title: "main.ts", path: "src/cli/a.ts", source: `import "../../main.ts";`, says: /lies outside src/ },
    { title: "computed imports", path: "src/cli/a.ts", source: `await import(name);`, says: /computed import/ },
    { title: "unknown rooms", path: "src/attic/a.ts", source: `import "../core/a.ts";`, says: /"attic" is not a room/ },
    { title: "files without a room", path: "src/a.ts", source: `import "./core/a.ts";`, says: /"a.ts" is not a room/ },
    { title: "packages nobody listed", path: "src/cli/a.ts", source: `import "left-pad";`, says: /not on the list/ },
  ]
) {
  Deno.test(`lint rule doors refuses ${title}`, () => {
    const found = messages(path, source);
    strictEqual(found.length, 1);
    match(found[0]!, says);
  });
}

/** What reaches outside of a room past its doors, in the ways in which it has been tried. */
const ATTACKS: readonly { readonly rule: string; readonly source: string; readonly home: string }[] = [
  { rule: "rooms/globals", source: `globalThis["fetch"](address);`, home: "main.ts" },
  { rule: "rooms/globals", source: `const h = fetch;`, home: "src/backend/a.ts" },
  { rule: "rooms/globals", source: `const { fetch: g } = globalThis;`, home: "main.ts" },
  { rule: "rooms/globals", source: `const { Deno: D } = globalThis;`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `globalThis["De" + "no"];`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `const D = Date;`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `const { now } = Date;`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `const { random } = Math;`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `Reflect["construct"](kind, []);`, home: "src/platform/a.ts" },
  { rule: "rooms/doors", source: `import { readFileSync } from "node:fs";`, home: "src/platform/a.ts" },
  { rule: "rooms/doors", source: `import { connect } from "node:net";`, home: "src/server/a.ts" },
  { rule: "rooms/doors", source: `import process from "node:process";`, home: "src/platform/a.ts" },
  { rule: "rooms/doors", source: `import { Command } from "commander";`, home: "src/cli/a.ts" },
  { rule: "rooms/doors", source: `import { createRequire } from "node:module";`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `require("../cli/run.ts");`, home: "src/platform/a.ts" },
  { rule: "rooms/doors", source: `new URL("../cli/run.ts", import.meta.url);`, home: "src/cli/a.ts" },
  { rule: "rooms/globals", source: `new WebSocket(address);`, home: "src/backend/a.ts" },
  { rule: "rooms/globals", source: `navigator.hardwareConcurrency;`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `performance.timeOrigin;`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `setTimeout(act, 1);`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `Atomics.wait(words, 0, 0);`, home: "src/platform/a.ts" },
];

const GUARDED: typeof ATTACKS = [
  { rule: "rooms/globals", source: `Deno.cwd();`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `let a: Deno.FileInfo;`, home: "main.ts" },
  { rule: "rooms/doors", source: `import { DatabaseSync } from "node:sqlite";`, home: "src/catalog/a.ts" },
  { rule: "rooms/doors", source: `await import("node:sqlite");`, home: "src/catalog/a.ts" },
  { rule: "rooms/globals", source: `await fetch(address);`, home: "src/backend/a.ts" },
  { rule: "rooms/globals", source: `const take = { fetch };`, home: "main.ts" },
  { rule: "rooms/globals", source: `Date.now();`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `const now = Date.now;`, home: "main.ts" },
  { rule: "rooms/globals", source: `new Date();`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `Date();`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `Math.random();`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `Math["random"]();`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `performance.now();`, home: "src/platform/a.ts" },
  { rule: "rooms/globals", source: `crypto.randomUUID();`, home: "src/platform/a.ts" },
  { rule: "rooms/casts", source: `const a = text as Raw;`, home: "src/core/raw.ts" },
  { rule: "rooms/casts", source: `const a = text as unknown as Apath;`, home: "src/core/apath.ts" },
  { rule: "rooms/casts", source: `const a = row["id"] as ContentId;`, home: "src/core/content_id.ts" },
];

for (const { rule, source, home } of [...ATTACKS, ...GUARDED]) {
  Deno.test(`lint rule ${rule} keeps ${source} to ${home}`, () => {
    deepStrictEqual([...new Set(rules("src/storage/a.ts", source))], [rule]);
    deepStrictEqual(rules(home, source), []);
    deepStrictEqual(rules("tests/storage/a_test.ts", source), []);
  });
}

for (
  const source of [
    `app.fetch(request);`,
    `const app = { fetch: handle };`,
    `new Date(0);`,
    `Date.parse(text);`,
    `let day: Date;`,
    `Math.max(1, 2);`,
    `Atomics.add(words, 0, 1);`,
    `const { content } = entry as Entry;`,
  ]
) {
  Deno.test(`lint rules do not mind ${source}`, () => deepStrictEqual(rules("src/server/a.ts", source), []));
}

for (
  const { rule, source } of [
    { rule: "rooms/exports", source: `export default 1;` },
    { rule: "rooms/exports", source: `const a = 1; export { a as default };` },
    { rule: "rooms/exports", source: `export * from "./a.ts";` },
    { rule: "rooms/exports", source: `export * as a from "./a.ts";` },
    { rule: "rooms/exports", source: `export { a } from "./a.ts";` },
    { rule: "rooms/exports", source: `export type { A } from "./a.ts";` },
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
    'Room "jobs" may not use Date this way, which belongs to platform/: take a Clock or a Random as an argument',
  ]);
});
